"""The ltv_score of 0-100, the VIP tier and the promotion it earns."""

from decimal import Decimal

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from customer_mart.banding import label
from customer_mart.customer_ltv_scoring.scores import BEHAVIORAL, RFM
from customer_mart.exact import divide_half_up
from customer_mart.settings import PredictionBand, Promotion, Scoring, Weights
from customer_mart.settings.scales import HIGHEST_SCORE
from customer_mart.settings.scoring import DECIMALS

RFM_MAX = HIGHEST_SCORE * len(RFM)
BEHAVIORAL_MAX = HIGHEST_SCORE * len(BEHAVIORAL)
# A weight times a share has up to twice a setting's decimals; scaled up it is a whole number.
SETTING_SCALE = 2 * DECIMALS


def with_tiers(customers: DataFrame, scoring: Scoring) -> DataFrame:
    """One row per customer with ltv_score, vip_tier and promotion_category.

    Tier and promotion read the rounded, published score, so that anyone can recompute them.
    """
    scored = customers.withColumn(
        "ltv_score", _ltv_score(scoring.weights, scoring.prediction_bands)
    )
    return scored.withColumns(
        {
            "vip_tier": label(F.col("ltv_score"), scoring.vip_tiers),
            "promotion_category": _promotion_category(scoring.promotion),
        }
    )


def _ltv_score(weights: Weights, bands: tuple[PredictionBand, ...]) -> Column:
    """rfm_score/15 x w1 + behavioral_score/20 x w2 + band x w3, DECIMAL(5,2), rounded once."""
    common = RFM_MAX * BEHAVIORAL_MAX
    points = (
        F.col("rfm_score") * _whole(weights.rfm * BEHAVIORAL_MAX)
        + F.col("behavioral_score") * _whole(weights.behavioral * RFM_MAX)
        + _points_by_prediction(weights.prediction * common, bands)
    )
    return divide_half_up(points, _whole(Decimal(common)), scale=2).cast("decimal(5,2)")


def _points_by_prediction(weight: Decimal, bands: tuple[PredictionBand, ...]) -> Column:
    """The weight's share for the first band whose bound predicted_annual_ltv reaches."""
    points = _whole(Decimal(0))
    for band in reversed(bands):
        reaches = F.col("predicted_annual_ltv") >= F.lit(band.at_least)
        points = F.when(reaches, _whole(weight * band.share)).otherwise(points)
    return points


def _whole(value: Decimal) -> Column:
    """A setting as a whole number of 10^-SETTING_SCALE, BIGINT.

    Weights add up to 100, so that all points together are no more than 3 x 10^16 of them.
    """
    return F.lit(int((value * 10**SETTING_SCALE).to_integral_value())).cast("bigint")


def _promotion_category(promotion: Promotion) -> Column:
    inactive_days = F.col("days_since_last_activity")
    is_vip = F.col("ltv_score") >= F.lit(promotion.vip_min_ltv_score)
    is_active = inactive_days <= F.lit(promotion.vip_max_inactive_days)
    is_lost = inactive_days > F.lit(promotion.reengagement_min_inactive_days)
    lost_or_not = F.when(is_lost, F.lit(promotion.reengagement_label)).otherwise(
        F.lit(promotion.otherwise)
    )
    return F.when(is_vip & is_active, F.lit(promotion.vip_label)).otherwise(lost_or_not)
