"""One good row of each published table; a test names only what differs."""

from datetime import date
from decimal import Decimal
from typing import Any

from tests.frames import utc

Row = dict[str, Any]


def customer(**changes: object) -> Row:
    """A row of dim_customer: one deposit and two purchases of one high-jackpot game."""
    return {
        "user_id": "u1",
        "country": "SE",
        "signup_timestamp": utc("2024-06-01 00:00:00"),
        "signup_date": date(2024, 6, 1),
        "total_deposits": 1,
        "total_deposit_amount_minor": 5000,
        "first_deposit_timestamp": utc("2024-06-02 00:00:00"),
        "last_deposit_timestamp": utc("2024-06-02 00:00:00"),
        "avg_deposit_amount_minor": Decimal("5000.0000"),
        "total_purchases": 2,
        "total_purchase_amount_usd": Decimal("30.00"),
        "first_purchase_timestamp": utc("2024-06-02 00:00:00"),
        "last_purchase_timestamp": utc("2024-06-04 00:00:00"),
        "avg_purchase_amount_usd": Decimal("15.0000"),
        "unique_games_played": 1,
        "total_web_events": 0,
        "unique_campaigns_engaged": 0,
        "high_jackpot_games_played": 1,
        "high_jackpot_spend_usd": Decimal("30.00"),
        "days_to_first_purchase": 1.0,
        "days_to_first_deposit": 1.0,
        "customer_segment": "Low Value",
        "player_type": "High Jackpot Player",
        "dbt_updated_at": utc("2025-01-01 03:00:00"),
        "longest_purchase_gap_days": 2.0,
        "purchase_days": 2,
        "first_deposit_amount_minor": 5000,
        "spend_first_7_days_usd": Decimal("30.00"),
        "spend_first_30_days_usd": Decimal("30.00"),
        "spend_first_90_days_usd": Decimal("30.00"),
        **changes,
    }


def score(**changes: object) -> Row:
    """A row of customer_ltv_scoring."""
    return {
        "user_id": "u1",
        "country": "SE",
        "signup_date": date(2024, 6, 1),
        "total_deposits": 1,
        "total_deposit_amount_minor": 5000,
        "total_purchases": 2,
        "total_purchase_amount_usd": Decimal("30.00"),
        "unique_games_played": 1,
        "high_jackpot_games_played": 1,
        "high_jackpot_spend_usd": Decimal("30.00"),
        "recency_score": 1,
        "frequency_score": 1,
        "monetary_score": 3,
        "rfm_score": 5,
        "high_jackpot_score": 3,
        "game_variety_score": 2,
        "deposit_behavior_score": 2,
        "quick_conversion_score": 5,
        "behavioral_score": 12,
        "predicted_annual_ltv": Decimal("51.17"),
        "ltv_score": Decimal("37.33"),
        "risk_score": 2,
        "vip_tier": "Standard",
        "promotion_category": "Eligible for Re-engagement",
        "customer_segment": "Low Value",
        "player_type": "High Jackpot Player",
        "days_since_last_activity": 211.0,
        "customer_tenure_days": 214.0,
        "dbt_updated_at": utc("2025-01-01 03:00:00"),
        "purchases_per_month": 0.280374,
        "avg_spend_per_purchase": Decimal("15.0000"),
        **changes,
    }
