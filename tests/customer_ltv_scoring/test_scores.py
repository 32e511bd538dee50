"""RFM and behavioural scores at, just below and just above every cut-off."""

from decimal import Decimal
from math import inf, nextafter

from chispa import assert_df_equality
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from customer_mart.customer_ltv_scoring.scores import with_scores
from customer_mart.settings import Scoring

RFM = (
    "days_since_last_activity double, purchases_per_month double, "
    "avg_spend_per_purchase decimal(28,4), recency_score int, frequency_score int, "
    "monetary_score int, rfm_score int"
)
BEHAVIORAL = (
    "high_jackpot_games_played bigint, unique_games_played bigint, total_deposits bigint, "
    "days_to_first_purchase double, high_jackpot_score int, game_variety_score int, "
    "deposit_behavior_score int, quick_conversion_score int, behavioral_score int"
)
usd = Decimal


def below(number: float) -> float:
    """The double next to a number, on the side of minus infinity."""
    return nextafter(number, -inf)


def above(number: float) -> float:
    """The double next to a number, on the side of infinity."""
    return nextafter(number, inf)


def unanswered(cases: DataFrame) -> DataFrame:
    """The cases without the scores that they expect."""
    return cases.drop(*(name for name in cases.columns if name.endswith("_score")))


def rfm(cases: DataFrame) -> DataFrame:
    """The cases scored anew, whatever their other measures are."""
    others = {
        "high_jackpot_games_played": F.lit(0),
        "unique_games_played": F.lit(0),
        "total_deposits": F.lit(0),
        "days_to_first_purchase": F.lit(0.0),
    }
    given = unanswered(cases).withColumns(others)
    return given.transform(with_scores, Scoring()).select(cases.columns)


def behavioral(cases: DataFrame, scoring: Scoring) -> DataFrame:
    """The cases scored anew, whatever their other measures are."""
    others = {
        "days_since_last_activity": F.lit(0.0),
        "purchases_per_month": F.lit(0.0),
        "avg_spend_per_purchase": F.lit(Decimal("0.0000")),
    }
    given = unanswered(cases).withColumns(others)
    return given.transform(with_scores, scoring).select(cases.columns)


def test_recency_frequency_and_monetary_scores_change_exactly_at_their_cut_offs(
    spark: SparkSession,
) -> None:
    expected = spark.createDataFrame(
        [
            (0.0, 1000.0, usd("999999999999999999999999.9999"), 5, 5, 5, 15),
            (below(7.0), above(5.0), usd("50.0001"), 5, 5, 5, 15),
            (7.0, 5.0, usd("50.0000"), 5, 5, 5, 15),
            (above(7.0), below(5.0), usd("49.9999"), 4, 4, 4, 12),
            (below(30.0), above(3.0), usd("25.0001"), 4, 4, 4, 12),
            (30.0, 3.0, usd("25.0000"), 4, 4, 4, 12),
            (above(30.0), below(3.0), usd("24.9999"), 3, 3, 3, 9),
            (below(90.0), above(1.0), usd("10.0001"), 3, 3, 3, 9),
            (90.0, 1.0, usd("10.0000"), 3, 3, 3, 9),
            (above(90.0), below(1.0), usd("9.9999"), 2, 2, 2, 6),
            (below(180.0), above(0.5), usd("5.0001"), 2, 2, 2, 6),
            (180.0, 0.5, usd("5.0000"), 2, 2, 2, 6),
            (above(180.0), below(0.5), usd("4.9999"), 1, 1, 1, 3),
            (10_000.0, 0.0, usd("0.0000"), 1, 1, 1, 3),
            (7.0, 0.5, usd("10.0000"), 5, 2, 3, 10),
        ],
        RFM,
    )
    actual = rfm(expected)
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


def test_behavioral_scores_change_exactly_at_their_cut_offs(spark: SparkSession) -> None:
    expected = spark.createDataFrame(
        [
            (6, 6, 11, -400.0, 5, 5, 5, 5, 20),
            (5, 5, 10, below(1.0), 5, 5, 5, 5, 20),
            (4, 4, 9, 1.0, 4, 4, 4, 5, 17),
            (3, 3, 6, above(1.0), 4, 4, 4, 4, 16),
            (2, 2, 5, below(3.0), 3, 3, 4, 4, 14),
            (1, 1, 4, 3.0, 3, 2, 3, 4, 12),
            (0, 0, 3, above(3.0), 1, 1, 3, 3, 8),
            (0, 0, 2, below(7.0), 1, 1, 2, 3, 7),
            (0, 0, 1, 7.0, 1, 1, 2, 3, 7),
            (0, 0, 0, above(7.0), 1, 1, 1, 2, 5),
            (0, 0, 0, below(14.0), 1, 1, 1, 2, 5),
            (0, 0, 0, 14.0, 1, 1, 1, 2, 5),
            (0, 0, 0, above(14.0), 1, 1, 1, 1, 4),
            (0, 0, 0, None, 1, 1, 1, 1, 4),
            (5, 1, 3, 7.0, 5, 2, 3, 3, 13),
        ],
        BEHAVIORAL,
    )
    actual = behavioral(expected, Scoring())
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


def test_who_never_purchased_may_score_0_and_who_did_so_late_still_scores_1(
    spark: SparkSession,
) -> None:
    never = {"never_purchased_score": 0}
    conversion = Scoring().quick_conversion.model_copy(update=never)
    scoring = Scoring().model_copy(update={"quick_conversion": conversion})
    expected = spark.createDataFrame(
        [
            (0, 0, 0, None, 1, 1, 1, 0, 3),
            (0, 0, 0, above(14.0), 1, 1, 1, 1, 4),
            (0, 0, 0, 14.0, 1, 1, 1, 2, 5),
        ],
        BEHAVIORAL,
    )
    actual = behavioral(expected, scoring)
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)
