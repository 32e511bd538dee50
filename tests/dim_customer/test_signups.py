"""Signups per customer."""

from chispa import assert_df_equality
from pyspark.sql import SparkSession

from customer_mart.dim_customer.signups import signups_per_customer
from customer_mart.staging.user_key import Method
from tests.frames import utc

STAGED = (
    "user_id string, signup_timestamp timestamp, country string, disposition string, "
    "has_duplicates boolean"
)
PER_CUSTOMER = (
    "user_id string, signup_timestamp timestamp, country string, is_signed_up boolean, "
    "used_signups bigint, has_duplicates boolean"
)
THEN, LATER = utc("2024-12-31 23:59:59.999999"), utc("2025-01-01 00:00:00")


def test_a_user_is_signed_up_by_a_used_signup_and_not_by_one_still_to_come(
    spark: SparkSession, method: Method
) -> None:
    signups = spark.createDataFrame(
        [
            ("bob", LATER, "DE", "not_yet", False),
            ("cyd", LATER, "AT", "not_yet", False),
            ("ann", THEN, None, "used", False),
            ("cyd", THEN, "UK", "used", True),
        ],
        STAGED,
    )
    expected = spark.createDataFrame(
        [
            ("ann", THEN, None, True, 1, False),
            ("bob", LATER, "DE", False, 0, False),
            ("cyd", THEN, "UK", True, 1, True),
        ],
        PER_CUSTOMER,
    )
    actual = signups_per_customer(signups, method).drop("user_hash", "is_mixed")
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


def test_of_signups_still_to_come_the_earliest_counts_and_ties_go_to_the_smallest_country(
    spark: SparkSession, method: Method
) -> None:
    signups = spark.createDataFrame(
        [
            ("ann", utc("2025-01-02"), "AT", "not_yet", False),
            ("ann", LATER, "UK", "not_yet", False),
            ("bob", LATER, "UK", "not_yet", False),
            ("bob", LATER, "DE", "not_yet", False),
        ],
        STAGED,
    )
    expected = spark.createDataFrame(
        [("ann", LATER, "UK", False, 0, False), ("bob", LATER, "DE", False, 0, False)],
        PER_CUSTOMER,
    )
    actual = signups_per_customer(signups, method).drop("user_hash", "is_mixed")
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)
