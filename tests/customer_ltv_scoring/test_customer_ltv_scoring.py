"""customer_ltv_scoring of a handful of customers, worked out by hand."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from chispa import assert_df_equality
from pyspark.sql import DataFrame, SparkSession

from customer_mart.contracts import contract
from customer_mart.customer_ltv_scoring.customer_ltv_scoring import customer_ltv_scoring
from customer_mart.settings import Scoring, load_settings
from tests.frames import by_name, utc

usd = points = Decimal
AS_OF = utc("2025-01-01 00:00:00")
UPDATED_AT = utc("2025-01-01 06:30:00")
LEGACY = [
    "scoring.min_tenure_days=0",
    "scoring.horizon_years=2",
    "scoring.quick_conversion.never_purchased_score=0",
]
NEVER = ("Exchange", "Python", "CartesianProduct", "NestedLoop", "Join", "Expand", "Sort")

SCORES = (
    "recency_score",
    "frequency_score",
    "monetary_score",
    "rfm_score",
    "high_jackpot_score",
    "game_variety_score",
    "deposit_behavior_score",
    "quick_conversion_score",
    "behavioral_score",
    "predicted_annual_ltv",
    "ltv_score",
    "risk_score",
    "vip_tier",
    "promotion_category",
)
# A microsecond more than 90 days.
OVER_90 = 7_776_000_000_001 / 86_400_000_000

# What both tables hold of a customer; a name says where the customer stands.
VIP: dict[str, Any] = {
    "user_id": "vip",
    "country": "UK",
    "signup_date": date(2024, 1, 2),
    "total_deposits": 10,
    "total_deposit_amount_minor": 365_000,
    "total_purchases": 73,
    "total_purchase_amount_usd": Decimal("3650.00"),
    "unique_games_played": 5,
    "high_jackpot_games_played": 5,
    "high_jackpot_spend_usd": Decimal("3650.00"),
    "customer_segment": "High Value",
    "player_type": "High Jackpot Player",
}
LAPSING: dict[str, Any] = {
    "user_id": "lapsing",
    "country": "Unknown",
    "signup_date": date(2024, 7, 5),
    "total_deposits": 1,
    "total_deposit_amount_minor": 5000,
    "total_purchases": 3,
    "total_purchase_amount_usd": Decimal("30.02"),
    "unique_games_played": 2,
    "high_jackpot_games_played": 0,
    "high_jackpot_spend_usd": Decimal("0.00"),
    "customer_segment": "Medium Value",
    "player_type": "Regular Player",
}
SILENT: dict[str, Any] = {
    "user_id": "silent",
    "country": "DE",
    "signup_date": date(2024, 10, 2),
    "total_deposits": 0,
    "total_deposit_amount_minor": 0,
    "total_purchases": 0,
    "total_purchase_amount_usd": Decimal("0.00"),
    "unique_games_played": 0,
    "high_jackpot_games_played": 0,
    "high_jackpot_spend_usd": Decimal("0.00"),
    "customer_segment": "No Purchase",
    "player_type": "Regular Player",
}
HOUR_OLD: dict[str, Any] = {
    "user_id": "hour old",
    "country": "UK",
    "signup_date": date(2024, 12, 31),
    "total_deposits": 1,
    "total_deposit_amount_minor": 500,
    "total_purchases": 1,
    "total_purchase_amount_usd": Decimal("5.00"),
    "unique_games_played": 1,
    "high_jackpot_games_played": 1,
    "high_jackpot_spend_usd": Decimal("5.00"),
    "customer_segment": "Low Value",
    "player_type": "High Jackpot Player",
}


def dim_customer(spark: SparkSession) -> DataFrame:
    """The customers of dim_customer; what scoring does not read is NULL."""
    return by_name(
        spark,
        contract("dim_customer").ddl,
        [
            {
                **VIP,
                "signup_timestamp": utc("2024-01-02 00:00:00"),
                "last_purchase_timestamp": utc("2024-12-02 00:00:00"),
                "avg_purchase_amount_usd": Decimal("50.0000"),
                "days_to_first_purchase": 1.0,
            },
            {
                **LAPSING,
                "signup_timestamp": utc("2024-07-05 00:00:00"),
                "last_purchase_timestamp": utc("2024-10-03 00:00:00"),
                "avg_purchase_amount_usd": Decimal("10.0067"),
                "days_to_first_purchase": 14.0,
            },
            {
                **SILENT,
                "signup_timestamp": utc("2024-10-02 23:59:59.999999"),
                "avg_purchase_amount_usd": Decimal("0.0000"),
            },
            {
                **HOUR_OLD,
                "signup_timestamp": utc("2024-12-31 23:00:00"),
                "last_purchase_timestamp": utc("2024-12-31 23:30:00"),
                "avg_purchase_amount_usd": Decimal("5.0000"),
                "days_to_first_purchase": 1 / 48,
            },
        ],
    )


# What is measured of them, with the floor of 30 days of tenure.
MEASURES: dict[str, dict[str, Any]] = {
    "vip": {
        "days_since_last_activity": 30.0,
        "customer_tenure_days": 365.0,
        "purchases_per_month": 73 / (365 / 30),
        "avg_spend_per_purchase": Decimal("50.0000"),
    },
    "lapsing": {
        "days_since_last_activity": 90.0,
        "customer_tenure_days": 180.0,
        "purchases_per_month": 0.5,
        "avg_spend_per_purchase": Decimal("10.0067"),
    },
    "silent": {
        "days_since_last_activity": OVER_90,
        "customer_tenure_days": OVER_90,
        "purchases_per_month": 0.0,
        "avg_spend_per_purchase": Decimal("0.0000"),
    },
    "hour old": {
        "days_since_last_activity": 1 / 48,
        "customer_tenure_days": 1 / 24,
        "purchases_per_month": 1.0,
        "avg_spend_per_purchase": Decimal("5.0000"),
    },
}


def scored(customer: dict[str, Any], *scores: object) -> dict[str, Any]:
    """A row of customer_ltv_scoring: the customer, what was measured, and its scores in order."""
    by_column = dict(zip(SCORES, scores, strict=True))
    measures = MEASURES[customer["user_id"]]
    return {**customer, **measures, **by_column, "dbt_updated_at": UPDATED_AT}


def test_scores_follow_from_a_customer_and_the_as_of_instant(spark: SparkSession) -> None:
    actual = customer_ltv_scoring(dim_customer(spark), AS_OF, Scoring(), UPDATED_AT)
    vip = (usd("3650.00"), points("97.33"), 1, "Diamond VIP", "Eligible for VIP Promotions")
    lapsing = (usd("60.87"), points("39.33"), 1, "Standard", "Standard Marketing")
    silent = (usd("0.00"), points("16.67"), 2, "Standard", "Eligible for Re-engagement")
    new = (usd("60.83"), points("50.67"), 3, "Silver VIP", "Standard Marketing")
    expected = by_name(
        spark,
        contract("customer_ltv_scoring").ddl,
        [
            # 14/15 x 40 + 20/20 x 30 + 1.0 x 30 = 97.3333, silent for exactly 30 days.
            scored(VIP, 4, 5, 5, 14, 5, 5, 5, 5, 20, *vip),
            # 30.02 x 365/180 = 60.8739; 8/15 x 40 + 8/20 x 30 + 0.2 x 30 = 39.3333, silent for
            # exactly 90 days.
            scored(LAPSING, 3, 2, 3, 8, 1, 3, 2, 2, 8, *lapsing),
            # 4/15 x 40 + 4/20 x 30 = 16.6667.
            scored(SILENT, 2, 1, 1, 4, 1, 1, 1, 1, 4, *silent),
            # 5 x 365/30 = 60.8333; 10/15 x 40 + 12/20 x 30 + 0.2 x 30 = 50.6667.
            scored(HOUR_OLD, 5, 3, 2, 10, 3, 2, 2, 5, 12, *new),
        ],
    )
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


def test_three_settings_give_the_numbers_of_the_sql_models(spark: SparkSession) -> None:
    scoring = load_settings(None, LEGACY).scoring
    actual = customer_ltv_scoring(dim_customer(spark), AS_OF, scoring, UPDATED_AT)
    vip = (usd("7300.00"), points("97.33"), 1, "Diamond VIP", "Eligible for VIP Promotions")
    lapsing = (usd("121.75"), points("45.33"), 1, "Silver VIP", "Standard Marketing")
    silent = (usd("0.00"), points("15.17"), 2, "Standard", "Eligible for Re-engagement")
    new = (usd("87600.00"), points("80.00"), 3, "Diamond VIP", "Eligible for VIP Promotions")
    hour_old = scored(HOUR_OLD, 5, 5, 2, 12, 3, 2, 2, 5, 12, *new)
    expected = by_name(
        spark,
        contract("customer_ltv_scoring").ddl,
        [
            scored(VIP, 4, 5, 5, 14, 5, 5, 5, 5, 20, *vip),
            # 30.02 x 365/180 x 2 = 121.7478; 21.3333 + 12 + 0.4 x 30 = 45.3333.
            scored(LAPSING, 3, 2, 3, 8, 1, 3, 2, 2, 8, *lapsing),
            # The one behavioural score of 0: 4/15 x 40 + 3/20 x 30 = 15.1667.
            scored(SILENT, 2, 1, 1, 4, 1, 1, 1, 0, 3, *silent),
            # 5 x 365 x 24 x 2 = 87 600; 12/15 x 40 + 12/20 x 30 + 30 = 80.
            {**hour_old, "purchases_per_month": 1 / (1 / 24 / 30)},
        ],
    )
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


@pytest.mark.classic("reads the physical plan")
def test_scoring_moves_no_row_and_stays_in_the_engine(spark: SparkSession) -> None:
    scores = customer_ltv_scoring(dim_customer(spark), AS_OF, Scoring(), UPDATED_AT)
    plan = str(scores._jdf.queryExecution().executedPlan().toString())
    assert [word for word in NEVER if word in plan] == []
