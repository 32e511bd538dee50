"""dim_customer joined from what each source says of its customers."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from chispa import assert_df_equality
from pyspark.errors import ArithmeticException
from pyspark.sql import DataFrame, SparkSession

from customer_mart.contracts import contract
from customer_mart.dim_customer.deposits import deposits_per_customer
from customer_mart.dim_customer.dim_customer import dim_customer, joined_customers
from customer_mart.dim_customer.purchases import purchases_per_customer
from customer_mart.dim_customer.signups import signups_per_customer
from customer_mart.dim_customer.web_events import web_events_per_customer
from customer_mart.settings import Settings
from customer_mart.staging.user_key import QUICK
from tests.frames import by_name, staging, utc

SIGNUPS = "user_id string, signup_timestamp timestamp, country string, is_signed_up boolean"
DEPOSITS = (
    "user_id string, is_signed_up boolean, total_deposits bigint, "
    "total_deposit_amount_minor bigint, first_deposit_timestamp timestamp, "
    "last_deposit_timestamp timestamp, first_deposit_amount_minor bigint, has_duplicates boolean"
)
PURCHASES = (
    "user_id string, is_signed_up boolean, total_purchases bigint, "
    "total_purchase_cents decimal(30,0), first_purchase_timestamp timestamp, "
    "last_purchase_timestamp timestamp, unique_games_played bigint, "
    "high_jackpot_games_played bigint, high_jackpot_cents decimal(30,0), "
    "longest_purchase_gap bigint, purchase_days bigint, spend_first_7_days_cents decimal(30,0), "
    "spend_first_30_days_cents decimal(30,0), spend_first_90_days_cents decimal(30,0), "
    "has_duplicates boolean"
)
WEB_EVENTS = (
    "user_id string, is_signed_up boolean, total_web_events bigint, "
    "first_web_event_timestamp timestamp, last_web_event_timestamp timestamp, "
    "unique_campaigns_engaged bigint, first_touch_campaign string, "
    "first_touch_timestamp timestamp, last_touch_campaign_before_purchase string, "
    "has_duplicates boolean"
)
NEVER = ("Python", "CartesianProduct", "NestedLoop", "Expand")
SIGNUP = utc("2024-01-01 12:00:00")
UPDATED_AT = utc("2025-01-01 06:30:00")
Rows = Sequence[Mapping[str, Any]]


def customers(
    spark: SparkSession,
    signups: Sequence[tuple[str, datetime, str | None]],
    deposits: Rows = (),
    purchases: Rows = (),
    web_events: Rows = (),
    zone: str = "UTC",
) -> DataFrame:
    """dim_customer of users who have signed up, with the default settings."""
    signed_up = [(*signup, True) for signup in signups]
    return joined(
        spark.createDataFrame(signed_up, SIGNUPS),
        by_name(spark, DEPOSITS, _of_customers(deposits)),
        by_name(spark, PURCHASES, _of_customers(purchases)),
        by_name(spark, WEB_EVENTS, _of_customers(web_events)),
        zone,
    )


def _of_customers(facts: Rows) -> Rows:
    return [{"is_signed_up": True, **row} for row in facts]


def joined(
    signups: DataFrame,
    deposits: DataFrame,
    purchases: DataFrame,
    web_events: DataFrame,
    zone: str = "UTC",
    key: Sequence[str] = ("user_id",),
) -> DataFrame:
    return dim_customer(
        joined_customers(signups, deposits, purchases, web_events, key),
        business_time_zone=zone,
        customer_segments=Settings().customer_segments,
        high_jackpot_label="High Jackpot Player",
        regular_label="Regular Player",
        updated_at=UPDATED_AT,
    )


def test_every_customer_has_one_row_also_one_without_activity_and_nobody_else_has(
    spark: SparkSession,
) -> None:
    signups = spark.createDataFrame(
        [
            ("ann", SIGNUP, "UK", True),
            ("bob", utc("2023-12-31 23:59:59.999999"), None, True),
            ("cyd", utc("2025-01-01"), "DE", False),  # still to come
        ],
        SIGNUPS,
    )
    deposit = {
        "total_deposits": 2,
        "total_deposit_amount_minor": 1501,
        "first_deposit_timestamp": utc("2024-01-02 12:00:00"),
        "last_deposit_timestamp": utc("2024-01-03 12:00:00"),
        "first_deposit_amount_minor": 1000,
    }
    purchase = {
        "total_purchases": 3,
        "first_purchase_timestamp": utc("2024-01-03 00:00:00"),
        "last_purchase_timestamp": utc("2024-02-20 12:00:00"),
        "unique_games_played": 2,
        "high_jackpot_games_played": 1,
        "purchase_days": 3,
    }
    cents = {
        "total_purchase_cents": Decimal(3004),
        "high_jackpot_cents": Decimal(1000),
        "spend_first_7_days_cents": Decimal(1000),
        "spend_first_30_days_cents": Decimal(1001),
        "spend_first_90_days_cents": Decimal(3004),
    }
    web_event = {
        "total_web_events": 4,
        "first_web_event_timestamp": utc("2023-12-31 12:00:00"),
        "last_web_event_timestamp": utc("2024-03-01 12:00:00"),
        "unique_campaigns_engaged": 3,
        "first_touch_campaign": "autumn",
        "first_touch_timestamp": utc("2024-01-01 18:00:00"),
        "last_touch_campaign_before_purchase": "winter",
    }
    gap = {"longest_purchase_gap": 4_147_200_000_000}
    # cyd is still to come and nobody is unknown: what they did makes no customer of them.
    users = [("ann", True), ("cyd", False), ("nobody", None)]
    states = [{"user_id": user, "is_signed_up": state} for user, state in users]
    actual = joined(
        signups,
        by_name(spark, DEPOSITS, [{**state, **deposit} for state in states]),
        by_name(spark, PURCHASES, [{**state, **purchase, **cents, **gap} for state in states]),
        by_name(spark, WEB_EVENTS, [{**state, **web_event} for state in states]),
    )
    ann = {
        "user_id": "ann",
        "country": "UK",
        "signup_timestamp": SIGNUP,
        "signup_date": date(2024, 1, 1),
        "avg_deposit_amount_minor": Decimal("750.5000"),
        "total_purchase_amount_usd": Decimal("30.04"),
        "avg_purchase_amount_usd": Decimal("10.0133"),
        "high_jackpot_spend_usd": Decimal("10.00"),
        "spend_first_7_days_usd": Decimal("10.00"),
        "spend_first_30_days_usd": Decimal("10.01"),
        "spend_first_90_days_usd": Decimal("30.04"),
        "days_to_first_purchase": 1.5,
        "days_to_first_deposit": 1.0,
        "days_to_first_web_event": -1.0,
        "customer_segment": "Medium Value",
        "player_type": "High Jackpot Player",
        "dbt_updated_at": UPDATED_AT,
        "longest_purchase_gap_days": 48.0,
        "days_from_first_touch_to_first_purchase": 1.25,
        "days_from_first_touch_to_first_deposit": 0.75,
    }
    bob = {
        "user_id": "bob",
        "country": "Unknown",
        "signup_timestamp": utc("2023-12-31 23:59:59.999999"),
        "signup_date": date(2023, 12, 31),
        "total_deposits": 0,
        "total_deposit_amount_minor": 0,
        "avg_deposit_amount_minor": Decimal("0.0000"),
        "total_purchases": 0,
        "total_purchase_amount_usd": Decimal("0.00"),
        "avg_purchase_amount_usd": Decimal("0.0000"),
        "unique_games_played": 0,
        "total_web_events": 0,
        "unique_campaigns_engaged": 0,
        "high_jackpot_games_played": 0,
        "high_jackpot_spend_usd": Decimal("0.00"),
        "customer_segment": "No Purchase",
        "player_type": "Regular Player",
        "dbt_updated_at": UPDATED_AT,
        "purchase_days": 0,
        "spend_first_7_days_usd": Decimal("0.00"),
        "spend_first_30_days_usd": Decimal("0.00"),
        "spend_first_90_days_usd": Decimal("0.00"),
    }
    expected = by_name(
        spark,
        contract("dim_customer").ddl,
        [{**ann, **deposit, **purchase, **web_event}, bob],
    )
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


def test_a_segment_follows_the_number_of_purchases_and_a_player_type_the_jackpots(
    spark: SparkSession,
) -> None:
    plays = [("u0", 0, 0), ("u1", 1, 0), ("u2", 2, 1), ("u3", 3, 2)]
    plays += [("u4", 4, 0), ("u9", 9, 9), ("u10", 10, 0), ("u11", 11, 1)]
    purchases = [
        {
            "user_id": user,
            "total_purchases": total,
            "total_purchase_cents": Decimal(100 * total),
            "high_jackpot_games_played": jackpots,
        }
        for user, total, jackpots in plays
    ]
    signups = [(user, SIGNUP, "UK") for user, _, _ in plays]
    actual = customers(spark, [*signups, ("none", SIGNUP, "UK")], purchases=purchases)
    expected = spark.createDataFrame(
        [
            ("none", "No Purchase", "Regular Player"),
            ("u0", "No Purchase", "Regular Player"),
            ("u1", "Low Value", "Regular Player"),
            ("u2", "Low Value", "High Jackpot Player"),
            ("u3", "Medium Value", "High Jackpot Player"),
            ("u4", "Medium Value", "Regular Player"),
            ("u9", "Medium Value", "High Jackpot Player"),
            ("u10", "High Value", "Regular Player"),
            ("u11", "High Value", "High Jackpot Player"),
        ],
        "user_id string, customer_segment string, player_type string",
    )
    labels = actual.select("user_id", "customer_segment", "player_type")
    assert_df_equality(labels, expected, ignore_row_order=True, ignore_nullable=True)


def test_a_country_that_is_null_or_blank_is_unknown(spark: SparkSession) -> None:
    actual = customers(
        spark,
        [("u1", SIGNUP, None), ("u2", SIGNUP, ""), ("u3", SIGNUP, "   "), ("u4", SIGNUP, "UK")],
    ).select("user_id", "country")
    expected = spark.createDataFrame(
        [("u1", "Unknown"), ("u2", "Unknown"), ("u3", "Unknown"), ("u4", "UK")],
        "user_id string, country string",
    )
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


LOCAL_MIDNIGHTS: dict[str, list[tuple[str, date]]] = {
    "Europe/London": [
        ("2024-06-30 22:59:59.999999", date(2024, 6, 30)),
        ("2024-06-30 23:00:00", date(2024, 7, 1)),
        ("2024-12-31 23:59:59.999999", date(2024, 12, 31)),
        ("2025-01-01 00:00:00", date(2025, 1, 1)),
        # 01:30 twice on 27 October, a day that began at 23:00 UTC and ends at 24:00.
        ("2024-10-26 22:59:59.999999", date(2024, 10, 26)),
        ("2024-10-26 23:00:00", date(2024, 10, 27)),
        ("2024-10-27 00:30:00", date(2024, 10, 27)),
        ("2024-10-27 01:30:00", date(2024, 10, 27)),
        ("2024-10-27 23:59:59.999999", date(2024, 10, 27)),
        ("2024-10-28 00:00:00", date(2024, 10, 28)),
    ],
    "America/New_York": [
        ("2024-07-01 03:59:59.999999", date(2024, 6, 30)),
        ("2024-07-01 04:00:00", date(2024, 7, 1)),
        ("2025-01-01 04:59:59.999999", date(2024, 12, 31)),
        ("2025-01-01 05:00:00", date(2025, 1, 1)),
        # 01:30 twice on 3 November, a day that began at 04:00 UTC and ends at 05:00.
        ("2024-11-03 03:59:59.999999", date(2024, 11, 2)),
        ("2024-11-03 04:00:00", date(2024, 11, 3)),
        ("2024-11-03 05:30:00", date(2024, 11, 3)),
        ("2024-11-03 06:30:00", date(2024, 11, 3)),
        ("2024-11-04 04:59:59.999999", date(2024, 11, 3)),
        ("2024-11-04 05:00:00", date(2024, 11, 4)),
    ],
    # Here the clocks went back at midnight: 17 February 2018 had 23:30 twice.
    "America/Sao_Paulo": [
        ("2018-02-18 01:30:00", date(2018, 2, 17)),
        ("2018-02-18 02:00:00", date(2018, 2, 17)),
        ("2018-02-18 02:59:59.999999", date(2018, 2, 17)),
        ("2018-02-18 03:00:00", date(2018, 2, 18)),
    ],
}


def test_the_signup_date_is_that_of_the_business_time_zone(spark: SparkSession) -> None:
    def dates(zone: str) -> DataFrame:
        signups = [(f"{zone} {text}", utc(text), "UK") for text, _ in LOCAL_MIDNIGHTS[zone]]
        return customers(spark, signups, zone=zone).select("user_id", "signup_date")

    london, new_york, sao_paulo = (dates(zone) for zone in LOCAL_MIDNIGHTS)
    expected = spark.createDataFrame(
        [
            (f"{zone} {text}", day)
            for zone, midnights in LOCAL_MIDNIGHTS.items()
            for text, day in midnights
        ],
        "user_id string, signup_date date",
    )
    actual = london.union(new_york).union(sao_paulo)
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


def test_averages_are_rounded_half_up_from_the_exact_quotient(spark: SparkSession) -> None:
    money = [
        ("none", 0, 0, Decimal(0), 0),
        ("tie", 1, 20_000, Decimal(1), 200),
        ("below", 1_249_999_999, 25_000_000_000_000, Decimal(1_249_999_999), 250_000_000_000),
        ("big", 9_223_372_036_854_775_807, 1, Decimal(10**26 - 1), 1),
        ("bound", 999_999, 20_000, Decimal(99_999_900), 20_000),
    ]
    deposits = [
        {"user_id": user, "total_deposits": count, "total_deposit_amount_minor": total}
        for user, total, count, _, _ in money
    ]
    purchases = [
        {"user_id": user, "total_purchases": count, "total_purchase_cents": total}
        for user, _, _, total, count in money
    ]
    actual = customers(
        spark, [(user, SIGNUP, "UK") for user, *_ in money], deposits, purchases
    ).select("user_id", "avg_deposit_amount_minor", "avg_purchase_amount_usd")
    largest = Decimal("999999999999999999999999.9900")
    expected = spark.createDataFrame(
        [
            ("none", Decimal("0.0000"), Decimal("0.0000")),
            ("tie", Decimal("0.0001"), Decimal("0.0001")),
            ("below", Decimal("0.0000"), Decimal("0.0000")),
            ("big", Decimal("9223372036854775807.0000"), largest),
            ("bound", Decimal("50.0000"), Decimal("50.0000")),
        ],
        "user_id string, avg_deposit_amount_minor decimal(28,4), "
        "avg_purchase_amount_usd decimal(28,4)",
    )
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


def test_an_average_too_large_for_its_type_is_an_error(spark: SparkSession) -> None:
    total = Decimal(10**26)
    purchase = {"user_id": "ann", "total_purchases": 1, "total_purchase_cents": total}
    actual = customers(spark, [("ann", SIGNUP, "UK")], purchases=[purchase])
    with pytest.raises(ArithmeticException, match="NUMERIC_VALUE_OUT_OF_RANGE"):
        actual.collect()


def test_days_run_from_the_signup_and_may_be_negative_and_a_touch_explains_only_what_follows(
    spark: SparkSession,
) -> None:
    noon, later = utc("2024-01-02 12:00:00"), utc("2024-01-03 00:00:00")
    before = utc("2024-01-02 11:59:59.999999")
    # When a user first bought, first paid in, first touched, and the gap in microseconds.
    lives = [
        ("after", later, noon, before, 0),
        ("at", noon, noon, noon, 1),
        ("purchase before touch", before, noon, noon, 108_000_000_000),
        ("deposit before touch", noon, before, noon, None),
        ("before signup", utc("2023-12-31 06:00:00"), SIGNUP, None, None),
        ("only a touch", None, None, noon, None),
    ]
    actual = customers(
        spark,
        [(user, SIGNUP, "UK") for user, *_ in lives],
        [{"user_id": user, "first_deposit_timestamp": at} for user, _, at, _, _ in lives if at],
        [
            {"user_id": user, "first_purchase_timestamp": at, "longest_purchase_gap": gap}
            for user, at, _, _, gap in lives
            if at
        ],
        [
            {"user_id": user, "first_touch_timestamp": at, "first_web_event_timestamp": at}
            for user, _, _, at, _ in lives
            if at
        ],
    ).select(
        "user_id",
        "days_to_first_purchase",
        "days_to_first_deposit",
        "days_to_first_web_event",
        "days_from_first_touch_to_first_purchase",
        "days_from_first_touch_to_first_deposit",
        "longest_purchase_gap_days",
    )
    microsecond = 1 / 86_400_000_000
    almost_a_day = 86_399_999_999 / 86_400_000_000
    half_a_day = 43_200_000_001 / 86_400_000_000
    expected = spark.createDataFrame(
        [
            ("after", 1.5, 1.0, almost_a_day, half_a_day, microsecond, 0.0),
            ("at", 1.0, 1.0, 1.0, 0.0, 0.0, microsecond),
            ("purchase before touch", almost_a_day, 1.0, 1.0, None, 0.0, 1.25),
            ("deposit before touch", 1.0, almost_a_day, 1.0, 0.0, -microsecond, None),
            ("before signup", -1.25, 0.0, None, None, None, None),
            ("only a touch", None, None, 1.0, None, None, None),
        ],
        "user_id string, days_to_first_purchase double, days_to_first_deposit double, "
        "days_to_first_web_event double, days_from_first_touch_to_first_purchase double, "
        "days_from_first_touch_to_first_deposit double, longest_purchase_gap_days double",
    )
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


@pytest.mark.classic("reads the physical plan")
def test_no_transformation_leaves_the_engine_multiplies_rows_or_expands_them(
    spark: SparkSession,
) -> None:
    marks = "disposition string, has_duplicates boolean"
    facts = {
        name: spark.createDataFrame([], f"{contract(name).ddl}, {marks}")
        for name in ("stg_signups", "stg_deposits", "stg_ticket_purchases", "stg_web_events")
    }
    signups = signups_per_customer(facts["stg_signups"], QUICK)
    known = signups.select("user_hash", "user_id", "signup_timestamp", "is_signed_up")
    deposits = deposits_per_customer(facts["stg_deposits"], known, QUICK)
    games = staging(spark, "stg_games", [])
    tickets = facts["stg_ticket_purchases"]
    purchases = purchases_per_customer(tickets, known, games, 1_000_000, QUICK)
    web_events = web_events_per_customer(facts["stg_web_events"], known, purchases, QUICK)
    frames = (signups, deposits, purchases, web_events)
    plans = [plan_of(frame) for frame in (*frames, joined(*frames, key=QUICK.key))]
    assert all("Aggregate" in plan for plan in plans)  # none was optimized away
    assert [[word for word in NEVER if word in plan] for plan in plans] == [[]] * 5


def plan_of(rows: DataFrame) -> str:
    return str(rows._jdf.queryExecution().executedPlan().toString())
