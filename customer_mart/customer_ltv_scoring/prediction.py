"""What a player is predicted to spend, and how risky that is."""

from decimal import Decimal

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from customer_mart.durations import MICROSECONDS_PER_DAY
from customer_mart.exact import divide_half_up
from customer_mart.settings import Risk

MICROSECONDS_PER_YEAR = 365 * MICROSECONDS_PER_DAY


def with_prediction(customers: DataFrame, horizon_years: Decimal, risk: Risk) -> DataFrame:
    """One row per customer with predicted_annual_ltv (US dollars) and risk_score."""
    return customers.withColumns(
        {
            "predicted_annual_ltv": _predicted_annual_ltv(horizon_years),
            "risk_score": _risk_score(risk),
        }
    )


def _predicted_annual_ltv(horizon_years: Decimal) -> Column:
    """Past spend projected over the horizon, DECIMAL(28,2); 0 for a tenure of nothing.

    total_purchase_amount_usd / (tenure / 365) x horizon_years, as one quotient of whole numbers
    (cents and microseconds), so that it is rounded once.
    """
    numerator, denominator = horizon_years.as_integer_ratio()
    tenure = F.col("tenure_microseconds")
    some_tenure = F.when(tenure > 0, tenure).cast("decimal(20,0)")
    cents = (F.col("total_purchase_amount_usd") * F.lit(100)).cast("decimal(38,0)")
    # hundredfold dollars are cents: the quotient in cents is taken at scale 2 of dollars.
    spend_years = (cents * F.lit(Decimal(MICROSECONDS_PER_YEAR * numerator))).cast("decimal(38,0)")
    divisor = (some_tenure * F.lit(Decimal(100 * denominator))).cast("decimal(38,0)")
    predicted = divide_half_up(spend_years, divisor, scale=2).cast("decimal(28,2)")
    return F.coalesce(predicted, F.lit(0).cast("decimal(28,2)"))


def _risk_score(risk: Risk) -> Column:
    """INT: new customers first, then inactive ones, then all others."""
    is_new = F.col("customer_tenure_days") < F.lit(risk.new_customer_days)
    is_inactive = F.col("days_since_last_activity") > F.lit(risk.inactive_days)
    inactive_or_not = F.when(is_inactive, F.lit(risk.inactive_score)).otherwise(
        F.lit(risk.otherwise)
    )
    return F.when(is_new, F.lit(risk.new_customer_score)).otherwise(inactive_or_not)
