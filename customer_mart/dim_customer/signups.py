"""Signups per customer."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from customer_mart.staging.dispositions import (
    DISPOSITION,
    NOT_YET,
    USED,
)
from customer_mart.staging.user_key import (
    HAS_DUPLICATES,
    IS_MIXED,
    USER_HASH,
    Method,
    duplicates_measure,
    with_user_hash,
)


def signups_per_customer(signups: DataFrame, method: Method) -> DataFrame:
    """One row per user by the method's key, also one whose signup lies at or after the as-of.

    signups: rows of stg_signups that are used, at most one per user, or not yet. `is_signed_up`
    is False for a user who has only the latter.
    """
    first_signup = F.min(
        F.struct(
            (F.col(DISPOSITION) == NOT_YET).alias("is_not_yet"), "signup_timestamp", "country"
        )
    )
    hashed = with_user_hash(signups).withColumn("id", F.col("user_id"))
    per_customer = hashed.groupBy(*method.key).agg(
        F.min("id").alias("smallest_id"),
        F.max("id").alias("largest_id"),
        first_signup.alias("signup"),
        F.count_if(F.col(DISPOSITION) == USED).alias("used_signups"),
        duplicates_measure(hashed),
    )
    return per_customer.select(
        USER_HASH,
        F.col("smallest_id").alias("user_id"),
        "signup.signup_timestamp",
        "signup.country",
        (~F.col("signup.is_not_yet")).alias("is_signed_up"),
        "used_signups",
        (F.col("smallest_id") != F.col("largest_id")).alias(IS_MIXED),
        HAS_DUPLICATES,
    )
