"""Ticket purchases per customer."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import pytest
from chispa import assert_df_equality
from pyspark.errors import ArithmeticException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from customer_mart.dim_customer.purchases import purchases_per_customer
from customer_mart.staging.user_key import SURE, Method
from tests.frames import by_user_id, known, staging, used, utc

GAMES = [
    ("above", "Above", 1_000_001),
    ("at", "At", 1_000_000),
    ("below", "Below", 999_999),
    ("untold", "Untold", None),
]
SIGNUP = utc("2024-01-01 12:00:00")
USERS = ("ann", "bob", "cyd", "dee")
TICKET = Decimal("1.00")
Purchase = tuple[str, str, str | None, datetime, Decimal]


def per_customer(spark: SparkSession, purchases: Sequence[Purchase], method: Method) -> DataFrame:
    """The purchases of users who all signed up at the same instant."""
    signups = known(spark, [(user, SIGNUP, True) for user in USERS])
    staged = used(spark, "stg_ticket_purchases", purchases)
    games = staging(spark, "stg_games", GAMES)
    return in_cents(purchases_per_customer(staged, signups, games, 1_000_000, method), signups)


def in_cents(purchases: DataFrame, signups: DataFrame) -> DataFrame:
    """The purchases by user, cents of either method in the narrower type."""
    named = by_user_id(purchases, signups)
    cents = [name for name in named.columns if name.endswith("_cents")]
    return named.withColumns({name: F.col(name).cast("bigint") for name in cents})


def test_a_customer_has_everything_that_was_bought(spark: SparkSession, method: Method) -> None:
    first, last = utc("2024-01-02 08:00:00"), utc("2024-01-05 20:00:00")
    actual = per_customer(
        spark,
        [
            ("p3", "ann", "below", last, Decimal("0.05")),
            ("p1", "ann", "at", first, Decimal("10.00")),
            ("p2", "ann", "at", utc("2024-01-02 20:00:00"), Decimal("2.50")),
            ("p4", "bob", "below", last, Decimal("0.00")),
        ],
        method,
    )
    expected = spark.createDataFrame(
        [
            (
                *("ann", True, 3, 1255, first, last, 2, 1, 1250),
                *(3 * 86_400_000_000, 2, 1255, 1255, 1255),
                *(0, 0, False),
            ),
            (
                *("bob", True, 1, 0, last, last, 1, 0, 0),
                *(None, 1, 0, 0, 0),
                *(0, 0, False),
            ),
        ],
        "user_id string, is_signed_up boolean, total_purchases bigint, "
        "total_purchase_cents bigint, first_purchase_timestamp timestamp, "
        "last_purchase_timestamp timestamp, unique_games_played bigint, "
        "high_jackpot_games_played bigint, high_jackpot_cents bigint, "
        "longest_purchase_gap bigint, purchase_days bigint, "
        "spend_first_7_days_cents bigint, spend_first_30_days_cents bigint, "
        "spend_first_90_days_cents bigint, purchases_before_signup bigint, "
        "purchases_of_unknown_games bigint, has_duplicates boolean",
    )
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


def test_only_games_at_or_above_the_threshold_are_high_jackpot_and_only_named_games_distinct(
    spark: SparkSession, method: Method
) -> None:
    purchases: list[Purchase] = [
        ("p1", "ann", "above", SIGNUP, Decimal("0.01")),
        ("p2", "ann", "at", SIGNUP, Decimal("0.02")),
        ("p3", "ann", "at", SIGNUP, Decimal("0.04")),
        ("p4", "ann", "below", SIGNUP, Decimal("0.08")),
        ("p5", "ann", "untold", SIGNUP, Decimal("0.16")),
        ("p6", "ann", "unknown", SIGNUP, Decimal("0.32")),
        ("p7", "ann", None, SIGNUP, Decimal("0.64")),
        ("p8", "bob", "below", SIGNUP, TICKET),
        ("p9", "cyd", None, SIGNUP, TICKET),
        ("p10", "cyd", None, SIGNUP, TICKET),
        ("p11", "dee", "unknown", SIGNUP, TICKET),
    ]
    actual = per_customer(spark, purchases, method).select(
        "user_id",
        "total_purchase_cents",
        "unique_games_played",
        "high_jackpot_games_played",
        "high_jackpot_cents",
        "purchases_of_unknown_games",
    )
    expected = spark.createDataFrame(
        [
            ("ann", 127, 5, 2, 7, 2),
            ("bob", 100, 1, 0, 0, 0),
            ("cyd", 200, 0, 0, 0, 2),
            ("dee", 100, 1, 0, 0, 1),
        ],
        "user_id string, total_purchase_cents bigint, unique_games_played bigint, "
        "high_jackpot_games_played bigint, high_jackpot_cents bigint, "
        "purchases_of_unknown_games bigint",
    )
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


def test_the_longest_gap_is_between_consecutive_purchases_of_whatever_game(
    spark: SparkSession, method: Method
) -> None:
    purchases: list[Purchase] = [
        ("p1", "ann", "at", utc("2024-01-08 12:00:00"), TICKET),
        ("p2", "ann", "at", utc("2024-01-01 12:00:00"), TICKET),
        ("p3", "ann", "below", utc("2024-01-04 12:00:00.000001"), TICKET),
        ("p4", "bob", "at", utc("2024-01-01 12:00:00"), TICKET),
        ("p5", "bob", "below", utc("2024-01-01 12:00:00"), TICKET),
        ("p6", "cyd", "at", utc("2024-01-01 12:00:00"), TICKET),
    ]
    actual = per_customer(spark, purchases, method).select("user_id", "longest_purchase_gap")
    expected = spark.createDataFrame(
        [("ann", 4 * 86_400_000_000 - 1), ("bob", 0), ("cyd", None)],
        "user_id string, longest_purchase_gap bigint",
    )
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


def test_purchase_days_are_distinct_days_in_utc(spark: SparkSession, method: Method) -> None:
    purchases: list[Purchase] = [
        ("p1", "ann", "at", utc("2024-01-02 00:00:00"), TICKET),
        ("p2", "ann", "at", utc("2024-01-01 23:59:59.999999"), TICKET),
        ("p3", "bob", "at", utc("2024-01-02 00:00:00"), TICKET),
        ("p4", "bob", "below", utc("2024-01-02 23:59:59.999999"), TICKET),
        ("p5", "cyd", "at", utc("2024-01-03 12:00:00"), TICKET),
        ("p6", "cyd", "below", utc("2024-01-01 12:00:00"), TICKET),
        ("p7", "cyd", "at", utc("2024-01-01 12:00:00"), TICKET),
        ("p8", "cyd", "below", utc("2024-01-03 13:00:00"), TICKET),
        ("p9", "cyd", "at", utc("2024-01-01 11:00:00"), TICKET),
    ]
    actual = per_customer(spark, purchases, method).select("user_id", "purchase_days")
    expected = spark.createDataFrame(
        [("ann", 2), ("bob", 1), ("cyd", 2)], "user_id string, purchase_days bigint"
    )
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


def test_early_spend_starts_at_the_signup_and_ends_just_before_the_last_day_is_over(
    spark: SparkSession, method: Method
) -> None:
    purchases: list[Purchase] = [
        ("p1", "ann", "at", utc("2024-01-01 11:59:59.999999"), Decimal("0.01")),
        ("p2", "ann", "at", SIGNUP, Decimal("0.02")),
        ("p3", "ann", "at", utc("2024-01-08 11:59:59.999999"), Decimal("0.04")),
        ("p4", "ann", "below", utc("2024-01-08 12:00:00"), Decimal("0.08")),
        ("p5", "ann", "at", utc("2024-01-31 11:59:59.999999"), Decimal("0.16")),
        ("p6", "ann", "below", utc("2024-01-31 12:00:00"), Decimal("0.32")),
        ("p7", "ann", "at", utc("2024-03-31 11:59:59.999999"), Decimal("0.64")),
        ("p8", "ann", "below", utc("2024-03-31 12:00:00"), Decimal("1.28")),
        ("p9", "bob", "at", utc("2024-03-31 12:00:00"), TICKET),
    ]
    actual = per_customer(spark, purchases, method).select(
        "user_id",
        "total_purchase_cents",
        "spend_first_7_days_cents",
        "spend_first_30_days_cents",
        "spend_first_90_days_cents",
        "purchases_before_signup",
    )
    expected = spark.createDataFrame(
        [
            ("ann", 255, 6, 30, 126, 1),
            ("bob", 100, 0, 0, 0, 0),
        ],
        "user_id string, total_purchase_cents bigint, "
        "spend_first_7_days_cents bigint, spend_first_30_days_cents bigint, "
        "spend_first_90_days_cents bigint, purchases_before_signup bigint",
    )
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


def test_purchases_of_users_unknown_or_still_to_sign_up_are_kept_apart(
    spark: SparkSession, method: Method
) -> None:
    purchases = used(
        spark,
        "stg_ticket_purchases",
        [
            ("p1", "ann", "at", SIGNUP, TICKET),
            ("p2", "bob", "at", utc("2023-12-31"), TICKET),
            ("p3", "nobody", "at", SIGNUP, TICKET),
            ("p4", "ann", "below", SIGNUP, TICKET),
        ],
    ).withColumn("has_duplicates", F.col("purchase_id") == "p1")
    signups = known(spark, [("ann", SIGNUP, True), ("bob", SIGNUP, False)])
    games = staging(spark, "stg_games", GAMES)
    actual = in_cents(
        purchases_per_customer(purchases, signups, games, 1_000_000, method), signups
    ).select(
        "user_id",
        "is_signed_up",
        "total_purchases",
        "spend_first_7_days_cents",
        "purchases_before_signup",
        "has_duplicates",
    )
    expected = spark.createDataFrame(
        [
            ("ann", True, 2, 200, 0, True),
            ("bob", False, 1, 0, 1, False),
            ("nobody", None, 1, 0, 0, False),
        ],
        "user_id string, is_signed_up boolean, total_purchases bigint, "
        "spend_first_7_days_cents bigint, purchases_before_signup bigint, "
        "has_duplicates boolean",
    )
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


def test_a_sum_of_purchases_beyond_its_type_is_an_error(spark: SparkSession) -> None:
    # Wider than any staged amount: ten thousand million of those make one such sum.
    largest = Decimal("99999999999999999999999999.99")
    purchases = spark.createDataFrame(
        [
            ("ann", "at", SIGNUP, largest, False),
            ("ann", "below", SIGNUP, Decimal("0.01"), False),
        ],
        "user_id string, game_id string, purchase_timestamp timestamp, "
        "purchase_amount_usd decimal(28,2), has_duplicates boolean",
    )
    signups = known(spark, [("ann", SIGNUP, True)])
    games = staging(spark, "stg_games", GAMES)
    with pytest.raises(ArithmeticException, match="NUMERIC_VALUE_OUT_OF_RANGE"):
        purchases_per_customer(purchases, signups, games, 1_000_000, SURE).collect()
