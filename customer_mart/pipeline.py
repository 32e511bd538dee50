"""The stages in order: sources, staging, dim_customer, customer_ltv_scoring, publish."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timezone

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from customer_mart.errors import first_line
from customer_mart.failures import in_plain_words
from customer_mart.incremental.restrict import restricted
from customer_mart.incremental.touched import Touched
from customer_mart.publish.run_record import append_run
from customer_mart.run import Run
from customer_mart.sources import SourceTable
from customer_mart.stages.dim_customer import (
    StagedDim,
    publish_dim_customer,
    stage_dim_customer,
)
from customer_mart.stages.facts import StagedCustomers, stage_customers
from customer_mart.stages.gates import (
    check_games,
    check_published_scores,
    pass_dim_checks,
    pass_ledger_gate,
    pass_published_dim,
    pass_scoring_checks,
    pass_source_gates,
)
from customer_mart.stages.open import note_erased_rows, open_sources
from customer_mart.stages.scores import publish_scoring
from customer_mart.stages.tables import (
    ensure_tables,
    newest_dim,
    publish_quarantine,
    published_dim,
)
from customer_mart.stages.tier_changes import owed_tier_changes, publish_tier_changes
from customer_mart.stages.touched import (
    keep_versions,
    merge_dim_customer,
    quarantine_of_others,
    scores_are_current,
    touched_customers,
)

Build = Callable[[Run], None]
SCORING_TABLES = ("customer_ltv_scoring", "customer_tier_changes")


def build_customer_mart(run: Run) -> None:
    """Both tables, from the staging tables: rebuilt, or brought up to date from what changed.

    Nothing is published before every check of the customers that were computed, and of their
    scores, has passed; the scores that are published are computed from the very version of
    dim_customer that was, and checked by the job that writes them. Then the tier moves: what a run
    that died before them owes, the next one makes good.
    """
    sources = _sources(run, "dim_customer", *SCORING_TABLES)
    touched = touched_customers(run, sources)
    if touched is None:
        staged = _checked_dim_customer(run, sources, scored=True)
        version = publish_dim_customer(run, staged.rows)
    elif touched.is_nobody:
        if scores_are_current(run):
            _keep_tables(run, touched)
            return
        pass_source_gates(run, _whole(sources))
        version, _ = newest_dim(run.spark, run.settings)
    else:
        staged = _checked_touched(run, sources, touched, scored=True)
        version = merge_dim_customer(run, staged.rows, touched)
    _publish_scores(run, published_dim(run, version), version)
    keep_versions(run, touched)


def build_dim_customer(run: Run) -> None:
    """dim_customer alone, from the staging tables."""
    sources = _sources(run, "dim_customer")
    touched = touched_customers(run, sources)
    if touched is None:
        staged = _checked_dim_customer(run, sources, scored=False)
        publish_dim_customer(run, staged.rows)
    elif not touched.is_nobody:
        staged = _checked_touched(run, sources, touched, scored=False)
        merge_dim_customer(run, staged.rows, touched)
    keep_versions(run, touched)


def build_customer_ltv_scoring(run: Run) -> None:
    """customer_ltv_scoring alone, from the dim_customer that was published last."""
    run.record.mode = "full"
    ensure_tables(run, *SCORING_TABLES, "mart_runs")
    version, _ = newest_dim(run.spark, run.settings)
    customers = published_dim(run, version)
    if run.erased:
        # An erasure may have been interrupted, or dim_customer restored to what it was before one.
        customers = run.erased.left_out(customers, F.col("user_id"))
    pass_published_dim(run, customers)
    _publish_scores(run, customers, version)


def recorded(run: Run, build: Build) -> None:
    """Runs a build and leaves one row in mart_runs, whether it succeeded or failed.

    The engine's jobs carry the run id as a tag, by which its event log tells whose they are.
    """
    run.tag()
    try:
        with in_plain_words(run.settings, lambda: run.progress.failed_stage):
            build(run)
            # What was published meanwhile is not trusted: a failed run makes the next one rebuild.
            pass_ledger_gate(run)
    except Exception as error:
        # The first error is the one to report, also when the record cannot be written.
        with suppress(Exception):
            _record(run, first_line(error))
        raise
    else:
        _record(run)
    finally:
        run.staging.clear()
        # A session that died has no tags, and what it died of is the error to report.
        with suppress(Exception):
            run.spark.removeTag(run.run_id)


def _sources(run: Run, *tables: str) -> dict[str, SourceTable]:
    """The sources, opened, and the tables that the run will publish, made.

    Tables are made once the sources are known to be sound, and before anything is published.
    """
    sources = open_sources(run)
    check_games(sources["stg_games"])
    ensure_tables(run, "quarantine", "mart_runs", *tables)
    return sources


def _checked_dim_customer(run: Run, sources: dict[str, SourceTable], *, scored: bool) -> StagedDim:
    """dim_customer staged and checked, its quarantined rows published.

    scored: whether the scores of its customers are checked too.
    """
    staged = stage_customers(run, sources)
    note_erased_rows(run, sources, {b.source: b.read for b in run.record.balances})
    publish_quarantine(run, sources, staged)
    pass_source_gates(run)
    return _checked(run, staged, scored=scored)


def _checked_touched(
    run: Run, sources: dict[str, SourceTable], touched: Touched, *, scored: bool
) -> StagedDim:
    """The same of touched customers alone."""
    whole = _whole(sources)
    note_erased_rows(run, sources, whole)
    of_touched = restricted(run, sources, touched)
    staged = stage_customers(run, of_touched)
    others = quarantine_of_others(run, touched, sources)
    publish_quarantine(run, of_touched, staged, others)
    pass_source_gates(run, whole)
    return _checked(run, staged, scored=scored)


def _checked(run: Run, staged: StagedCustomers, *, scored: bool) -> StagedDim:
    customers = stage_dim_customer(run, staged, scored=scored)
    pass_dim_checks(run, customers, staged.signups)
    if scored:
        pass_scoring_checks(run, customers)
    pass_ledger_gate(run)
    return customers


def _whole(sources: dict[str, SourceTable]) -> dict[str, int]:
    """The rows of each source, which Delta's log tells unless somebody was erased."""
    return {name: source.rows.count() for name, source in sources.items()}


def _keep_tables(run: Run, touched: Touched) -> None:
    """Leaves the tables as they are, but for moves between tiers that are owed."""
    if owed_tier_changes(run):
        _publish_moves(run)
        run.progress.note("nothing has changed since the last run: only moves were owed")
    else:
        run.progress.note("nothing has changed since the last run: no table was written")
    keep_versions(run, touched)


def _publish_scores(run: Run, customers: DataFrame, dim_version: int) -> None:
    """Publishes the scores of customers, and what moved since the ones before."""
    totals = publish_scoring(run, customers, dim_version)
    check_published_scores(run, totals)
    _publish_moves(run)


def _publish_moves(run: Run) -> None:
    """Adds the moves between tiers; of these nothing but an erasure ever removes any."""
    pass_ledger_gate(run)
    publish_tier_changes(run)


def _record(run: Run, error: str | None = None) -> None:
    run.record.durations.update(run.progress.durations)
    append_run(
        run.spark, run.target("mart_runs"), run.record, datetime.now(tz=timezone.utc), error
    )
