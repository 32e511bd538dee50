"""Time as numbers."""

from chispa import assert_df_equality
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from customer_mart.durations import days_between, in_days, microseconds_between
from tests.frames import utc

NOON = utc("2024-02-28 12:00:00")


def test_days_are_microseconds_over_86_400_seconds_and_negative_when_the_end_comes_first(
    spark: SparkSession,
) -> None:
    expected = spark.createDataFrame(
        [
            (NOON, NOON, 0, 0.0),
            (NOON, utc("2024-02-29 12:00:00"), 86_400_000_000, 1.0),
            (NOON, utc("2024-02-27 06:00:00"), -108_000_000_000, -1.25),
            (NOON, utc("2024-02-28 12:00:00.000001"), 1, 1 / 86_400_000_000),
            (NOON, utc("2024-02-28 11:59:59.999999"), -1, -1 / 86_400_000_000),
            # 130 years, 31 of them leap years.
            (utc("1990-01-01"), utc("2120-01-01"), 47_481 * 86_400_000_000, 47_481.0),
        ],
        "start timestamp, end timestamp, microseconds bigint, days double",
    )
    actual = expected.select(
        "start",
        "end",
        microseconds_between("start", "end").alias("microseconds"),
        days_between("start", F.col("end")).alias("days"),
    )
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


def test_a_missing_end_of_a_duration_makes_it_missing(spark: SparkSession) -> None:
    expected = spark.createDataFrame(
        [(None, NOON, None, None), (NOON, None, None, None), (None, None, None, None)],
        "start timestamp, end timestamp, days double, in_days double",
    )
    actual = expected.select(
        "start",
        "end",
        days_between("start", "end").alias("days"),
        in_days(F.lit(None).cast("bigint")).alias("in_days"),
    )
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


def test_a_day_across_a_change_of_the_clocks_is_still_24_hours(spark: SparkSession) -> None:
    # London lost an hour on 31 March and New York gained one on 3 November.
    expected = spark.createDataFrame(
        [
            (utc("2024-03-30 12:00:00"), utc("2024-03-31 12:00:00"), 1.0),
            (utc("2024-11-02 12:00:00"), utc("2024-11-03 12:00:00"), 1.0),
        ],
        "start timestamp, end timestamp, days double",
    )
    actual = expected.select("start", "end", days_between("start", "end").alias("days"))
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)
