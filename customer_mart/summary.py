"""What a mart holds, as tables on a terminal."""

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from customer_mart.contracts import MART_TABLES
from customer_mart.errors import DataError
from customer_mart.incremental.last_run import last_run
from customer_mart.publish.run_record import successful_runs
from customer_mart.publish.target import published, target
from customer_mart.settings import Settings
from customer_mart.staging.balance import READ
from customer_mart.terminal import print_line, print_rows

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
    """The best players by ltv_score, ties by predicted value and user_id.

    Raises:
        DataError: if no scores have been published.
    """
    scores = published(spark, settings.mart, "customer_ltv_scoring").read(spark)
    if scores.isEmpty():
        _require_a_success(spark, settings)
    order = [F.desc("ltv_score"), F.desc("predicted_annual_ltv"), F.asc("user_id")]
    best = scores.orderBy(*order).limit(number).select(*TOP_COLUMNS)
    rounded = F.round("days_since_last_activity", 1)
    print_rows(best.withColumn("days_since_last_activity", rounded), f"Top {number} players")


def _require_a_success(spark: SparkSession, settings: Settings) -> None:
    """Refuses tables that a run made and failed before it published anything."""
    runs = published(spark, settings.mart, "mart_runs")
    if last_run(spark, runs) is None:
        raise DataError(
            f"No run of the mart at {settings.mart.catalog_schema or settings.mart.location} has "
            "succeeded yet: customer-mart status says why"
        )


def print_summary(spark: SparkSession, settings: Settings) -> None:
    """Rows, tiers, segments, best players, quarantined rows, and where the tables are."""
    scores = published(spark, settings.mart, "customer_ltv_scoring").read(spark)
    set_aside = published(spark, settings.mart, "quarantine").read(spark)
    print_rows(_last_run(spark, settings), "What the last run read and where the rows went")
    for column in ("vip_tier", "customer_segment", "promotion_category"):
        print_rows(_by_label(scores, column), f"Players by {column}")
    print_top(spark, settings, 10)
    reasons = set_aside.groupBy("source", "reason").agg(F.count(F.lit(1)).alias("rows"))
    print_rows(reasons.orderBy("source", "reason"), "Quarantined rows")
    _print_places(spark, settings)


def _last_run(spark: SparkSession, settings: Settings) -> DataFrame:
    """One row per source and disposition of the last successful run that read sources."""
    runs = successful_runs(spark, published(spark, settings.mart, "mart_runs"))
    last = runs.where(F.size("reconciliation") > 0).limit(1)
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


def _print_places(spark: SparkSession, settings: Settings) -> None:
    print_line("Tables", "bold")
    for table in (target(name, settings.mart) for name in MART_TABLES):
        if table.exists(spark):
            print_line(f"  {table.place}")
    scoring = target("customer_ltv_scoring", settings.mart)
    print_line("Query them with any Spark session that has Delta Lake, such as", "bold")
    print_line(f"  SELECT vip_tier, count(*) FROM {scoring.identifier} GROUP BY vip_tier")
