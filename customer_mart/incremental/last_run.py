"""What the last successful run says it read and published."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from customer_mart.erasure.known_ledger import LedgerState
from customer_mart.publish.run_record import KEYS_OF_OTHER_USERS, successful_runs
from customer_mart.publish.target import Target


@dataclass(frozen=True)
class LastRun:
    """The run that published dim_customer last, and the version each table had by then.

    run_ids: the run itself and those of the scores alone since. keys_of_others: rows that were set
    aside because another user has their key. ledger: that of erased customers as it found it; None
    when there was none.
    """

    as_of: datetime
    settings_hash: str
    package_version: str
    source_versions: Mapping[str, int]
    source_ids: Mapping[str, str]
    target_versions: Mapping[str, int]
    run_ids: frozenset[str]
    keys_of_others: int = 0
    ledger: LedgerState | None = None


def last_run(spark: SparkSession, runs: Target) -> LastRun | None:
    """The last successful run that read the sources; None before the first.

    A run of the scores alone publishes a later version of them: that is the one they should have.
    """
    targets: dict[str, int] = {}
    run_ids: set[str] = set()
    for row in successful_runs(spark, runs).toLocalIterator():
        targets = {**row["target_versions"], **targets}
        run_ids.add(row["run_id"])
        if "dim_customer" in row["target_versions"]:
            return LastRun(
                as_of=row["as_of"].astimezone(),
                settings_hash=row["settings_hash"],
                package_version=row["package_version"],
                source_versions=row["source_versions"],
                source_ids=row["source_ids"] or {},
                target_versions=targets,
                run_ids=frozenset(run_ids),
                keys_of_others=row["warnings"].get(KEYS_OF_OTHER_USERS, 0),
                # Older versions made the table without that column.
                ledger=LedgerState.parsed(row.asDict().get("ledger") or ""),
            )
    return None


def has_succeeded(spark: SparkSession, runs: Target, run_id: str) -> bool:
    """Whether a run is on record as one that succeeded."""
    return not successful_runs(spark, runs).where(F.col("run_id") == F.lit(run_id)).isEmpty()
