"""An operator's folder of staging tables, and the mart built from it."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from customer_mart.cli import main
from tests.frames import staging

AS_OF = "2025-01-01T00:00:00Z"
REQUIRED = ("stg_signups", "stg_deposits", "stg_ticket_purchases", "stg_web_events", "stg_games")


@dataclass(frozen=True)
class Operator:
    """Staging tables under one folder and a mart under another."""

    spark: SparkSession
    folder: Path

    @classmethod
    def with_empty_mart(cls, spark: SparkSession, folder: Path, empty_mart: Path) -> "Operator":
        """An operator whose mart's tables are there already, which spares most of a first run."""
        operator = cls(spark, folder)
        shutil.copytree(empty_mart, operator.mart)
        return operator

    @property
    def sources(self) -> Path:
        return self.folder / "sources"

    @property
    def mart(self) -> Path:
        return self.folder / "mart"

    def deliver(self, table: str, rows: Sequence[tuple[Any, ...]], files: int = 1) -> None:
        """Puts rows, in the order of the contract's columns, in place of a staging table."""
        frame = staging(self.spark, table, rows).repartition(files)
        frame.write.mode("overwrite").parquet(str(self.sources / table))

    def deliver_all(self, tables: Mapping[str, Sequence[tuple[Any, ...]]]) -> None:
        """Puts rows, by staging table, in place of each."""
        for table, rows in tables.items():
            self.deliver(table, rows)

    def deliver_nothing_else(self) -> None:
        """Puts an empty table where no source has been delivered."""
        for table in REQUIRED:
            if not (self.sources / table).exists():
                self.deliver(table, [])

    def build(self, *flags: str) -> int:
        """Runs `customer-mart build` in this process and returns its exit code."""
        places = ["--sources", str(self.sources), "--mart", str(self.mart), "--as-of", AS_OF]
        return main(["build", *places, *flags])

    def table(self, name: str, version: int | None = None) -> DataFrame:
        reader = self.spark.read.format("delta")
        if version is not None:
            reader = reader.option("versionAsOf", version)
        return reader.load(str(self.mart / name))

    def rows(self, name: str) -> list[dict[str, Any]]:
        """A table's rows by user without the clock, for comparison."""
        frame = self.table(name).drop("dbt_updated_at").orderBy("user_id")
        return [row.asDict() for row in frame.collect()]

    def version(self, name: str) -> int:
        """The newest version of a table."""
        history = self.spark.sql(f"DESCRIBE HISTORY delta.`{self.mart / name}` LIMIT 1")
        return int(history.collect()[0]["version"])

    def last_run(self) -> dict[str, Any]:
        runs = self.table("mart_runs").orderBy("finished_at")
        return runs.collect()[-1].asDict(recursive=True)

    def balance(self, source: str) -> dict[str, int]:
        """What became of a source's rows in the last run, without what did not occur."""
        lines = self.last_run()["reconciliation"]
        return {
            line["disposition"]: line["rows"]
            for line in lines
            if line["source"] == source and line["rows"]
        }

    def quarantined(self) -> list[tuple[str, str, dict[str, str]]]:
        rows = self.table("quarantine").select("source", "reason", "row").collect()
        return sorted((row["source"], row["reason"], row["row"]) for row in rows)


def comparable(operator: Operator, table: str) -> list[dict[str, Any]]:
    """A published table's rows by user, instants in UTC, without the clock."""
    return [in_utc(row) for row in operator.rows(table)]


def in_utc(row: dict[str, Any]) -> dict[str, Any]:
    """Spark hands out instants in the zone of this process; the tests think in UTC."""
    return {
        name: value.astimezone(timezone.utc) if isinstance(value, datetime) else value
        for name, value in row.items()
    }
