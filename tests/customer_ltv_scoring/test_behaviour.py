"""How a player behaves, measured at the as-of instant."""

from decimal import Decimal

from chispa import assert_df_equality
from pyspark.sql import SparkSession

from customer_mart.customer_ltv_scoring.behaviour import with_behaviour
from tests.frames import utc

GIVEN = [
    "signup_timestamp",
    "last_purchase_timestamp",
    "total_purchases",
    "avg_purchase_amount_usd",
]
MEASURED = (
    "signup_timestamp timestamp, last_purchase_timestamp timestamp, total_purchases bigint, "
    "avg_purchase_amount_usd decimal(28,4), customer_tenure_days double, "
    "days_since_last_activity double, tenure_microseconds bigint, "
    "avg_spend_per_purchase decimal(28,4), purchases_per_month double"
)
DAY, HOUR = 86_400_000_000, 3_600_000_000
AS_OF = utc("2025-01-01 00:00:00")
LAST_HOUR = utc("2024-12-31 23:00:00")
DAYS_30, DAYS_60, DAYS_90 = utc("2024-12-02"), utc("2024-11-02"), utc("2024-10-03")
# A microsecond younger than the day they are named for.
ALMOST_30, ALMOST_60 = utc("2024-12-02 00:00:00.000001"), utc("2024-11-02 00:00:00.000001")
MICROSECOND = utc("2024-12-31 23:59:59.999999")
NO, AVG = Decimal("0.0000"), Decimal("12.3456")


def test_a_tenure_that_divides_is_at_least_30_days_and_the_one_that_is_shown_is_as_it_is(
    spark: SparkSession,
) -> None:
    below_30, below_60 = 30 * DAY - 1, 60 * DAY - 1
    above = 7 / (below_60 / DAY / 30)  # 3.5 a month and very little more
    expected = spark.createDataFrame(
        [
            (MICROSECOND, None, 0, NO, 1 / DAY, 1 / DAY, 30 * DAY, NO, 0.0),
            (LAST_HOUR, MICROSECOND, 1, AVG, 1 / 24, 1 / DAY, 30 * DAY, AVG, 1.0),
            (ALMOST_30, None, 0, NO, below_30 / DAY, below_30 / DAY, 30 * DAY, NO, 0.0),
            (DAYS_30, DAYS_30, 3, AVG, 30.0, 30.0, 30 * DAY, AVG, 3.0),
            (DAYS_60, DAYS_90, 1, AVG, 60.0, 90.0, 60 * DAY, AVG, 0.5),
            (ALMOST_60, LAST_HOUR, 7, AVG, below_60 / DAY, 1 / 24, below_60, AVG, above),
        ],
        MEASURED,
    )
    actual = expected.select(*GIVEN).transform(with_behaviour, AS_OF, Decimal(30))
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


def test_without_a_floor_an_hour_counts_as_an_hour_and_no_tenure_as_no_purchases_a_month(
    spark: SparkSession,
) -> None:
    expected = spark.createDataFrame(
        [
            (LAST_HOUR, LAST_HOUR, 1, AVG, 1 / 24, 1 / 24, HOUR, AVG, 1 / (1 / 24 / 30)),
            (DAYS_60, None, 0, NO, 60.0, 60.0, 60 * DAY, NO, 0.0),
            (AS_OF, AS_OF, 1, AVG, 0.0, 0.0, 0, AVG, 0.0),
            (utc("2025-01-02"), None, 1, NO, -1.0, -1.0, 0, NO, 0.0),
        ],
        MEASURED,
    )
    actual = expected.select(*GIVEN).transform(with_behaviour, AS_OF, Decimal(0))
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


def test_the_floor_may_be_a_part_of_a_day(spark: SparkSession) -> None:
    expected = spark.createDataFrame(
        [
            (LAST_HOUR, LAST_HOUR, 1, AVG, 1 / 24, 1 / 24, 12 * HOUR, AVG, 60.0),
            (DAYS_30, None, 0, NO, 30.0, 30.0, 30 * DAY, NO, 0.0),
        ],
        MEASURED,
    )
    actual = expected.select(*GIVEN).transform(with_behaviour, AS_OF, Decimal("0.5"))
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)
