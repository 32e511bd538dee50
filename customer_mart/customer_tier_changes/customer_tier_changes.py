"""customer_tier_changes of two publications of the scores."""

from datetime import datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from customer_mart.contracts import contract


def customer_tier_changes(
    before: DataFrame,
    after: DataFrame,
    run_id: str,
    as_of: datetime,
    previous_as_of: datetime | None,
) -> DataFrame:
    """One row per customer whose vip_tier differs, those who came and those who left included.

    before, after: customer_ltv_scoring at two versions, one row per customer each. They are joined
    by user_id alone: the partition column does not spare the exchange, and a customer whose signup
    date was corrected has not left and come again.
    """
    has_moved = ~F.col("old_vip_tier").eqNullSafe(F.col("new_vip_tier"))
    moved = _tiers(before, "old").join(_tiers(after, "new"), "user_id", "full").where(has_moved)
    columns = {
        "run_id": F.lit(run_id),
        "as_of": F.lit(as_of),
        "previous_as_of": F.lit(previous_as_of).cast("timestamp"),
    }
    return moved.withColumns(columns).select(*contract("customer_tier_changes").column_names)


def _tiers(scores: DataFrame, when: str) -> DataFrame:
    """One narrow row per customer: all that goes through the exchange of the join."""
    return scores.select(
        "user_id",
        F.col("vip_tier").alias(f"{when}_vip_tier"),
        F.col("ltv_score").alias(f"{when}_ltv_score"),
    )
