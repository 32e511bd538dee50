"""The mart's tables: made, and published one commit each."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from pyspark.sql import Column, DataFrame, SparkSession

from customer_mart.customer_tier_changes.publications import OF_SCORES
from customer_mart.erasure.delivered import without_erased
from customer_mart.errors import DataError
from customer_mart.incremental.last_run import LastRun, last_run
from customer_mart.publish.commit import (
    changed_since,
    metadata_of_rows,
    newest_version,
    publish,
    version_of_run,
)
from customer_mart.publish.tables import ensure_table
from customer_mart.publish.target import target
from customer_mart.publish.view import ensure_view
from customer_mart.rows import frame_of
from customer_mart.run import Run
from customer_mart.settings import Settings
from customer_mart.sources import SourceTable
from customer_mart.stages.facts import StagedCustomers
from customer_mart.stages.passes import early_rows
from customer_mart.staging.quarantine import quarantine, quarantined_rows, suspects


def ensure_tables(run: Run, *tables: str) -> None:
    """Creates the tables that are not there; done before anything is published.

    With the scores in a catalog comes their view.

    Raises:
        DataError: if one is there with other columns than its contract's.
        UsageError: if the view cannot be made or granted.
    """
    with (
        run.progress.stage("tables") as stage,
        ThreadPoolExecutor(initializer=run.tag) as pool,
    ):
        # Each takes seconds of waiting for small commits, and none needs another.
        for done in [pool.submit(ensure_table, run.spark, run.target(t)) for t in tables]:
            done.result()
        scores, options = run.target("customer_ltv_scoring"), run.settings.publish
        if "customer_ltv_scoring" in tables and scores.is_table and options.view:
            missing = ensure_view(run.spark, scores, options.view_readers)
            stage.notes += [missing] if missing else []


def publish_quarantine(
    run: Run,
    sources: dict[str, SourceTable],
    staged: StagedCustomers,
    others: DataFrame | None = None,
) -> None:
    """Publishes the rows this run set aside in place of the last run's, but for others.

    others: rows of the last run that stay.

    The sources that had any are read again, whole: so the main path carries no column that it
    does not need, and a clean source is read once.
    """
    per_customer = {
        "stg_signups": staged.signups,
        "stg_deposits": staged.deposits,
        "stg_ticket_purchases": staged.purchases,
        "stg_web_events": staged.web_events,
    }
    with run.progress.stage("publish quarantine") as stage:
        rows = {
            balance.source: _quarantined(run, sources[balance.source], per_customer, staged)
            for balance in run.record.balances
            if balance.quarantined
        }
        stage.rows = sum(sum(b.quarantined.values()) for b in run.record.balances)
        table = run.target("quarantine")
        empty = frame_of(run.spark, table.contract.ddl)
        set_aside = quarantine(rows, run.run_id, run.as_of) if rows else empty
        if others is not None:
            set_aside = set_aside.unionByName(others)
        if run.erased:
            # Staged, for it is looked through before it is written.
            set_aside = without_erased(run.staging.stage("quarantine", set_aside), run.erased)
        write = set_aside.hint("rebalance").write
        table.replace(write, run.commit_metadata)
        version = version_of_run(run.spark, table, run.run_id)
        run.record.target_versions["quarantine"] = version


def _quarantined(
    run: Run,
    source: SourceTable,
    per_customer: dict[str, DataFrame],
    staged: StagedCustomers,
) -> DataFrame:
    name = source.contract.name
    users = per_customer.get(name)
    return quarantined_rows(
        early_rows(run, source, source.as_read),
        source.contract,
        None if users is None else suspects(users, staged.signups, staged.method),
        None if users is None or name == "stg_signups" else staged.signups,
        unique=run.settings.sources.source(name).unique or source.contract.is_unique,
    )


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


def published_dim(run: Run, version: int) -> DataFrame:
    """dim_customer at a version."""
    return run.target("dim_customer").read(run.spark, version)


def has_dim_of(spark: SparkSession, settings: Settings, said: Mapping[str, str]) -> bool | None:
    """Whether dim_customer has the rows that the scores were computed from.

    said: the metadata of the scores' commit; None when it does not tell. Maintenance and erasures
    make newer versions of the same rows.
    """
    version = said.get(OF_SCORES)
    if version is None:
        return None
    dim = target("dim_customer", settings.mart)
    return changed_since(spark, dim, int(version)) is None


def is_as_recorded(spark: SparkSession, settings: Settings) -> bool:
    """Whether dim_customer is as the last successful run left it, by which it was checked."""
    return _left_by(spark, settings) is not None


def newest_dim(spark: SparkSession, settings: Settings) -> tuple[int, datetime | None]:
    """The version and the as-of instant of the dim_customer that is published now.

    The instant is None where no commit tells it: older versions left none of an empty table.

    Raises:
        DataError: if none was published.
    """
    table = target("dim_customer", settings.mart)
    never = (
        f"No dim_customer has been published at {table.place}: build it first with "
        "jobs/build_dim_customer.py"
    )
    if not table.exists(spark):
        raise DataError(never)
    version = newest_version(spark, table)
    if left := _left_by(spark, settings):
        # A run that found nothing to change looked from a later instant than the commit did.
        return version, left.as_of
    metadata = metadata_of_rows(spark, table)
    if not (metadata or _last_run(spark, settings)):
        # Made by a run that failed before it published.
        raise DataError(never)
    return version, datetime.fromisoformat(metadata["as_of"]) if metadata else None


def _left_by(spark: SparkSession, settings: Settings) -> LastRun | None:
    """The last successful run, if nothing has changed dim_customer since."""
    last = _last_run(spark, settings)
    dim = target("dim_customer", settings.mart)
    if last and not changed_since(spark, dim, last.target_versions["dim_customer"]):
        return last
    return None


def _last_run(spark: SparkSession, settings: Settings) -> LastRun | None:
    runs = target("mart_runs", settings.mart)
    return last_run(spark, runs) if runs.exists(spark) else None
