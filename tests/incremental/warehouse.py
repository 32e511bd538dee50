"""An operator whose staging tables are Delta tables with a change data feed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import DataFrame

from customer_mart.cli import main
from customer_mart.publish.staging_area import StagingArea
from customer_mart.run import start_run
from customer_mart.settings import load_settings
from customer_mart.steps.open_sources import open_sources
from customer_mart.steps.publish_quarantine import publish_quarantine
from customer_mart.steps.publish_scores import scoring_of
from customer_mart.steps.stage_dim_customer import stage_dim_customer
from customer_mart.steps.stage_sources import stage_customers
from tests.frames import staging, utc
from tests.jobs.operator_data import Operator, in_utc

# For tests that call `forget_logs`.
FORGOTTEN = pytest.mark.classic("empties the engine's memory of Delta logs")
ALL_DIRT = "quality.max_quarantined_fraction=1"
# So few customers that any share of them is large.
ANY_SHARE = "publish.max_touched_fraction=1"
Rows = list[dict[str, Any]]

JANUARY, FEBRUARY = utc("2025-01-01 00:00:00"), utc("2025-02-01 00:00:00")
USERS = [f"u{number}" for number in range(12)]
SIGNUPS = [(user, utc("2024-11-01 00:00:00"), "UK") for user in USERS]
GAMES = [("big", "Big", 1_000_000), ("small", "Small", 999_999), ("near", "Near", 900_000)]
WHEN = utc("2024-12-01 00:00:00")
DEPOSITS = [(f"d{user}", user, WHEN, 500) for user in USERS]
PURCHASES = [(f"p{user}", user, "small", WHEN, Decimal("5.00")) for user in USERS[:6]]
WEB_EVENTS = [(f"e{user}", user, WHEN, "spring") for user in USERS]
SOURCES: dict[str, Sequence[tuple[Any, ...]]] = {
    "stg_signups": SIGNUPS,
    "stg_games": GAMES,
    "stg_deposits": DEPOSITS,
    "stg_ticket_purchases": PURCHASES,
    "stg_web_events": WEB_EVENTS,
}

WITH_VECTORS = ("stg_signups", "stg_ticket_purchases", "stg_games")


@dataclass(frozen=True)
class Mart:
    """What a reader sees, without the clock and the names of runs."""

    dim_customer: Rows
    customer_ltv_scoring: Rows
    quarantine: list[tuple[str, str, str | None, dict[str, str]]]


class Warehouse(Operator):
    """Staging tables that are changed by statements."""

    def create(self, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
        write = staging(self.spark, table, rows).coalesce(1).write.format("delta")
        # Deletes and updates are told of in two ways: by files of changes, and by vectors.
        has_vectors = str(table in WITH_VECTORS).lower()
        write = write.option("delta.enableDeletionVectors", has_vectors)
        write.option("delta.enableChangeDataFeed", "true").save(str(self.sources / table))

    def insert(self, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
        write = staging(self.spark, table, rows).coalesce(1).write.format("delta")
        write.mode("append").save(str(self.sources / table))

    def change(self, statement: str, table: str, rest: str = "") -> None:
        """Runs a statement such as `DELETE FROM` on a staging table."""
        self.spark.sql(f"{statement} delta.`{self.sources / table}` {rest}")

    def forget_logs(self) -> None:
        """What the engine remembers of Delta logs; a process of tomorrow knows nothing of them."""
        assert self.spark._jvm is not None
        self.spark._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()

    def run(self, as_of: datetime, mode: str = "incremental", *flags: str) -> int:
        places = ["--sources", str(self.sources), "--mart", str(self.mart)]
        limits = ["--set", ALL_DIRT, "--set", ANY_SHARE]
        when = ["--as-of", as_of.isoformat(), "--mode", mode]
        return main(["build", *places, *limits, *when, *flags])

    def published(self) -> Mart:
        dim, scores = (
            [in_utc(row) for row in self.rows(table)]
            for table in ("dim_customer", "customer_ltv_scoring")
        )
        return Mart(dim, scores, _set_aside(self.table("quarantine")))

    def rebuilt(self, as_of: datetime) -> Mart:
        """What a rebuild of the same sources publishes, worked out beside the published mart."""
        elsewhere = self.folder / "rebuilt"
        places = {"sources": str(self.sources), "mart": str(elsewhere)}
        run = start_run(self.spark, load_settings(None, [ALL_DIRT], places), as_of)
        assert isinstance(run.staging, StagingArea)
        try:
            sources = open_sources(run)
            staged = stage_customers(run, sources)
            customers = stage_dim_customer(run, staged).rows
            dim, scores = (_rows(frame) for frame in (customers, scoring_of(run, customers)))
            publish_quarantine(run, sources, staged)
            quarantined = self.spark.read.format("delta").load(str(elsewhere / "quarantine"))
            return Mart(dim, scores, _set_aside(quarantined))
        finally:
            run.staging.clear()


def _rows(frame: DataFrame) -> Rows:
    by_user = frame.drop("dbt_updated_at").orderBy("user_id").collect()
    return [in_utc(row.asDict()) for row in by_user]


def _set_aside(quarantine: DataFrame) -> list[tuple[str, str, str | None, dict[str, str]]]:
    rows = quarantine.select("source", "reason", "user_id", "row").collect()
    found = [(row["source"], row["reason"], row["user_id"], row["row"]) for row in rows]
    return sorted(found, key=lambda row: (row[0], row[1], sorted(map(str, row[3].items()))))
