"""mart_runs: what each run read, checked and published."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from customer_mart.errors import GaveWayError
from customer_mart.fingerprint import package_version
from customer_mart.publish.checks import Check
from customer_mart.publish.tables import ensure_table
from customer_mart.publish.target import Target
from customer_mart.rows import frame_of
from customer_mart.staging.balance import Balance

SUCCEEDED, FAILED = "succeeded", "failed"
# The warning that counts rows set aside because another user's row has their key.
KEYS_OF_OTHER_USERS = "keys_of_other_users"


@dataclass
class RunRecord:
    """Everything a run has to say of itself; filled in as it goes, written once at its end."""

    run_id: str
    as_of: datetime
    mode: str
    settings_hash: str
    started_at: datetime
    source_versions: dict[str, int] = field(default_factory=dict)
    target_versions: dict[str, int] = field(default_factory=dict)
    balances: list[Balance] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    warnings: dict[str, int] = field(default_factory=dict)
    durations: dict[str, float] = field(default_factory=dict)
    source_ids: dict[str, str] = field(default_factory=dict)
    rebuild_reason: str | None = None
    touched_customers: int | None = None
    source_rows: dict[str, int] = field(default_factory=dict)
    ledger: str | None = None
    rows_of: dict[str, str | None] = field(default_factory=dict)

    @contextmanager
    def undone_if_it_gives_way(self) -> Iterator[None]:
        """An attempt before anything is published: made again, it leaves nothing of the first."""
        balances, checks, warnings = list(self.balances), list(self.checks), dict(self.warnings)
        try:
            yield
        except GaveWayError:
            self.balances, self.checks, self.warnings = balances, checks, warnings
            raise

    def row(self, finished_at: datetime, error: str | None, spark_version: str) -> dict[str, Any]:
        """The record as a row of mart_runs."""
        return {
            "run_id": self.run_id,
            "as_of": self.as_of,
            "mode": self.mode,
            "status": SUCCEEDED if error is None else FAILED,
            "error": error,
            "settings_hash": self.settings_hash,
            "source_versions": self.source_versions,
            "target_versions": self.target_versions,
            "reconciliation": [line for balance in self.balances for line in _lines(balance)],
            "checks": [asdict(check) for check in self.checks],
            "warnings": self.warnings,
            "durations": self.durations,
            "started_at": self.started_at,
            "finished_at": finished_at,
            "package_version": package_version(),
            "spark_version": spark_version,
            "source_ids": self.source_ids,
            "rebuild_reason": self.rebuild_reason,
            "touched_customers": self.touched_customers,
            "source_rows": self.source_rows,
            "ledger": self.ledger,
            "rows_of": self.rows_of,
        }


def append_run(
    spark: SparkSession,
    target: Target,
    record: RunRecord,
    finished_at: datetime,
    error: str | None = None,
) -> None:
    """Adds the run's one row to mart_runs, creating the table on the first run."""
    ensure_table(spark, target)
    row = record.row(finished_at, error, spark.version)
    rows = frame_of(spark, target.contract.ddl, [row])
    target.append(rows.write)


def newest_first() -> list[Column]:
    """The order of runs; the id parts those that ended in one instant."""
    return [F.desc("finished_at"), F.desc("run_id")]


def successful_runs(spark: SparkSession, target: Target) -> DataFrame:
    """One row per run on record that succeeded, the newest first."""
    return target.read(spark).where(F.col("status") == SUCCEEDED).orderBy(*newest_first())


def names_dim_customer() -> Column:
    """Whether a run on record left a dim_customer; one of the scores alone names none."""
    return F.array_contains(F.map_keys("target_versions"), "dim_customer")


def source_rows_before(spark: SparkSession, target: Target) -> dict[str, int]:
    """Rows each source had in the last successful run that counted; empty before the first."""
    if not target.exists(spark):
        return {}
    last = successful_runs(spark, target).where(F.size("source_rows") > 0).first()
    return last["source_rows"] if last else {}


def _lines(balance: Balance) -> list[dict[str, Any]]:
    return [
        {
            "source": balance.source,
            "disposition": disposition,
            "rows": rows,
            "amount": balance.amounts.get(disposition),
        }
        for disposition, rows in balance.rows.items()
    ]
