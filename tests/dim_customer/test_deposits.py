"""Deposits per customer."""

import pytest
from chispa import assert_df_equality
from pyspark.errors import ArithmeticException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from customer_mart.dim_customer.deposits import deposits_per_customer
from customer_mart.staging.user_key import QUICK, SURE, Method
from tests.frames import by_user_id, known, used, utc

PER_CUSTOMER = (
    "user_id string, is_signed_up boolean, total_deposits bigint, "
    "total_deposit_amount_minor bigint, first_deposit_timestamp timestamp, "
    "last_deposit_timestamp timestamp, first_deposit_amount_minor bigint, "
    "deposits_before_signup bigint, has_duplicates boolean"
)
LARGEST = 9_223_372_036_854_775_807
SIGNUP = utc("2024-01-01 12:00:00")


def test_deposits_are_counted_and_summed_and_the_first_of_equals_is_that_of_the_smallest_id(
    spark: SparkSession, method: Method
) -> None:
    early, late = utc("2024-01-02 00:00:00"), utc("2024-01-02 00:00:00.000001")
    signups = known(spark, [("ann", SIGNUP, True), ("bob", SIGNUP, True), ("cyd", SIGNUP, True)])
    deposits = used(
        spark,
        "stg_deposits",
        [
            ("d1", "ann", late, 100),
            ("d2", "ann", early, 20),
            ("d10", "ann", early, 30),  # smaller than d2: ids are text
            ("d4", "bob", early, LARGEST),
            ("d5", "bob", late, 0),
        ],
    )
    expected = spark.createDataFrame(
        [
            ("ann", True, 3, 150, early, late, 30, 0, False),
            ("bob", True, 2, LARGEST, early, late, LARGEST, 0, False),
        ],
        PER_CUSTOMER,
    )
    actual = _by_user_id(deposits, signups, method)
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


def test_a_deposit_before_its_signup_is_used_and_counted_and_one_at_the_signup_is_not_before(
    spark: SparkSession, method: Method
) -> None:
    before = utc("2024-01-01 11:59:59.999999")
    signups = known(spark, [("ann", SIGNUP, True), ("bob", SIGNUP, False)])
    deposits = used(
        spark,
        "stg_deposits",
        [
            ("d1", "ann", before, 1),
            ("d2", "ann", SIGNUP, 2),
            ("d3", "bob", before, 4),
            ("d4", "nobody", before, 8),
        ],
    )
    expected = spark.createDataFrame(
        [
            ("ann", True, 2, 3, before, SIGNUP, 1, 1, False),
            ("bob", False, 1, 4, before, before, 4, 1, False),
            ("nobody", None, 1, 8, before, before, 8, 0, False),
        ],
        PER_CUSTOMER,
    )
    actual = _by_user_id(deposits, signups, method)
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


def test_one_deposit_with_duplicates_marks_its_customer(
    spark: SparkSession, method: Method
) -> None:
    signups = known(spark, [("ann", SIGNUP, True), ("bob", SIGNUP, True)])
    deposits = used(
        spark,
        "stg_deposits",
        [("d1", "ann", SIGNUP, 1), ("d2", "ann", SIGNUP, 2), ("d3", "bob", SIGNUP, 4)],
    ).withColumn("has_duplicates", F.col("deposit_id") == "d2")
    expected = spark.createDataFrame(
        [
            ("ann", True, 2, 3, SIGNUP, SIGNUP, 1, 0, True),
            ("bob", True, 1, 4, SIGNUP, SIGNUP, 4, 0, False),
        ],
        PER_CUSTOMER,
    )
    actual = _by_user_id(deposits, signups, method)
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


def test_a_sum_beyond_bigint_is_an_error_in_bigint_and_exact_in_decimals(
    spark: SparkSession,
) -> None:
    signups = known(spark, [("ann", SIGNUP, True)])
    deposits = used(
        spark, "stg_deposits", [("d1", "ann", SIGNUP, LARGEST), ("d2", "ann", SIGNUP, 1)]
    )
    with pytest.raises(ArithmeticException, match="ARITHMETIC_OVERFLOW"):
        deposits_per_customer(deposits, signups, QUICK).collect()
    [ann] = deposits_per_customer(deposits, signups, SURE).collect()
    assert ann["total_deposit_amount_minor"] == 2**63


def _by_user_id(deposits: DataFrame, signups: DataFrame, method: Method) -> DataFrame:
    """Deposits per customer with the sum in minor units, whatever the method added it up in."""
    named = by_user_id(deposits_per_customer(deposits, signups, method), signups)
    total = "total_deposit_amount_minor"
    assert dict(named.dtypes)[total] == ("bigint" if method is QUICK else "decimal(30,0)")
    return named.withColumn(total, F.col(total).cast("bigint"))
