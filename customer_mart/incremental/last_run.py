"""What the last successful run says it read and published."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pyspark.sql import SparkSession

from customer_mart.erasure.ledger_guard import LedgerState
from customer_mart.publish.history import Commit, change_since, run_of_rows
from customer_mart.publish.run_record import KEYS_OF_OTHER_USERS, successful_runs
from customer_mart.publish.target import Target


@dataclass(frozen=True)
class LastRun:
    """The run that published dim_customer last, and the version each table had by then.

    rows_of: by table, the run whose rows it held by then, None where none told. keys_of_others:
    rows set aside because another user has their key. ledger: that of erased customers as
    it found it; None when there was none.
    """

    as_of: datetime
    settings_hash: str
    package_version: str
    source_versions: Mapping[str, int]
    source_ids: Mapping[str, str]
    target_versions: Mapping[str, int]
    rows_of: Mapping[str, str | None]
    keys_of_others: int = 0
    ledger: LedgerState | None = None

    def change_of(self, table: str, commits: Sequence[Commit]) -> str | None:
        """What has made a table another than it was by then, in words; None if nothing has.

        An older copy of it comes to the same version by maintenance and erasures, one that was
        made anew by other runs. Where neither the record nor the log, once the old part of it was
        cleaned up, tells whose rows these are, the version has to do.

        commits: the table's history, newest first.
        """
        if change := change_since(commits, self.target_versions[table]):
            return change
        now, is_cleaned = run_of_rows(commits), commits[-1].version > 0
        then = self.rows_of[table]
        if now == then or (now is None and is_cleaned):
            return None
        return f"it has the rows of {_named(now)}, not of {_named(then)}"


def last_run(spark: SparkSession, runs: Target) -> LastRun | None:
    """The last successful run that read the sources; None before the first.

    A run of the scores alone publishes a later version of them: that is the one they should have.
    """
    targets: dict[str, int] = {}
    rows_of: dict[str, str | None] = {}
    for row in successful_runs(spark, runs).toLocalIterator():
        targets = {**row["target_versions"], **targets}
        own = dict.fromkeys(row["target_versions"], row["run_id"])
        rows_of = {**own, **row["rows_of"], **rows_of}
        if "dim_customer" in row["target_versions"]:
            return LastRun(
                as_of=row["as_of"].astimezone(),
                settings_hash=row["settings_hash"],
                package_version=row["package_version"],
                source_versions=row["source_versions"],
                source_ids=row["source_ids"],
                target_versions=targets,
                rows_of=rows_of,
                keys_of_others=row["warnings"].get(KEYS_OF_OTHER_USERS, 0),
                ledger=LedgerState.parsed(row["ledger"] or ""),
            )
    return None


def _named(run_id: str | None) -> str:
    return f"run {run_id}" if run_id else "no run that it tells of"
