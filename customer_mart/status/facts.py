"""What the run records and the tables of a mart say of themselves."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from customer_mart.contracts import MART_TABLES
from customer_mart.erasure.ledger import unfinished_requests
from customer_mart.erasure.ledger_guard import missing_ledger
from customer_mart.errors import DataError
from customer_mart.incremental.last_run import LastRun, last_run
from customer_mart.incremental.published_dim import has_dim_of, newest_dim
from customer_mart.publish.history import Commit, history, metadata_of_rows
from customer_mart.publish.run_record import (
    SUCCEEDED,
    names_dim_customer,
    newest_first,
    successful_runs,
)
from customer_mart.publish.target import Target, published, target
from customer_mart.settings import Settings
from customer_mart.staging.balance import Balance


@dataclass(frozen=True)
class Outcome:
    """How a run ended. has_dim: whether it published a dim_customer, or left it as it was."""

    run_id: str
    as_of: datetime
    finished_at: datetime
    has_succeeded: bool
    has_dim: bool


@dataclass(frozen=True)
class RecordedRun:
    """A row of mart_runs."""

    run_id: str
    as_of: datetime
    mode: str
    error: str | None
    started_at: datetime
    took: timedelta
    checks_passed: int
    checks_failed: tuple[str, ...]
    warnings: Mapping[str, int]
    balances: tuple[Balance, ...]


@dataclass(frozen=True)
class TableState:
    """A table of the mart now.

    recorded: the version that the last successful run left it at; None where no run records one.
    change: what happened to it since, in words. changed_by: the run whose commit that is, if it is
    a run's.
    """

    name: str
    version: int | None
    recorded: int | None
    rows: int | None
    as_of: datetime | None = None
    change: str | None = None
    changed_by: str | None = None


@dataclass(frozen=True)
class Facts:
    """Everything a judgement of the mart's health goes by.

    read_by: the last run that read sources and got to count what became of their rows. failed: ids
    of all failed runs on record. are_scores_behind: whether
    dim_customer has been published since the scores were computed. unfinished_erasures: requests
    that did not come to their end. missing_ledger: how the mart lacks the ledger it had. missed:
    the newest failed run for an instant that no run of dim_customer has reached since.
    """

    place: str
    last: RecordedRun | None
    succeeded: RecordedRun | None
    read_by: RecordedRun | None
    failed: frozenset[str]
    tables: tuple[TableState, ...]
    are_scores_behind: bool
    unfinished_erasures: tuple[str, ...] = ()
    missing_ledger: str | None = None
    missed: RecordedRun | None = None

    @property
    def as_of(self) -> datetime | None:
        """The instant that everything published covers: the earlier one of the two tables."""
        return min((table.as_of for table in self.tables if table.as_of), default=None)


def facts_of(spark: SparkSession, settings: Settings) -> Facts:
    """The facts of a mart that has been built at least once, be it in vain.

    Raises:
        DataError: if there is no record of runs.
    """
    records = published(spark, settings.mart, "mart_runs")
    runs = records.read(spark).orderBy(*newest_first())
    outcomes = _outcomes(runs)
    last = last_run(spark, records)
    missing = missing_ledger(spark, settings)
    return Facts(
        place=records.place.rpartition("." if records.is_table else "/")[0],
        last=_recorded(runs.first()),
        succeeded=_recorded(successful_runs(spark, records).first()),
        read_by=_recorded(runs.where(F.size("reconciliation") > 0).first()),
        failed=frozenset(run.run_id for run in outcomes if not run.has_succeeded),
        tables=tuple(_state(spark, settings, name, last) for name in MART_TABLES),
        are_scores_behind=_are_scores_behind(spark, settings),
        unfinished_erasures=() if missing else unfinished_requests(spark, settings),
        missing_ledger=missing,
        missed=_recorded(_row_of(runs, missed_run(outcomes))),
    )


def _outcomes(runs: DataFrame) -> list[Outcome]:
    """The outcome of every run, the newest first; runs: one row each, in that order."""
    has_succeeded = (F.col("status") == SUCCEEDED).alias("has_succeeded")
    has_dim = names_dim_customer().alias("has_dim")
    rows = runs.select("run_id", "as_of", "finished_at", has_succeeded, has_dim).collect()
    return [Outcome(**row.asDict()) for row in rows]


def missed_run(outcomes: Sequence[Outcome]) -> str | None:
    """The newest run that failed for a later instant than was made, and none has got there since.

    One that failed when it had published dim_customer is none: that table tells of it. Nor is one
    for an instant that was still to come: after a wrong --as-of nothing would be well until then.

    outcomes: of all runs, the newest first.
    """
    made: datetime | None = None
    missed: list[Outcome] = []
    for run in reversed(outcomes):
        if run.has_succeeded and run.has_dim:
            made = run.as_of
            missed = [failed for failed in missed if failed.as_of > made]
        elif not run.has_succeeded and not run.has_dim and run.as_of <= run.finished_at:
            is_later = made is None or run.as_of > made
            missed += [run] if is_later else []
    return missed[-1].run_id if missed else None


def _row_of(runs: DataFrame, run_id: str | None) -> Row | None:
    return None if run_id is None else runs.where(F.col("run_id") == run_id).first()


def _recorded(row: Row | None) -> RecordedRun | None:
    if row is None:
        return None
    return RecordedRun(
        run_id=row["run_id"],
        as_of=row["as_of"].astimezone(),
        mode=row["mode"],
        error=row["error"],
        started_at=row["started_at"].astimezone(),
        took=row["finished_at"] - row["started_at"],
        checks_passed=sum(check["passed"] for check in row["checks"]),
        checks_failed=tuple(check["name"] for check in row["checks"] if not check["passed"]),
        warnings=row["warnings"],
        balances=tuple(_balances(row["reconciliation"])),
    )


def _balances(lines: list[Row]) -> Iterator[Balance]:
    by_source: dict[str, dict[str, int]] = {}
    for line in lines:
        by_source.setdefault(line["source"], {})[line["disposition"]] = line["rows"]
    for source, rows in by_source.items():
        yield Balance(source, rows, {})


def _state(spark: SparkSession, settings: Settings, name: str, last: LastRun | None) -> TableState:
    table = target(name, settings.mart)
    recorded = last.target_versions.get(name) if last else None
    if not table.exists(spark):
        change = None if recorded is None else "it is not there any more"
        return TableState(name, None, recorded, None, change=change)
    commits = history(spark, table)
    change = last.change_of(name, commits) if last and recorded is not None else None
    return TableState(
        name,
        version=commits[0].version,
        recorded=recorded,
        rows=table.read(spark).count(),
        as_of=_as_of(spark, settings, table, commits),
        change=change,
        changed_by=_run_since(commits, recorded or 0) if change else None,
    )


def _as_of(
    spark: SparkSession, settings: Settings, table: Target, commits: Sequence[Commit]
) -> datetime | None:
    """The instant that the rows of dim_customer or of the scores were made for."""
    if table.contract.name == "dim_customer":
        try:
            return newest_dim(spark, settings)[1]
        except DataError:
            return None
    if table.contract.name == "customer_ltv_scoring":
        said = metadata_of_rows(commits)
        return datetime.fromisoformat(said["as_of"]) if said else None
    return None


def _run_since(commits: Sequence[Commit], version: int) -> str | None:
    """The run that made the first commit after a version, if a run made any."""
    later = [c.metadata["run_id"] for c in commits if c.metadata and c.version > version]
    return later[-1] if later else None


def _are_scores_behind(spark: SparkSession, settings: Settings) -> bool:
    scores = target("customer_ltv_scoring", settings.mart)
    dim = target("dim_customer", settings.mart)
    if not scores.exists(spark) or not dim.exists(spark):
        return False
    return has_dim_of(spark, settings, metadata_of_rows(history(spark, scores)) or {}) is False
