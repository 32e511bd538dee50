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
from customer_mart.stages.facts import stage_customers
from customer_mart.stages.gates import (
    check_games,
    pass_dim_checks,
    pass_ledger_gate,
    pass_scoring_checks,
    pass_source_gates,
)
from customer_mart.stages.open import note_erased_rows, open_sources
from customer_mart.stages.tables import (
    StagedDim,
    ensure_tables,
    newest_dim,
    publish_dim_customer,
    publish_quarantine,
    publish_scoring,
    published_dim,
    scoring_of,
    stage_dim_customer,
)
from customer_mart.stages.tier_changes import owed_tier_changes, publish_tier_changes
from customer_mart.stages.touched import (
    keep_versions,
    merge_dim_customer,
    merged_dim,
    quarantine_of_others,
    scores_are_current,
    touched_customers,
)

Build = Callable[[Run], None]
SCORING_TABLES = ("customer_ltv_scoring", "customer_tier_changes")


def build_customer_mart(run: Run) -> None:
    """Both tables, from the staging tables: rebuilt, or brought up to date from what changed.

    Nothing is published before every check of both has passed; the scores that are published are
    computed from the very version of dim_customer that was. Then the tier moves: what a run that
    died before them owes, the next one makes good.
    """
    sources = _sources(run, "dim_customer", *SCORING_TABLES)
    touched = touched_customers(run, sources)
    if touched is None:
        staged = _checked_dim_customer(run, sources)
        pass_scoring_checks(run, staged.rows, staged.measured)
        version = publish_dim_customer(run, staged.rows)
    elif touched.is_nobody:
        if scores_are_current(run):
            _keep_tables(run, touched)
            return
        pass_source_gates(run, _whole(sources))
        version, _ = newest_dim(run.spark, run.settings)
        pass_scoring_checks(run, published_dim(run, version))
    else:
        customers = _checked_touched(run, sources, touched)
        pass_scoring_checks(run, merged_dim(run, customers, touched))
        version = merge_dim_customer(run, customers, touched)
    publish_scoring(run, scoring_of(run, published_dim(run, version)), version)
    _publish_moves(run)
    keep_versions(run, touched)


def build_dim_customer(run: Run) -> None:
    """dim_customer alone, from the staging tables."""
    sources = _sources(run, "dim_customer")
    touched = touched_customers(run, sources)
    if touched is None:
        publish_dim_customer(run, _checked_dim_customer(run, sources).rows)
    elif not touched.is_nobody:
        merge_dim_customer(run, _checked_touched(run, sources, touched), touched)
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
    pass_scoring_checks(run, customers)
    publish_scoring(run, scoring_of(run, customers), version)
    _publish_moves(run)


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
        run.spark.removeTag(run.run_id)


def _sources(run: Run, *tables: str) -> dict[str, SourceTable]:
    """The sources, opened, and the tables that the run will publish, made.

    Tables are made once the sources are known to be sound, and before anything is published.
    """
    sources = open_sources(run)
    check_games(sources["stg_games"])
    ensure_tables(run, "quarantine", "mart_runs", *tables)
    return sources


def _checked_dim_customer(run: Run, sources: dict[str, SourceTable]) -> StagedDim:
    """dim_customer staged and checked, its quarantined rows published."""
    staged = stage_customers(run, sources)
    note_erased_rows(run, sources, {b.source: b.read for b in run.record.balances})
    publish_quarantine(run, sources, staged)
    pass_source_gates(run)
    customers = stage_dim_customer(run, staged)
    pass_dim_checks(run, customers, staged.signups)
    pass_ledger_gate(run)
    return customers


def _checked_touched(run: Run, sources: dict[str, SourceTable], touched: Touched) -> DataFrame:
    """The rows of dim_customer of touched customers, staged and checked like all of them."""
    whole = _whole(sources)
    note_erased_rows(run, sources, whole)
    of_touched = restricted(run, sources, touched)
    staged = stage_customers(run, of_touched)
    others = quarantine_of_others(run, touched, sources)
    publish_quarantine(run, of_touched, staged, others)
    pass_source_gates(run, whole)
    customers = stage_dim_customer(run, staged)
    pass_dim_checks(run, customers, staged.signups)
    pass_ledger_gate(run)
    return customers.rows


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


def _publish_moves(run: Run) -> None:
    """Adds the moves between tiers; of these nothing but an erasure ever removes any."""
    pass_ledger_gate(run)
    publish_tier_changes(run)


def _record(run: Run, error: str | None = None) -> None:
    run.record.durations.update(run.progress.durations)
    append_run(
        run.spark, run.target("mart_runs"), run.record, datetime.now(tz=timezone.utc), error
    )
