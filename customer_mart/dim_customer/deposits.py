"""Deposits per customer."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from customer_mart.staging.user_key import Method, of_keys, of_user, per_user, with_signup


def deposits_per_customer(deposits: DataFrame, signups: DataFrame, method: Method) -> DataFrame:
    """One row per user with a deposit, orphans included, by the method's key.

    deposits: the used rows of stg_deposits, partitioned by user.
    signups: one row per user. Amounts are in minor units. Sums are in the method's type, because
    those of orphans and of deposits delivered twice may not fit in the column of dim_customer.
    """
    amount = F.col("deposit.deposit_amount_minor")
    is_before_signup = F.col("deposit_timestamp") < F.col("signup_timestamp")
    columns = {
        "deposit": F.struct("deposit_timestamp", "deposit_id", "deposit_amount_minor"),
        "is_before_signup": is_before_signup,
    }
    measures = [
        F.count(F.lit(1)).alias("total_deposits"),
        F.sum(amount.cast(method.cents)).alias("total_deposit_amount_minor"),
        F.max("deposit.deposit_timestamp").alias("last_deposit_timestamp"),
        F.min("deposit").alias("first_deposit"),
        F.count_if("is_before_signup").alias("deposits_before_signup"),
    ]
    known = with_signup(deposits, signups, method)
    per_customer = known.transform(per_user, columns, measures, method)
    return per_customer.select(
        *of_user(method),
        "total_deposits",
        "total_deposit_amount_minor",
        F.col("first_deposit.deposit_timestamp").alias("first_deposit_timestamp"),
        "last_deposit_timestamp",
        F.col("first_deposit.deposit_amount_minor").alias("first_deposit_amount_minor"),
        "deposits_before_signup",
        *of_keys(per_customer),
    )
