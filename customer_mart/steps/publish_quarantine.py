"""Quarantine: the rows that a run set aside, in place of those of the run before."""

from collections.abc import Mapping

from pyspark.sql import DataFrame

from customer_mart.erasure.delivered import without_erased
from customer_mart.passes import early_rows
from customer_mart.publish.history import version_of_run
from customer_mart.rows import frame_of
from customer_mart.run import Run
from customer_mart.sources import SourceTable
from customer_mart.staging.quarantine import (
    Suspects,
    quarantine,
    quarantined_rows,
    suspicious_users,
)
from customer_mart.steps.stage_sources import StagedCustomers


def publish_quarantine(
    run: Run,
    sources: Mapping[str, SourceTable],
    staged: StagedCustomers,
    others: DataFrame | None = None,
) -> None:
    """Publishes the rows this run set aside in place of the last run's, but for others.

    others: rows of the last run that stay.

    The sources that had any are read again, whole: so the main path carries no column that it
    does not need, and a clean source is read once.
    """
    with run.progress.stage("publish quarantine") as stage:
        rows = {
            balance.source: set_aside_of(run, sources[balance.source], staged)
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


def set_aside_of(run: Run, source: SourceTable, staged: StagedCustomers) -> DataFrame:
    """One row per quarantined row of a source."""
    table, rows = source.contract, early_rows(run, source, source.as_read)
    if table.name not in staged.by_source:
        return quarantined_rows(rows, table, unique=source.is_unique)
    suspected = staged.by_source[table.name].suspected
    found = suspicious_users(suspected, staged.signups, staged.method)
    # Staged to be counted: by its own guess the engine would exchange the source to join them.
    users = run.staging.stage(f"{table.name}_suspects", found)
    suspects = Suspects(users, users.count())
    signups = None if table.name == "stg_signups" else staged.signups
    return quarantined_rows(rows, table, suspects, signups, unique=source.is_unique)
