"""Signups per customer."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from customer_mart.staging.dispositions import (
    DISPOSITION,
    HAS_DUPLICATES,
    NOT_YET,
    USED,
)
from customer_mart.staging.user_order import BY_USER, in_user_order


def signups_per_customer(signups: DataFrame) -> DataFrame:
    """One row per user, also one whose signup lies at or after the as-of instant.

    signups: rows of stg_signups that are used, at most one per user, or not yet. `is_signed_up`
    is False for a user who has only the latter.
    """
    first_of_user = (
        in_user_order(signups)
        .groupBy(*BY_USER)
        .agg(
            F.min(
                F.struct(
                    (F.col(DISPOSITION) == NOT_YET).alias("is_not_yet"),
                    "signup_timestamp",
                    "country",
                )
            ).alias("signup"),
            F.count_if(F.col(DISPOSITION) == USED).alias("used_signups"),
            F.bool_or(HAS_DUPLICATES).alias(HAS_DUPLICATES),
        )
    )
    return first_of_user.select(
        "user_id",
        "signup.signup_timestamp",
        "signup.country",
        (~F.col("signup.is_not_yet")).alias("is_signed_up"),
        "used_signups",
        HAS_DUPLICATES,
    )
