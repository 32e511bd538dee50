from decimal import Decimal

from chispa import assert_df_equality
from pyspark.sql import SparkSession

from customer_mart.contracts import contract
from customer_mart.customer_tier_changes.customer_tier_changes import customer_tier_changes
from tests.frames import utc

SCORES = "user_id string, vip_tier string, ltv_score decimal(5,2)"
JANUARY, FEBRUARY = utc("2025-01-01 00:00:00"), utc("2025-02-01 00:00:00")


def test_who_rose_fell_came_and_went_and_nobody_else(spark: SparkSession) -> None:
    before = [
        ("rose", "Standard", Decimal("39.99")),
        ("fell", "Diamond VIP", Decimal("80.00")),
        ("left", "Gold VIP", Decimal("60.00")),
        ("stayed", "Gold VIP", Decimal("61.00")),
        ("same", "Standard", Decimal("0.00")),
    ]
    after = [
        ("rose", "Silver VIP", Decimal("40.00")),
        ("fell", "Gold VIP", Decimal("79.99")),
        ("came", "Standard", Decimal("22.00")),
        ("stayed", "Gold VIP", Decimal("79.99")),
        ("same", "Standard", Decimal("0.00")),
    ]
    changes = customer_tier_changes(
        spark.createDataFrame(before, SCORES),
        spark.createDataFrame(after, SCORES),
        "run-2",
        FEBRUARY,
        JANUARY,
    )
    moves = [
        ("rose", "Standard", "Silver VIP", Decimal("39.99"), Decimal("40.00")),
        ("fell", "Diamond VIP", "Gold VIP", Decimal("80.00"), Decimal("79.99")),
        ("came", None, "Standard", None, Decimal("22.00")),
        ("left", "Gold VIP", None, Decimal("60.00"), None),
    ]
    rows = [(user, FEBRUARY, "run-2", *move, JANUARY) for user, *move in moves]
    expected = spark.createDataFrame(rows, contract("customer_tier_changes").ddl)
    assert_df_equality(changes, expected, ignore_row_order=True, ignore_nullable=True)
