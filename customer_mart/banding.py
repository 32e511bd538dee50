"""Scales as columns: a measure in, its label or score out."""

from decimal import Decimal

from pyspark.sql import Column
from pyspark.sql import functions as F

from customer_mart.settings import AtLeastScale, AtMostScale, LabelScale


def label(measure: Column, scale: LabelScale) -> Column:
    """The label of the first band whose bound the measure reaches."""
    labelled = F.lit(scale.otherwise)
    for band in reversed(scale.bands):
        labelled = F.when(measure >= _bound(band.at_least), F.lit(band.label)).otherwise(labelled)
    return labelled


def score_at_least(measure: Column, scale: AtLeastScale) -> Column:
    """The highest score whose lower bound the measure reaches, INT."""
    scored = F.lit(scale.otherwise)
    for score, bound in sorted(scale.at_least.items()):
        scored = F.when(measure >= _bound(bound), F.lit(score)).otherwise(scored)
    return scored


def score_at_most(measure: Column, scale: AtMostScale) -> Column:
    """The highest score whose upper bound the measure does not exceed, INT; NULL exceeds all."""
    scored = F.lit(scale.otherwise)
    for score, bound in sorted(scale.at_most.items()):
        scored = F.when(measure <= _bound(bound), F.lit(score)).otherwise(scored)
    return scored


def _bound(value: Decimal) -> Column:
    """A bound to compare with; where it is whole, counts are compared with it as whole numbers."""
    whole = value.to_integral_value()
    is_bigint = value == whole and abs(whole) < 2**63
    return F.lit(int(whole)) if is_bigint else F.lit(value)
