"""The settings of customer_ltv_scoring, with the specification's defaults."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field, model_validator
from typing_extensions import Self

from customer_mart.settings.names import Label
from customer_mart.settings.scales import (
    AtLeastScale,
    AtMostScale,
    LabelBand,
    LabelScale,
    Model,
    QuickConversionScale,
    Score,
    check_falling,
)

# What is multiplied into whole numbers has few decimals, so that nothing is rounded on the way.
DECIMALS = 6
NotNegative = Annotated[Decimal, Field(ge=0)]
# As many days as a BIGINT has microseconds for.
MOST_DAYS = 106_751_991
Weight = Annotated[Decimal, Field(ge=0, decimal_places=DECIMALS)]


def _at_least(**cutoffs: str) -> AtLeastScale:
    return AtLeastScale(at_least=_cutoffs(**cutoffs))


def _cutoffs(**cutoffs: str) -> dict[int, Decimal]:
    """Cut-offs by score from keywords such as `s5="50"`."""
    return {int(score[1:]): Decimal(at) for score, at in cutoffs.items()}


class Weights(Model):
    """Shares of ltv_score in points; they add up to 100."""

    rfm: Weight = Decimal(40)
    behavioral: Weight = Decimal(30)
    prediction: Weight = Decimal(30)

    @model_validator(mode="after")
    def _add_up(self) -> Self:
        total = self.rfm + self.behavioral + self.prediction
        if total != 100:
            raise ValueError(f"weights must add up to 100, these add up to {total}")
        return self


class PredictionBand(Model):
    """The share of the prediction's weight for a predicted_annual_ltv in US dollars."""

    at_least: NotNegative
    share: Annotated[Decimal, Field(ge=0, le=1, decimal_places=DECIMALS)]


class Risk(Model):
    """Days of tenure below which a customer is new, and of silence above which inactive."""

    new_customer_days: NotNegative = Decimal(30)
    inactive_days: NotNegative = Decimal(90)
    new_customer_score: Score = 3
    inactive_score: Score = 2
    otherwise: Score = 1


class Promotion(Model):
    """Who is offered what, by ltv_score and days since the last activity."""

    vip_min_ltv_score: NotNegative = Decimal(60)
    vip_max_inactive_days: NotNegative = Decimal(30)
    vip_label: Label = "Eligible for VIP Promotions"
    reengagement_min_inactive_days: NotNegative = Decimal(90)
    reengagement_label: Label = "Eligible for Re-engagement"
    otherwise: Label = "Standard Marketing"

    @property
    def labels(self) -> list[str]:
        return [self.vip_label, self.reengagement_label, self.otherwise]


class Scoring(Model):
    """Everything that decides a score, a prediction, a tier or a promotion."""

    min_tenure_days: Annotated[NotNegative, Field(le=MOST_DAYS)] = Decimal(30)
    horizon_years: Annotated[Decimal, Field(gt=0, decimal_places=DECIMALS)] = Decimal(1)
    recency: AtMostScale = AtMostScale(at_most=_cutoffs(s5="7", s4="30", s3="90", s2="180"))
    frequency: AtLeastScale = _at_least(s5="5", s4="3", s3="1", s2="0.5")
    monetary: AtLeastScale = _at_least(s5="50", s4="25", s3="10", s2="5")
    high_jackpot: AtLeastScale = _at_least(s5="5", s4="3", s3="1")
    game_variety: AtLeastScale = _at_least(s5="5", s4="3", s3="2", s2="1")
    deposit_behavior: AtLeastScale = _at_least(s5="10", s4="5", s3="3", s2="1")
    quick_conversion: QuickConversionScale = QuickConversionScale(
        at_most=_cutoffs(s5="1", s4="3", s3="7", s2="14")
    )
    weights: Weights = Weights()
    prediction_bands: tuple[PredictionBand, ...] = (
        PredictionBand(at_least=Decimal(1000), share=Decimal("1.0")),
        PredictionBand(at_least=Decimal(500), share=Decimal("0.8")),
        PredictionBand(at_least=Decimal(200), share=Decimal("0.6")),
        PredictionBand(at_least=Decimal(100), share=Decimal("0.4")),
        PredictionBand(at_least=Decimal(50), share=Decimal("0.2")),
    )
    risk: Risk = Risk()
    vip_tiers: LabelScale = LabelScale(
        bands=(
            LabelBand(at_least=Decimal(80), label="Diamond VIP"),
            LabelBand(at_least=Decimal(60), label="Gold VIP"),
            LabelBand(at_least=Decimal(40), label="Silver VIP"),
        ),
        otherwise="Standard",
    )
    promotion: Promotion = Promotion()

    @model_validator(mode="after")
    def _bands_fall(self) -> Self:
        check_falling([band.at_least for band in self.prediction_bands])
        check_falling([band.share for band in self.prediction_bands])
        return self
