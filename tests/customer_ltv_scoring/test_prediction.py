"""What a player is predicted to spend, and how risky that is."""

from decimal import Decimal
from math import inf, nextafter

import pytest
from chispa import assert_df_equality
from pyspark.errors import ArithmeticException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from customer_mart.customer_ltv_scoring.prediction import with_prediction
from customer_mart.settings import Risk

PREDICTED = (
    "total_purchase_amount_usd decimal(28,2), tenure_microseconds bigint, "
    "predicted_annual_ltv decimal(28,2)"
)
AT_RISK = "customer_tenure_days double, days_since_last_activity double, risk_score int"
DAY, HOUR = 86_400_000_000, 3_600_000_000
usd = Decimal


def predicted(cases: DataFrame, horizon_years: str) -> DataFrame:
    """The cases predicted anew, whatever their risk is."""
    others = {"customer_tenure_days": F.lit(0.0), "days_since_last_activity": F.lit(0.0)}
    given = cases.drop("predicted_annual_ltv").withColumns(others)
    projected = given.transform(with_prediction, Decimal(horizon_years), Risk())
    return projected.select(cases.columns)


def test_past_spend_is_projected_over_a_year_and_half_a_cent_rounds_up(
    spark: SparkSession,
) -> None:
    expected = spark.createDataFrame(
        [
            (usd("0.00"), 30 * DAY, usd("0.00")),
            (usd("5.00"), 30 * DAY, usd("60.83")),
            (usd("100.00"), 365 * DAY, usd("100.00")),
            # Ties: 0.365 at the floor of 30 days, 0.005 and 1.005 after two years.
            (usd("0.03"), 30 * DAY, usd("0.37")),
            (usd("0.01"), 730 * DAY, usd("0.01")),
            (usd("2.01"), 730 * DAY, usd("1.01")),
            # A microsecond more or less than two years is on either side of the tie.
            (usd("0.01"), 730 * DAY + 1, usd("0.00")),
            (usd("2.01"), 730 * DAY + 1, usd("1.00")),
            (usd("2.01"), 730 * DAY - 1, usd("1.01")),
            (usd("5.00"), HOUR, usd("43800.00")),
            (usd("0.01"), 1, usd("315360000000.00")),
            (usd("99999999999999999999.99"), 365 * DAY, usd("99999999999999999999.99")),
        ],
        PREDICTED,
    )
    actual = predicted(expected, "1")
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


def test_no_tenure_projects_to_0(spark: SparkSession) -> None:
    expected = spark.createDataFrame(
        [(usd("5.00"), 0, usd("0.00")), (usd("5.00"), -1, usd("0.00"))], PREDICTED
    )
    actual = predicted(expected, "1")
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


def test_the_horizon_may_be_two_years_and_is_part_of_the_one_rounding(
    spark: SparkSession,
) -> None:
    # Rounded before the doubling, the first three would be 0.74, 0.02 and 0.00.
    expected = spark.createDataFrame(
        [
            (usd("0.03"), 30 * DAY, usd("0.73")),
            (usd("0.01"), 730 * DAY, usd("0.01")),
            (usd("0.01"), 1460 * DAY, usd("0.01")),
            (usd("5.00"), HOUR, usd("87600.00")),
        ],
        PREDICTED,
    )
    actual = predicted(expected, "2")
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


def test_the_horizon_may_be_a_part_of_a_year(spark: SparkSession) -> None:
    expected = spark.createDataFrame(
        [
            (usd("100.00"), 365 * DAY, usd("10.00")),
            (usd("0.05"), 365 * DAY, usd("0.01")),
            (usd("0.04"), 365 * DAY, usd("0.00")),
        ],
        PREDICTED,
    )
    actual = predicted(expected, "0.1")
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


def test_a_prediction_too_large_for_its_type_is_an_error(spark: SparkSession) -> None:
    largest = Decimal("99999999999999999999999999.99")
    cases = spark.createDataFrame([(largest, 30 * DAY, None)], PREDICTED)
    with pytest.raises(ArithmeticException, match="NUMERIC_VALUE_OUT_OF_RANGE"):
        predicted(cases, "1").collect()


def test_new_customers_are_a_risk_of_3_then_inactive_ones_of_2_and_all_others_of_1(
    spark: SparkSession,
) -> None:
    almost_30, over_30 = nextafter(30.0, 0), nextafter(30.0, inf)
    almost_90, over_90 = nextafter(90.0, 0), nextafter(90.0, inf)
    expected = spark.createDataFrame(
        [
            (0.0, 0.0, 3),
            (almost_30, 0.0, 3),
            (almost_30, over_90, 3),  # bought before signing up
            (30.0, 30.0, 1),
            (30.0, over_90, 2),
            (over_30, almost_90, 1),
            (400.0, 90.0, 1),
            (400.0, over_90, 2),
            (400.0, 400.0, 2),
        ],
        AT_RISK,
    )
    others = {
        "total_purchase_amount_usd": F.lit(Decimal("0.00")),
        "tenure_microseconds": F.lit(30 * DAY),
    }
    given = expected.drop("risk_score").withColumns(others)
    actual = given.transform(with_prediction, Decimal(1), Risk())
    scores = actual.select(expected.columns)
    assert_df_equality(scores, expected, ignore_row_order=True, ignore_nullable=True)
