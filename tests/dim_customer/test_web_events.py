"""Identified web events and campaign touches per customer."""

from collections.abc import Sequence
from datetime import datetime

from chispa import assert_df_equality
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from customer_mart.dim_customer.web_events import web_events_per_customer
from customer_mart.staging.user_key import Method, with_user_hash
from tests.frames import by_user_id, known, used, utc

PER_CUSTOMER = (
    "user_id string, is_signed_up boolean, total_web_events bigint, "
    "first_web_event_timestamp timestamp, last_web_event_timestamp timestamp, "
    "unique_campaigns_engaged bigint, first_touch_campaign string, "
    "first_touch_timestamp timestamp, last_touch_campaign_before_purchase string, "
    "has_duplicates boolean"
)
SIGNUP = utc("2024-01-01 12:00:00")
ONE, TWO, THREE = utc("2024-01-01"), utc("2024-01-02"), utc("2024-01-03")
Event = tuple[str, str, datetime, str | None]


def first_purchases(spark: SparkSession, rows: Sequence[tuple[str, datetime]]) -> DataFrame:
    ddl = "user_id string, first_purchase_timestamp timestamp, is_signed_up boolean"
    return with_user_hash(spark.createDataFrame([(*row, True) for row in rows], ddl))


def test_every_event_counts_and_a_touch_is_one_with_a_campaign(
    spark: SparkSession, method: Method
) -> None:
    events: list[Event] = [
        ("e3", "ann", THREE, "spring"),
        ("e4", "ann", THREE, "autumn"),
        ("e1", "ann", ONE, None),
        ("e2", "ann", TWO, "spring"),
        ("e5", "bob", ONE, None),
        ("e6", "bob", ONE, None),
    ]
    signups = known(spark, [("ann", SIGNUP, True), ("bob", SIGNUP, True), ("cyd", SIGNUP, True)])
    purchases = first_purchases(spark, [("ann", TWO), ("bob", THREE), ("cyd", ONE)])
    expected = spark.createDataFrame(
        [
            ("ann", True, 4, ONE, THREE, 2, "spring", TWO, "spring", False),
            ("bob", True, 2, ONE, ONE, 0, None, None, None, False),
        ],
        PER_CUSTOMER,
    )
    web_events = used(spark, "stg_web_events", events)
    actual = by_user_id(web_events_per_customer(web_events, signups, purchases, method), signups)
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


def test_of_touches_at_the_same_instant_the_smallest_id_is_first_and_the_largest_last(
    spark: SparkSession, method: Method
) -> None:
    events: list[Event] = [
        ("e2", "ann", ONE, "b"),
        ("e10", "ann", ONE, "c"),  # smaller than e2: ids are text
        ("e1", "ann", ONE, None),
        ("e9", "ann", ONE, None),
        ("e3", "ann", ONE, "a"),
        ("e7", "bob", ONE, "a"),
        ("e5", "bob", ONE, "a"),
        ("e6", "bob", ONE, "b"),
    ]
    signups = known(spark, [("ann", SIGNUP, True), ("bob", SIGNUP, True)])
    purchases = first_purchases(spark, [("ann", ONE), ("bob", TWO)])
    expected = spark.createDataFrame(
        [
            ("ann", True, 5, ONE, ONE, 3, "c", ONE, "a", False),
            ("bob", True, 3, ONE, ONE, 2, "a", ONE, "a", False),
        ],
        PER_CUSTOMER,
    )
    web_events = used(spark, "stg_web_events", events)
    actual = by_user_id(web_events_per_customer(web_events, signups, purchases, method), signups)
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


def test_the_last_touch_before_a_purchase_comes_at_or_before_the_first_one(
    spark: SparkSession, method: Method
) -> None:
    events: list[Event] = [
        ("e1", "ann", TWO, "at"),
        ("e2", "ann", utc("2024-01-02 00:00:00.000001"), "after"),
        ("e3", "ann", ONE, "long before"),
        ("e4", "bob", utc("2024-01-02 00:00:00.000001"), "after"),
        ("e5", "cyd", ONE, "in vain"),
        ("e6", "dee", ONE, "before"),
        ("e7", "dee", TWO, None),
    ]
    users = ("ann", "bob", "cyd", "dee")
    signups = known(spark, [(user, SIGNUP, True) for user in users])
    purchases = first_purchases(spark, [("ann", TWO), ("bob", TWO), ("dee", TWO)])
    web_events = used(spark, "stg_web_events", events)
    actual = by_user_id(
        web_events_per_customer(web_events, signups, purchases, method), signups
    ).select("user_id", "first_touch_campaign", "last_touch_campaign_before_purchase")
    expected = spark.createDataFrame(
        [
            ("ann", "long before", "at"),
            ("bob", "after", None),
            ("cyd", "in vain", None),
            ("dee", "before", "before"),
        ],
        "user_id string, first_touch_campaign string, last_touch_campaign_before_purchase string",
    )
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


def test_events_of_users_unknown_or_still_to_sign_up_are_kept_apart(
    spark: SparkSession, method: Method
) -> None:
    events: list[Event] = [
        ("e1", "ann", ONE, "a"),
        ("e2", "ann", ONE, None),
        ("e3", "bob", ONE, "b"),
        ("e4", "nobody", ONE, "c"),
    ]
    has_duplicates = F.col("event_id") == "e2"
    web_events = used(spark, "stg_web_events", events).withColumn("has_duplicates", has_duplicates)
    signups = known(spark, [("ann", SIGNUP, True), ("bob", SIGNUP, False)])
    purchases = first_purchases(spark, [("nobody", TWO)])
    expected = spark.createDataFrame(
        [
            ("ann", True, 2, ONE, ONE, 1, "a", ONE, None, True),
            ("bob", False, 1, ONE, ONE, 1, "b", ONE, None, False),
            ("nobody", None, 1, ONE, ONE, 1, "c", ONE, None, False),
        ],
        PER_CUSTOMER,
    )
    actual = by_user_id(web_events_per_customer(web_events, signups, purchases, method), signups)
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)
