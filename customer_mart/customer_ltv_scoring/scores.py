"""RFM and behavioural scores.

RFM scores a customer by recency, frequency and monetary value (Hughes, Strategic Database
Marketing, 1994), here by fixed cut-offs rather than quintiles, so that a score means the same
from one run to the next.
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from customer_mart.banding import score_at_least, score_at_most
from customer_mart.settings import QuickConversionScale, Scoring

RFM = ("recency_score", "frequency_score", "monetary_score")
BEHAVIORAL = (
    "high_jackpot_score",
    "game_variety_score",
    "deposit_behavior_score",
    "quick_conversion_score",
)


def with_scores(customers: DataFrame, scoring: Scoring) -> DataFrame:
    """One row per customer with the seven scores and their two sums, all INT."""
    scored = customers.withColumns(
        {
            "recency_score": score_at_most(F.col("days_since_last_activity"), scoring.recency),
            "frequency_score": score_at_least(F.col("purchases_per_month"), scoring.frequency),
            "monetary_score": score_at_least(F.col("avg_spend_per_purchase"), scoring.monetary),
            "high_jackpot_score": score_at_least(
                F.col("high_jackpot_games_played"), scoring.high_jackpot
            ),
            "game_variety_score": score_at_least(
                F.col("unique_games_played"), scoring.game_variety
            ),
            "deposit_behavior_score": score_at_least(
                F.col("total_deposits"), scoring.deposit_behavior
            ),
            "quick_conversion_score": _quick_conversion(scoring.quick_conversion),
        }
    )
    return scored.withColumns({"rfm_score": _sum(RFM), "behavioral_score": _sum(BEHAVIORAL)})


def _quick_conversion(scale: QuickConversionScale) -> Column:
    never_purchased = F.col("days_to_first_purchase").isNull()
    by_days = score_at_most(F.col("days_to_first_purchase"), scale)
    return F.when(never_purchased, F.lit(scale.never_purchased_score)).otherwise(by_days)


def _sum(scores: tuple[str, ...]) -> Column:
    first, *others = [F.col(score) for score in scores]
    for score in others:
        first = first + score
    return first
