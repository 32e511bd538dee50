"""What a mart holds, as tables on a terminal."""

import sys
from decimal import Decimal

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from rich.console import Console
from rich.table import Table

from customer_mart.contracts import MART_TABLES
from customer_mart.errors import DataError
from customer_mart.publish.run_record import SUCCEEDED
from customer_mart.publish.target import Target, target
from customer_mart.settings import Settings
from customer_mart.staging.balance import READ

PIPE_WIDTH = 200
TOP_COLUMNS = (
    "user_id",
    "country",
    "ltv_score",
    "vip_tier",
    "predicted_annual_ltv",
    "total_purchase_amount_usd",
    "total_purchases",
    "days_since_last_activity",
    "promotion_category",
)


def print_top(spark: SparkSession, settings: Settings, number: int) -> None:
    """The best players by ltv_score, ties by predicted value and user_id."""
    scores = _published(spark, settings, "customer_ltv_scoring").read(spark)
    order = [F.desc("ltv_score"), F.desc("predicted_annual_ltv"), F.asc("user_id")]
    best = scores.orderBy(*order).limit(number).select(*TOP_COLUMNS)
    rounded = F.round("days_since_last_activity", 1)
    _print(best.withColumn("days_since_last_activity", rounded), f"Top {number} players")


def print_summary(spark: SparkSession, settings: Settings) -> None:
    """Rows, tiers, segments, best players, quarantined rows, and where the tables are."""
    scores = _published(spark, settings, "customer_ltv_scoring").read(spark)
    set_aside = _published(spark, settings, "quarantine").read(spark)
    _print(_last_run(spark, settings), "What the last run read and where the rows went")
    for column in ("vip_tier", "customer_segment", "promotion_category"):
        _print(_by_label(scores, column), f"Players by {column}")
    print_top(spark, settings, 10)
    reasons = set_aside.groupBy("source", "reason").agg(F.count(F.lit(1)).alias("rows"))
    _print(reasons.orderBy("source", "reason"), "Quarantined rows")
    _print_places(spark, settings)


def _published(spark: SparkSession, settings: Settings, table: str) -> Target:
    published = target(table, settings.mart)
    if not published.exists(spark):
        raise DataError(f"There is no {table} at {published.place} yet: run customer-mart build")
    return published


def _last_run(spark: SparkSession, settings: Settings) -> DataFrame:
    """One row per source and disposition of the last successful run that read sources."""
    runs = _published(spark, settings, "mart_runs").read(spark)
    succeeded = runs.where((F.col("status") == SUCCEEDED) & (F.size("reconciliation") > 0))
    last = succeeded.orderBy(F.desc("finished_at"), F.desc("run_id")).limit(1)
    lines = last.select(F.inline("reconciliation")).where("rows > 0")
    is_read = F.col("disposition") == READ
    return lines.orderBy("source", F.desc(is_read), F.desc("rows"), "disposition")


def _by_label(scores: DataFrame, column: str) -> DataFrame:
    """One row per label: players, what they spent and what they are predicted to."""
    per_label = scores.groupBy(column).agg(
        F.count(F.lit(1)).alias("players"),
        F.sum("total_purchase_amount_usd").alias("total_purchase_amount_usd"),
        F.sum("predicted_annual_ltv").alias("predicted_annual_ltv"),
    )
    return per_label.orderBy(F.desc("predicted_annual_ltv"), column)


def _print(rows: DataFrame, title: str) -> None:
    """Prints a few rows; numbers to the right."""
    table = Table(title=title, title_justify="left", title_style="bold")
    for field in rows.schema:
        is_text = field.dataType.simpleString() == "string"
        table.add_column(field.name, justify="left" if is_text else "right")
    for row in rows.collect():
        table.add_row(*(_shown(value) for value in row))
    _console().print(table)


def _shown(value: object) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int | float | Decimal) else str(value)


def _print_places(spark: SparkSession, settings: Settings) -> None:
    console = _console()
    console.print("Tables", style="bold")
    for table in (target(name, settings.mart) for name in MART_TABLES):
        if table.exists(spark):
            console.print(f"  {table.place}", soft_wrap=True)
    scoring = target("customer_ltv_scoring", settings.mart)
    console.print("Query them with any Spark session that has Delta Lake, such as", style="bold")
    console.print(
        f"  SELECT vip_tier, count(*) FROM {scoring.identifier} GROUP BY vip_tier", soft_wrap=True
    )


def _console() -> Console:
    """A terminal as wide as it is; a file or pipe gets room for every column."""
    return Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False)
