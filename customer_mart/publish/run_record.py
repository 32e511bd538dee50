"""mart_runs: what each run read, checked and published."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from customer_mart import __version__
from customer_mart.publish.checks import Check
from customer_mart.publish.tables import ensure_table
from customer_mart.publish.target import Target
from customer_mart.rows import frame_of
from customer_mart.staging.balance import READ, Balance

SUCCEEDED, FAILED = "succeeded", "failed"


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

    def row(self, finished_at: datetime, error: str | None, spark_version: str) -> dict[str, Any]:
        """The record as a row of mart_runs."""
        return {
            "run_id": self.run_id,
            "as_of": self.as_of,
            "mode": self.mode,
            "status": FAILED if error else SUCCEEDED,
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
            "package_version": __version__,
            "spark_version": spark_version,
            "source_ids": self.source_ids,
            "rebuild_reason": self.rebuild_reason,
            "touched_customers": self.touched_customers,
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


def rows_read_before(spark: SparkSession, target: Target) -> dict[str, int]:
    """Rows that the last successful rebuild read, by source; empty before the first."""
    if not target.exists(spark):
        return {}
    runs = target.read(spark).where(
        (F.col("status") == SUCCEEDED) & (F.col("mode") == "full") & (F.size("reconciliation") > 0)
    )
    last = runs.orderBy(F.desc("finished_at"), F.desc("run_id")).select("reconciliation").first()
    lines: Iterable[Any] = last["reconciliation"] if last else ()
    return {line["source"]: line["rows"] for line in lines if line["disposition"] == READ}


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
