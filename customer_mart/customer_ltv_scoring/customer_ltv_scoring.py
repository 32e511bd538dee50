"""customer_ltv_scoring: how valuable each player is, from dim_customer alone."""

from datetime import datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from customer_mart.contracts import contract
from customer_mart.customer_ltv_scoring.behaviour import with_behaviour
from customer_mart.customer_ltv_scoring.prediction import with_prediction
from customer_mart.customer_ltv_scoring.scores import with_scores
from customer_mart.customer_ltv_scoring.tiers import with_tiers
from customer_mart.settings import Scoring


def customer_ltv_scoring(
    customers: DataFrame, as_of: datetime, scoring: Scoring, updated_at: datetime
) -> DataFrame:
    """One row per customer of dim_customer, scored at the as-of instant.

    A narrow transformation: no exchange, whatever the size.
    """
    stamped = customers.withColumn("dbt_updated_at", F.lit(updated_at))
    scored = stamped.transform(with_scoring, as_of, scoring)
    return scored.select(*contract("customer_ltv_scoring").column_names)


def with_scoring(customers: DataFrame, as_of: datetime, scoring: Scoring) -> DataFrame:
    """The same customers, each with all that customer_ltv_scoring says of them."""
    return (
        customers.transform(with_behaviour, as_of, scoring.min_tenure_days)
        .transform(with_scores, scoring)
        .transform(with_prediction, scoring.horizon_years, scoring.risk)
        .transform(with_tiers, scoring)
    )
