"""The ltv_score, the VIP tier and the promotion at every bound."""

from decimal import Decimal
from math import inf, nextafter

from chispa import assert_df_equality
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from customer_mart.customer_ltv_scoring.tiers import with_tiers
from customer_mart.settings import Scoring, Weights

SCORED = (
    "rfm_score int, behavioral_score int, predicted_annual_ltv decimal(28,2), "
    "ltv_score decimal(5,2), vip_tier string"
)
usd = points = Decimal


def tiered(cases: DataFrame, scoring: Scoring) -> DataFrame:
    """The cases scored anew, whatever their recency is."""
    given = cases.drop("ltv_score", "vip_tier")
    recent = given.withColumn("days_since_last_activity", F.lit(0.0))
    return recent.transform(with_tiers, scoring).select(cases.columns)


def test_the_prediction_adds_up_to_30_points_by_its_band(spark: SparkSession) -> None:
    # The lowest scores make 3/15 x 40 + 4/20 x 30 = 14 points.
    expected = spark.createDataFrame(
        [
            (3, 4, usd("99999999999999999999999999.99"), points("44.00"), "Silver VIP"),
            (3, 4, usd("1000.01"), points("44.00"), "Silver VIP"),
            (3, 4, usd("1000.00"), points("44.00"), "Silver VIP"),
            (3, 4, usd("999.99"), points("38.00"), "Standard"),
            (3, 4, usd("500.01"), points("38.00"), "Standard"),
            (3, 4, usd("500.00"), points("38.00"), "Standard"),
            (3, 4, usd("499.99"), points("32.00"), "Standard"),
            (3, 4, usd("200.01"), points("32.00"), "Standard"),
            (3, 4, usd("200.00"), points("32.00"), "Standard"),
            (3, 4, usd("199.99"), points("26.00"), "Standard"),
            (3, 4, usd("100.01"), points("26.00"), "Standard"),
            (3, 4, usd("100.00"), points("26.00"), "Standard"),
            (3, 4, usd("99.99"), points("20.00"), "Standard"),
            (3, 4, usd("50.01"), points("20.00"), "Standard"),
            (3, 4, usd("50.00"), points("20.00"), "Standard"),
            (3, 4, usd("49.99"), points("14.00"), "Standard"),
            (3, 4, usd("0.00"), points("14.00"), "Standard"),
        ],
        SCORED,
    )
    actual = tiered(expected, Scoring())
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


def test_the_score_is_rounded_half_up_and_its_tier_changes_exactly_at_80_60_and_40(
    spark: SparkSession,
) -> None:
    # A score is a multiple of a sixth: those beside a bound are the nearest that exist.
    expected = spark.createDataFrame(
        [
            (15, 20, usd("1000.00"), points("100.00"), "Diamond VIP"),
            (11, 14, usd("1000.00"), points("80.33"), "Diamond VIP"),
            (12, 12, usd("1000.00"), points("80.00"), "Diamond VIP"),
            (8, 19, usd("1000.00"), points("79.83"), "Gold VIP"),
            (4, 13, usd("1000.00"), points("60.17"), "Gold VIP"),
            (9, 20, usd("50.00"), points("60.00"), "Gold VIP"),
            (5, 11, usd("1000.00"), points("59.83"), "Silver VIP"),
            (10, 9, usd("0.00"), points("40.17"), "Silver VIP"),
            (6, 16, usd("0.00"), points("40.00"), "Silver VIP"),
            (11, 7, usd("0.00"), points("39.83"), "Standard"),
            (4, 4, usd("0.00"), points("16.67"), "Standard"),
            (3, 4, usd("0.00"), points("14.00"), "Standard"),
            (3, 3, usd("0.00"), points("12.50"), "Standard"),  # scored 0 for never purchasing
        ],
        SCORED,
    )
    actual = tiered(expected, Scoring())
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


def test_a_tier_is_read_off_the_rounded_score(spark: SparkSession) -> None:
    weights = Weights(rfm=Decimal("99.9875"), behavioral=Decimal(0), prediction=Decimal("0.0125"))
    scoring = Scoring().model_copy(update={"weights": weights})
    # 6, 9 and 12 of 15 make 39.995, 59.9925 and 79.99 points; the prediction's bands of 50, 100
    # and 500 dollars add 0.0025, 0.005 and 0.01.
    expected = spark.createDataFrame(
        [
            (6, 20, usd("0.00"), points("40.00"), "Silver VIP"),
            (9, 20, usd("0.00"), points("59.99"), "Silver VIP"),
            (9, 20, usd("50.00"), points("60.00"), "Gold VIP"),
            (12, 20, usd("0.00"), points("79.99"), "Gold VIP"),
            (12, 20, usd("100.00"), points("80.00"), "Diamond VIP"),
            (12, 20, usd("500.00"), points("80.00"), "Diamond VIP"),
        ],
        SCORED,
    )
    actual = tiered(expected, scoring)
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


def test_a_score_is_rounded_once(spark: SparkSession) -> None:
    weights = Weights(
        rfm=Decimal("99.987499"), behavioral=Decimal(0), prediction=Decimal("0.012501")
    )
    scoring = Scoring().model_copy(update={"weights": weights})
    # 6/15 of the weight is 39.9949996, which becomes 40.00 when it is first rounded to 39.995.
    expected = spark.createDataFrame(
        [
            (6, 20, usd("0.00"), points("39.99"), "Standard"),
            (6, 20, usd("50.00"), points("40.00"), "Silver VIP"),
        ],
        SCORED,
    )
    actual = tiered(expected, scoring)
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


def test_a_promotion_is_for_vips_active_within_30_days_or_for_anyone_silent_for_over_90(
    spark: SparkSession,
) -> None:
    almost_30, over_30 = nextafter(30.0, 0), nextafter(30.0, inf)
    almost_90, over_90 = nextafter(90.0, 0), nextafter(90.0, inf)
    vip, back = "Eligible for VIP Promotions", "Eligible for Re-engagement"
    rest = "Standard Marketing"
    # 60.17, 60.00 and 59.83 points.
    above_60, at_60, below_60 = (4, 13, usd(1000)), (9, 20, usd(50)), (5, 11, usd(1000))
    expected = spark.createDataFrame(
        [
            (*at_60, 0.0, points("60.00"), "Gold VIP", vip),
            (*at_60, almost_30, points("60.00"), "Gold VIP", vip),
            (*at_60, 30.0, points("60.00"), "Gold VIP", vip),
            (*above_60, 30.0, points("60.17"), "Gold VIP", vip),
            (*below_60, 0.0, points("59.83"), "Silver VIP", rest),
            (*below_60, 30.0, points("59.83"), "Silver VIP", rest),
            (*at_60, over_30, points("60.00"), "Gold VIP", rest),
            (*at_60, almost_90, points("60.00"), "Gold VIP", rest),
            (*at_60, 90.0, points("60.00"), "Gold VIP", rest),
            (*at_60, over_90, points("60.00"), "Gold VIP", back),
            (*below_60, 90.0, points("59.83"), "Silver VIP", rest),
            (*below_60, over_90, points("59.83"), "Silver VIP", back),
        ],
        "rfm_score int, behavioral_score int, predicted_annual_ltv decimal(28,2), "
        "days_since_last_activity double, ltv_score decimal(5,2), vip_tier string, "
        "promotion_category string",
    )
    given = expected.drop("ltv_score", "vip_tier", "promotion_category")
    actual = given.transform(with_tiers, Scoring())
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)
