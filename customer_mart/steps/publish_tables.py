"""The mart's tables: made, and published one commit each."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from pyspark.sql import Column, DataFrame

from customer_mart.progress import Stage
from customer_mart.publish.commit import publish
from customer_mart.publish.tables import ensure_table
from customer_mart.publish.view import ensure_view, grant_to
from customer_mart.run import Run

# Entries of publish.view_readers.
REFUSED = "view_grants_refused"


def ensure_tables(run: Run, *tables: str) -> None:
    """Creates the tables that are not there; done before anything is published.

    With the scores in a catalog comes their view.

    Raises:
        DataError: if one is there with other columns than its contract's.
        UsageError: if the view cannot be made.
    """
    with (
        run.progress.stage("tables") as stage,
        ThreadPoolExecutor(initializer=run.tag) as pool,
    ):
        # Each takes seconds of waiting for small commits, and none needs another.
        for done in [pool.submit(ensure_table, run.spark, run.target(t)) for t in tables]:
            done.result()
        if "customer_ltv_scoring" in tables:
            _ensure_view(run, stage)


def _ensure_view(run: Run, stage: Stage) -> None:
    """The view of scores that are in a catalog, if it is wanted; a grant refused is a warning."""
    scores, options = run.target("customer_ltv_scoring"), run.settings.publish
    if not (scores.is_table and options.view):
        return
    if missing := ensure_view(run.spark, scores, has_readers=bool(options.view_readers)):
        stage.notes.append(missing)
    elif refusals := grant_to(run.spark, scores, options.view_readers):
        stage.notes += refusals
        run.record.warnings[REFUSED] = len(refusals)


def publish_rows(
    run: Run,
    table: str,
    rows: DataFrame,
    order: list[Column],
    metadata: Mapping[str, str] | None = None,
    *,
    are_in_place: bool = False,
) -> int:
    """Puts rows in place of a table's, in one commit, and returns the version."""
    with run.progress.stage(f"publish {table}"):
        version = publish(
            run.spark,
            rows,
            run.target(table),
            {**run.commit_metadata, **(metadata or {})},
            order=order,
            max_records_per_file=run.settings.publish.max_records_per_file,
            are_in_place=are_in_place,
        )
        run.record.target_versions[table] = version
    return version
