"""Deposits per customer."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from customer_mart.staging.dispositions import HAS_DUPLICATES
from customer_mart.staging.user_order import BY_USER, in_user_order


def deposits_per_customer(deposits: DataFrame, signups: DataFrame) -> DataFrame:
    """One row per user with a deposit, orphans included.

    deposits: the used rows of stg_deposits, partitioned by user_id.
    signups: one row per user. Amounts are in minor units.
    """
    # Signups are the small side of every partition: hashing them spares a sort of the facts.
    known = in_user_order(deposits).join(signups.hint("shuffle_hash"), on="user_id", how="left")
    first = F.min(F.struct("deposit_timestamp", "deposit_id", "deposit_amount_minor"))
    is_before_signup = F.col("deposit_timestamp") < F.col("signup_timestamp")
    per_customer = known.groupBy(*BY_USER).agg(
        F.count(F.lit(1)).alias("total_deposits"),
        F.sum("deposit_amount_minor").alias("total_deposit_amount_minor"),
        F.max("deposit_timestamp").alias("last_deposit_timestamp"),
        first.alias("first_deposit"),
        F.count_if(is_before_signup).alias("deposits_before_signup"),
        F.bool_or("is_signed_up").alias("is_signed_up"),
        F.bool_or(HAS_DUPLICATES).alias(HAS_DUPLICATES),
    )
    return per_customer.select(
        "user_id",
        "is_signed_up",
        "total_deposits",
        "total_deposit_amount_minor",
        F.col("first_deposit.deposit_timestamp").alias("first_deposit_timestamp"),
        "last_deposit_timestamp",
        F.col("first_deposit.deposit_amount_minor").alias("first_deposit_amount_minor"),
        "deposits_before_signup",
        HAS_DUPLICATES,
    )
