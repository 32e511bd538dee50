"""How a player behaves, measured at the as-of instant."""

from datetime import datetime
from decimal import Decimal

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from customer_mart.durations import MICROSECONDS_PER_DAY, days_between, microseconds_between


def with_behaviour(customers: DataFrame, as_of: datetime, min_tenure_days: Decimal) -> DataFrame:
    """One row per customer with tenure, recency, frequency and average spend.

    `tenure_microseconds` is the tenure with its floor: without one, a player an hour old with
    one $5 ticket would project to $43 800 a year.
    """
    last_activity = F.coalesce("last_purchase_timestamp", "signup_timestamp")
    now = F.lit(as_of)
    floor = F.lit(int(min_tenure_days * MICROSECONDS_PER_DAY)).cast("bigint")
    measured = customers.withColumns(
        {
            "customer_tenure_days": days_between("signup_timestamp", now),
            "days_since_last_activity": days_between(last_activity, now),
            "tenure_microseconds": F.greatest(
                microseconds_between("signup_timestamp", now), floor
            ),
            "avg_spend_per_purchase": F.col("avg_purchase_amount_usd"),
        }
    )
    return measured.withColumn("purchases_per_month", _purchases_per_month(min_tenure_days))


def _purchases_per_month(min_tenure_days: Decimal) -> Column:
    """Purchases per 30 days of tenure, DOUBLE; 0 for a tenure of nothing."""
    tenure = F.greatest("customer_tenure_days", F.lit(float(min_tenure_days)))
    some_tenure = F.when(tenure > 0, tenure)
    monthly = F.col("total_purchases").cast("double") / (some_tenure / F.lit(30.0))
    return F.coalesce(monthly, F.lit(0.0))
