"""The steps of an incremental run: who was touched, and the tables brought up to date."""

from collections.abc import Mapping
from dataclasses import replace

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from customer_mart.errors import DataError, GaveWayError, MartError, first_line
from customer_mart.failures import is_of_what_was_read
from customer_mart.incremental.decide import (
    INCREMENTAL_TARGETS,
    changed_meanwhile,
    rebuild_reason,
)
from customer_mart.incremental.last_run import LastRun, last_run
from customer_mart.incremental.published_dim import has_dim_of
from customer_mart.incremental.restrict import restricted
from customer_mart.incremental.touched import Touched, find_touched
from customer_mart.publish.history import Commit, history, metadata_of_rows, run_of_rows
from customer_mart.publish.merge import merge
from customer_mart.run import Run
from customer_mart.sources import SourceTable


def touched_customers(run: Run, sources: dict[str, SourceTable]) -> Touched | None:
    """Whom to compute again, with their rows staged; None when the tables are to be rebuilt.

    Raises:
        DataError: if the run has to be incremental and cannot.
    """
    if run.record.mode == "full":
        return None
    with run.progress.stage("changes") as stage:
        last = last_run(run.spark, run.target("mart_runs"))
        found = _found(run, sources, last)
        if isinstance(found, str):
            stage.notes.append(rebuilt_for(run, found))
            return None
        stage.rows = found.number
    try:
        rows = {} if found.is_nobody else restricted(run, sources, found)
    except GaveWayError as reason:
        run.progress.note(rebuilt_for(run, str(reason)))
        return None
    run.record.mode, run.record.touched_customers = "incremental", found.number
    return replace(found, rows=rows)


def rebuilt_for(run: Run, reason: str) -> str:
    """Makes the run a rebuild, and says why.

    Raises:
        DataError: if the run has to be incremental.
    """
    if run.record.mode == "incremental":
        raise DataError(f"An incremental run is not safe here: {reason}; use --mode auto or full")
    run.record.mode, run.record.rebuild_reason = "full", reason
    return f"rebuild: {reason}"


def _found(run: Run, sources: dict[str, SourceTable], last: LastRun | None) -> Touched | str:
    """The touched customers, or the reason to rebuild."""
    reason = rebuild_reason(run, sources, last)
    if reason or last is None:
        return reason or ""
    try:
        touched = find_touched(run, sources, last)
    except Exception as error:
        # Files of the feed that were vacuumed away, a schema that changed in between. Not so what
        # the next run may not meet again, such as a full disk.
        if not is_of_what_was_read(error):
            raise
        return f"the changes since the last run cannot be read ({first_line(error)})"
    limit = run.settings.publish.max_touched_fraction
    customers = run.target("dim_customer").read(run.spark).count()
    if run.record.mode == "auto" and touched.number > limit * customers:
        return f"{touched.number} customers were touched, of {customers}"
    return touched


def scores_are_current(run: Run) -> bool:
    """Whether the published scores are what this run would compute of dim_customer as it is."""
    scores = run.target("customer_ltv_scoring")
    if not scores.exists(run.spark):
        return False
    said = metadata_of_rows(history(run.spark, scores)) or {}
    # All that the run would say of its own commit, but for its name.
    would_say = {**run.commit_metadata, "run_id": said.get("run_id")}
    is_of_now = would_say.items() <= said.items()
    return is_of_now and has_dim_of(run.spark, run.settings, said) is True


def keep_versions(run: Run, touched: Touched | None) -> None:
    """Notes the versions, and whose rows, of tables that the run had no reason to change.

    touched: None after a rebuild, which puts its rows in place of whatever was there.

    Raises:
        MartError: if something else has changed a table that was only brought up to date.
    """
    histories = _histories(run, touched)
    if touched and (change := changed_meanwhile(histories, touched.last, run.run_id)):
        raise MartError(
            f"While this run went on, {change}; run again in mode auto or full, which rebuilds"
        )
    for table, commits in histories.items():
        # Of what was judged: a commit that has come since is for the next run to judge.
        run.record.target_versions.setdefault(table, commits[0].version)
        # A merge that changes nothing makes no commit.
        if (run_id := run_of_rows(commits)) != run.run_id:
            run.record.rows_of[table] = run_id


def _histories(run: Run, touched: Touched | None) -> dict[str, list[Commit]]:
    """By table that is there, its commits, but for those that a rebuild put in place itself."""
    tables = (*INCREMENTAL_TARGETS, "customer_tier_changes")
    targets = {t: run.target(t) for t in tables if touched or t not in run.record.target_versions}
    there = {table: target for table, target in targets.items() if target.exists(run.spark)}
    return {table: history(run.spark, target) for table, target in there.items()}


def quarantine_of_others(
    run: Run, touched: Touched, sources: Mapping[str, SourceTable]
) -> DataFrame:
    """One row per quarantined row that stays: of customers and of sources nothing touched."""
    without_user = [name for name, s in sources.items() if not s.contract.has_user]
    rows = run.target("quarantine").read(run.spark).transform(touched.marked)
    is_recomputed = (
        F.col("is_touched").isNotNull()
        | F.col("source").isin(without_user)
        | (F.col("user_id").isNull() & F.col("source").isin(list(touched.sources)))
    )
    return rows.where(~is_recomputed).drop("is_touched")


def merge_dim_customer(run: Run, recomputed: DataFrame, touched: Touched) -> int:
    """Merges the recomputed customers and returns the version.

    A touched customer who was not recomputed, having no signup any more, leaves.
    """
    with run.progress.stage("merge dim_customer"):
        target = run.target("dim_customer")
        version = merge(run.spark, recomputed, touched.users, target, run.commit_metadata)
        run.record.target_versions["dim_customer"] = version
    return version
