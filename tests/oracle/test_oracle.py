"""The reference mart on a handful of rows, worked out by hand."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.oracle.oracle import ReferenceMart, Row, reference_mart

Rows = Sequence[tuple[Any, ...]]
Tables = Mapping[str, Rows]

COLUMNS = {
    "stg_signups": "user_id VARCHAR, signup_timestamp TIMESTAMPTZ, country VARCHAR",
    "stg_deposits": (
        "deposit_id VARCHAR, user_id VARCHAR, deposit_timestamp TIMESTAMPTZ, "
        "deposit_amount_minor BIGINT"
    ),
    "stg_ticket_purchases": (
        "purchase_id VARCHAR, user_id VARCHAR, game_id VARCHAR, "
        "purchase_timestamp TIMESTAMPTZ, purchase_amount_usd DECIMAL(18, 2)"
    ),
    "stg_web_events": (
        "event_id VARCHAR, user_id VARCHAR, event_timestamp TIMESTAMPTZ, utm_campaign VARCHAR"
    ),
    "stg_games": "game_id VARCHAR, game_name VARCHAR, jackpot_estimate_minor BIGINT",
}
MICROSECOND = timedelta(microseconds=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


AS_OF = utc("2025-01-01")


def deliver(sources: Path, tables: Tables, columns: Mapping[str, str]) -> None:
    """Writes every staging table as Parquet; what is not given is empty."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for source, described in {**COLUMNS, **columns}.items():
            connection.execute(f"CREATE TABLE {source} ({described})")
            for row in tables.get(source, ()):
                marks = ", ".join("?" for _ in row)
                connection.execute(f"INSERT INTO {source} VALUES ({marks})", row)
            (sources / source).mkdir()
            connection.table(source).write_parquet(str(sources / source / "part-0.parquet"))


def reference(
    sources: Path,
    tables: Tables,
    columns: Mapping[str, str] | None = None,
    **settings: Any,
) -> ReferenceMart:
    deliver(sources, tables, columns or {})
    return reference_mart(sources, AS_OF, **settings)


def only(rows: list[Row], *columns: str) -> Any:
    """The columns of the one row: a value, or a tuple of several."""
    (row,) = rows
    values = tuple(row[column] for column in columns)
    return values if len(values) > 1 else values[0]


LIVELY: Tables = {
    "stg_signups": [("ann", utc("2024-10-03"), "UK"), ("bob", utc("2024-09-01"), "  ")],
    "stg_games": [("jack", "Jackpot", 1_000_000), ("keno", "Keno", 999_999), ("new", "?", None)],
    "stg_deposits": [
        ("d2", "ann", utc("2024-10-04 06:00:00"), 1),
        ("d1", "ann", utc("2024-10-04 06:00:00"), 1000),
        ("d0", "ann", utc("2024-12-01"), 999),
    ],
    "stg_ticket_purchases": [
        ("p4", "ann", "lost", utc("2024-12-31"), Decimal("8.01")),
        ("p1", "ann", "keno", utc("2024-10-03 12:00:00"), Decimal("5.00")),
        ("p2", "ann", "jack", utc("2024-10-10"), Decimal("7.00")),
        ("p3", "ann", "jack", utc("2024-10-10 18:00:00"), Decimal("100.00")),
    ],
    "stg_web_events": [
        ("e1", "ann", utc("2024-10-01"), "autumn"),
        ("e2", "ann", utc("2024-10-01"), "spring"),
        ("e3", "ann", utc("2024-10-03 12:00:00"), "winter"),
        ("e4", "ann", utc("2024-10-03 12:00:00"), "summer"),
        ("e5", "ann", utc("2024-09-30"), None),
        ("e6", "ann", utc("2024-12-25"), "spring"),
    ],
}
ANN: Row = {
    "user_id": "ann",
    "country": "UK",
    "signup_timestamp": utc("2024-10-03"),
    "signup_date": date(2024, 10, 3),
    "total_deposits": 3,
    "total_deposit_amount_minor": 2000,
    "first_deposit_timestamp": utc("2024-10-04 06:00:00"),
    "last_deposit_timestamp": utc("2024-12-01"),
    "avg_deposit_amount_minor": Decimal("666.6667"),
    "total_purchases": 4,
    "total_purchase_amount_usd": Decimal("120.01"),
    "first_purchase_timestamp": utc("2024-10-03 12:00:00"),
    "last_purchase_timestamp": utc("2024-12-31"),
    "avg_purchase_amount_usd": Decimal("30.0025"),
    "unique_games_played": 3,
    "total_web_events": 6,
    "first_web_event_timestamp": utc("2024-09-30"),
    "last_web_event_timestamp": utc("2024-12-25"),
    "unique_campaigns_engaged": 4,
    "high_jackpot_games_played": 1,
    "high_jackpot_spend_usd": Decimal("107.00"),
    "days_to_first_purchase": 0.5,
    "days_to_first_deposit": 1.25,
    "days_to_first_web_event": -3.0,
    "customer_segment": "Medium Value",
    "player_type": "High Jackpot Player",
    "first_touch_campaign": "autumn",
    "first_touch_timestamp": utc("2024-10-01"),
    "last_touch_campaign_before_purchase": "summer",
    "longest_purchase_gap_days": 81.25,
    "purchase_days": 3,
    "first_deposit_amount_minor": 1000,
    "days_from_first_touch_to_first_purchase": 2.5,
    "days_from_first_touch_to_first_deposit": 3.25,
    "spend_first_7_days_usd": Decimal("5.00"),
    "spend_first_30_days_usd": Decimal("112.00"),
    "spend_first_90_days_usd": Decimal("120.01"),
}
BOB: Row = {
    **dict.fromkeys(ANN),
    "user_id": "bob",
    "country": "Unknown",
    "signup_timestamp": utc("2024-09-01"),
    "signup_date": date(2024, 9, 1),
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
    "purchase_days": 0,
    "spend_first_7_days_usd": Decimal("0.00"),
    "spend_first_30_days_usd": Decimal("0.00"),
    "spend_first_90_days_usd": Decimal("0.00"),
}
# Tenure 90 days: 4 / 3 a month, 120.01 x 365 / 90 = 486.7072... a year;
# 12/15 x 40 + 15/20 x 30 + 0.6 x 30 = 32 + 22.5 + 18.
ANN_SCORED: Row = {
    "user_id": "ann",
    "country": "UK",
    "signup_date": date(2024, 10, 3),
    "total_deposits": 3,
    "total_deposit_amount_minor": 2000,
    "total_purchases": 4,
    "total_purchase_amount_usd": Decimal("120.01"),
    "unique_games_played": 3,
    "high_jackpot_games_played": 1,
    "high_jackpot_spend_usd": Decimal("107.00"),
    "recency_score": 5,
    "frequency_score": 3,
    "monetary_score": 4,
    "rfm_score": 12,
    "high_jackpot_score": 3,
    "game_variety_score": 4,
    "deposit_behavior_score": 3,
    "quick_conversion_score": 5,
    "behavioral_score": 15,
    "predicted_annual_ltv": Decimal("486.71"),
    "ltv_score": Decimal("72.50"),
    "risk_score": 1,
    "vip_tier": "Gold VIP",
    "promotion_category": "Eligible for VIP Promotions",
    "customer_segment": "Medium Value",
    "player_type": "High Jackpot Player",
    "days_since_last_activity": 1.0,
    "customer_tenure_days": 90.0,
    "purchases_per_month": 4 / 3,
    "avg_spend_per_purchase": Decimal("30.0025"),
}
# Tenure 122 days without a purchase: 4/15 x 40 + 4/20 x 30 = 16.6666...
BOB_SCORED: Row = {
    "user_id": "bob",
    "country": "Unknown",
    "signup_date": date(2024, 9, 1),
    "total_deposits": 0,
    "total_deposit_amount_minor": 0,
    "total_purchases": 0,
    "total_purchase_amount_usd": Decimal("0.00"),
    "unique_games_played": 0,
    "high_jackpot_games_played": 0,
    "high_jackpot_spend_usd": Decimal("0.00"),
    "recency_score": 2,
    "frequency_score": 1,
    "monetary_score": 1,
    "rfm_score": 4,
    "high_jackpot_score": 1,
    "game_variety_score": 1,
    "deposit_behavior_score": 1,
    "quick_conversion_score": 1,
    "behavioral_score": 4,
    "predicted_annual_ltv": Decimal("0.00"),
    "ltv_score": Decimal("16.67"),
    "risk_score": 2,
    "vip_tier": "Standard",
    "promotion_category": "Eligible for Re-engagement",
    "customer_segment": "No Purchase",
    "player_type": "Regular Player",
    "days_since_last_activity": 122.0,
    "customer_tenure_days": 122.0,
    "purchases_per_month": 0.0,
    "avg_spend_per_purchase": Decimal("0.0000"),
}


def exact(rows: list[Row]) -> list[list[tuple[str, str]]]:
    """Rows in which 1, 1.0 and Decimal("1.00") differ, and columns have their order."""
    return [[(name, repr(value)) for name, value in row.items()] for row in rows]


def test_both_tables_follow_from_what_the_players_did(tmp_path: Path) -> None:
    mart = reference(tmp_path, LIVELY)
    assert exact(mart.dim_customer) == exact([ANN, BOB])
    assert exact(mart.customer_ltv_scoring) == exact([ANN_SCORED, BOB_SCORED])
    assert mart.dispositions == {
        "stg_signups": {"read": 2, "used": 2},
        "stg_deposits": {"read": 3, "used": 3},
        "stg_ticket_purchases": {"read": 4, "used": 4},
        "stg_web_events": {"read": 6, "used": 6},
        "stg_games": {"read": 3, "used": 3},
    }


def test_empty_sources_make_empty_tables(tmp_path: Path) -> None:
    mart = reference(tmp_path, {})
    assert mart.dim_customer == []
    assert mart.customer_ltv_scoring == []
    assert mart.dispositions["stg_deposits"] == {}


def test_legacy_settings_drop_the_floor_and_project_two_years(tmp_path: Path) -> None:
    tables: Tables = {
        "stg_signups": [("ann", utc("2024-12-22"), None), ("bob", utc("2024-12-22"), None)],
        "stg_ticket_purchases": [("p", "ann", "g", utc("2024-12-31"), Decimal("10.00"))],
    }
    mart = reference(tmp_path, tables, min_tenure_days=0, horizon_years=2, never_purchased_score=0)
    ann, bob = mart.customer_ltv_scoring
    assert ann["predicted_annual_ltv"] == Decimal("730.00")  # 10 / (10/365) x 2
    assert ann["purchases_per_month"] == 1 / (10 / 30)
    assert bob["quick_conversion_score"] == 0
    assert bob["behavioral_score"] == 3


def test_a_new_player_is_projected_from_thirty_days(tmp_path: Path) -> None:
    tables: Tables = {
        "stg_signups": [("ann", utc("2024-12-31 23:00:00"), None)],
        "stg_ticket_purchases": [("p", "ann", "g", utc("2024-12-31 23:00:00"), Decimal("5.00"))],
    }
    scored = reference(tmp_path, tables).customer_ltv_scoring
    assert only(scored, "predicted_annual_ltv", "purchases_per_month", "risk_score") == (
        Decimal("60.83"),  # 5 x 365 / 30 = 60.8333...
        1.0,
        3,
    )


def test_averages_are_rounded_half_up_once(tmp_path: Path) -> None:
    day = utc("2024-12-01")
    tables: Tables = {
        "stg_signups": [("ann", day, None)],
        # 1/32 = 0.03125
        "stg_deposits": [(f"d{n}", "ann", day, int(n == 0)) for n in range(32)],
        # 0.01/8 = 0.00125
        "stg_ticket_purchases": [
            (f"p{n}", "ann", "g", day, Decimal("0.01") * (n == 0)) for n in range(8)
        ],
    }
    dim = reference(tmp_path, tables).dim_customer
    assert only(dim, "avg_deposit_amount_minor", "avg_purchase_amount_usd") == (
        Decimal("0.0313"),
        Decimal("0.0013"),
    )


@pytest.mark.parametrize(
    ("signup", "projected"),
    [
        # 0.05 / (730/365) = 0.025, and a microsecond more of tenure makes it less.
        (AS_OF - timedelta(days=730), Decimal("0.03")),
        (AS_OF - timedelta(days=730) - MICROSECOND, Decimal("0.02")),
    ],
)
def test_the_projection_is_rounded_half_up_from_the_exact_quotient(
    tmp_path: Path, signup: datetime, projected: Decimal
) -> None:
    tables: Tables = {
        "stg_signups": [("ann", signup, None)],
        "stg_ticket_purchases": [("p", "ann", "g", utc("2024-12-01"), Decimal("0.05"))],
    }
    scored = reference(tmp_path, tables).customer_ltv_scoring
    assert only(scored, "predicted_annual_ltv") == projected


def test_the_largest_amounts_stay_exact(tmp_path: Path) -> None:
    most = Decimal("9999999999999999.99")
    day = utc("2024-12-02")  # tenure 30 days
    tables: Tables = {
        "stg_signups": [("ann", day, None)],
        "stg_deposits": [("d", "ann", day, 2**63 - 1)],
        "stg_ticket_purchases": [("p", "ann", "g", day, most), ("q", "ann", "g", day, most)],
    }
    mart = reference(tmp_path, tables)
    assert only(mart.dim_customer, "total_deposit_amount_minor") == 2**63 - 1
    assert only(mart.dim_customer, "avg_purchase_amount_usd") == Decimal("9999999999999999.9900")
    # 19999999999999999.98 x 365 / 30 = 243333333333333333.09
    assert only(mart.customer_ltv_scoring, "predicted_annual_ltv") == Decimal(
        "243333333333333333.09"
    )


def test_a_deposit_total_beyond_bigint_is_an_error(tmp_path: Path) -> None:
    day = utc("2024-12-01")
    tables: Tables = {
        "stg_signups": [("ann", day, None)],
        "stg_deposits": [("d", "ann", day, 2**63 - 1), ("e", "ann", day, 1)],
    }
    with pytest.raises(duckdb.ConversionException):
        reference(tmp_path, tables)


@pytest.mark.parametrize(
    ("last_purchase", "recency", "promotion"),
    [
        (AS_OF - timedelta(days=7), 5, "Standard Marketing"),
        (AS_OF - timedelta(days=7) - MICROSECOND, 4, "Standard Marketing"),
        (AS_OF - timedelta(days=30), 4, "Standard Marketing"),
        (AS_OF - timedelta(days=90), 3, "Standard Marketing"),
        (AS_OF - timedelta(days=90) - MICROSECOND, 2, "Eligible for Re-engagement"),
        (AS_OF - timedelta(days=180) - MICROSECOND, 1, "Eligible for Re-engagement"),
    ],
)
def test_a_recency_cut_off_includes_its_last_microsecond(
    tmp_path: Path, last_purchase: datetime, recency: int, promotion: str
) -> None:
    tables: Tables = {
        "stg_signups": [("ann", utc("2024-01-01"), None)],
        "stg_ticket_purchases": [("p", "ann", "g", last_purchase, Decimal("1.00"))],
    }
    scored = reference(tmp_path, tables).customer_ltv_scoring
    assert only(scored, "recency_score", "promotion_category") == (recency, promotion)


def test_windows_after_signup_include_their_start_and_not_their_end(tmp_path: Path) -> None:
    signup = utc("2024-01-01")
    offsets = {
        "0.01": -MICROSECOND,
        "0.10": timedelta(),
        "1.00": timedelta(days=7) - MICROSECOND,
        "10.00": timedelta(days=7),
        "100.00": timedelta(days=30),
        "1000.00": timedelta(days=90),
    }
    tables: Tables = {
        "stg_signups": [("ann", signup, None)],
        "stg_ticket_purchases": [
            (amount, "ann", "g", signup + offset, Decimal(amount))
            for amount, offset in offsets.items()
        ],
    }
    windows = (f"spend_first_{days}_days_usd" for days in (7, 30, 90))
    assert only(reference(tmp_path, tables).dim_customer, *windows) == (
        Decimal("1.10"),
        Decimal("11.10"),
        Decimal("111.10"),
    )


def test_only_a_purchase_is_not_attributed_to_a_later_first_touch(tmp_path: Path) -> None:
    tables: Tables = {
        "stg_signups": [("ann", utc("2024-01-01"), None)],
        "stg_deposits": [("d", "ann", utc("2024-01-01 12:00:00"), 100)],
        "stg_ticket_purchases": [("p", "ann", "g", utc("2024-01-02"), Decimal("1.00"))],
        "stg_web_events": [
            ("e1", "ann", utc("2024-01-02"), None),
            ("e2", "ann", utc("2024-01-03"), "late"),
        ],
    }
    dim = reference(tmp_path, tables).dim_customer
    assert only(
        dim,
        "first_touch_campaign",
        "last_touch_campaign_before_purchase",
        "days_from_first_touch_to_first_purchase",
        "days_from_first_touch_to_first_deposit",
    ) == ("late", None, None, -1.5)


def test_purchases_at_one_instant_have_no_gap(tmp_path: Path) -> None:
    day = utc("2024-01-02")
    tables: Tables = {
        "stg_signups": [("ann", day, None)],
        "stg_ticket_purchases": [(key, "ann", None, day, Decimal("0.00")) for key in "pq"],
    }
    dim = reference(tmp_path, tables).dim_customer
    assert only(dim, "longest_purchase_gap_days", "purchase_days", "unique_games_played") == (
        0.0,
        1,
        0,
    )


def test_the_signup_date_is_in_the_business_time_zone(tmp_path: Path) -> None:
    tables: Tables = {"stg_signups": [("ann", utc("2024-06-30 23:30:00"), None)]}
    mart = reference(tmp_path, tables, business_time_zone="Europe/Berlin")
    assert only(mart.dim_customer, "signup_date", "signup_timestamp") == (
        date(2024, 7, 1),
        utc("2024-06-30 23:30:00"),
    )
    assert only(mart.customer_ltv_scoring, "signup_date") == date(2024, 7, 1)


def test_integer_ids_and_times_without_a_zone_are_read(tmp_path: Path) -> None:
    columns = {
        "stg_signups": "user_id BIGINT, signup_timestamp TIMESTAMP, country VARCHAR",
        "stg_deposits": (
            "deposit_id VARCHAR, user_id VARCHAR, deposit_timestamp TIMESTAMP, "
            "deposit_amount_minor BIGINT"
        ),
    }
    tables: Tables = {
        "stg_signups": [(7, datetime(2024, 6, 30, 12), None)],  # noqa: DTZ001
        "stg_deposits": [("d", " 7 ", datetime(2024, 7, 1, 12), 5)],  # noqa: DTZ001
    }
    dim = reference(tmp_path, tables, columns).dim_customer
    assert only(dim, "user_id", "signup_timestamp", "days_to_first_deposit") == (
        "7",
        utc("2024-06-30 12:00:00"),
        1.0,
    )


def test_of_one_users_signups_the_earliest_wins(tmp_path: Path) -> None:
    day = utc("2024-06-01")
    tables: Tables = {
        "stg_signups": [
            ("ann", day + MICROSECOND, "AA"),  # later
            ("ann", day, None),  # the tie goes to a country
            (" ann", day, "DE"),
            ("ann ", day, "DE"),  # the same once trimmed
            ("ann", day, "UK"),
            ("ann", day, "UK"),  # an exact duplicate of a loser
            ("ann", utc("1989-12-31"), "AA"),  # unusable, so it does not compete
            ("ann", None, "AA"),
            (" ", day, "AA"),
            (None, AS_OF, "AA"),  # not yet goes before any defect
        ]
    }
    mart = reference(tmp_path, tables)
    assert only(mart.dim_customer, "user_id", "signup_timestamp", "country") == ("ann", day, "DE")
    assert mart.dispositions["stg_signups"] == {
        "read": 10,
        "used": 1,
        "deduplicated": 2,
        "DUPLICATE_KEY": 3,
        "BAD_TIMESTAMP": 2,
        "NULL_KEY": 1,
        "not_yet": 1,
    }


def test_every_purchase_has_one_fate(tmp_path: Path) -> None:
    day = utc("2024-06-01")
    one = Decimal("1.00")
    tables: Tables = {
        "stg_signups": [("ann", day, None), ("bea", day, None), ("cyd", AS_OF, None)],
        "stg_ticket_purchases": [
            ("p1", "ann", "a", day, Decimal("2.00")),
            ("p1", "ann", "a", day, Decimal("3.00")),  # loses by amount
            ("p1", "ann", "a", day, Decimal("3.00")),  # one such loser is enough
            ("p1", "ann", None, day, one),  # loses by game
            ("p1", "ann", "a", day, Decimal("-5.00")),  # unusable, so it does not compete
            ("p1", "bea", "a", utc("2024-05-01"), one),  # wins, whosever the later ones are
            ("p2", "ann", "a", day, None),
            ("p3", "ann", "a", None, None),  # the time is looked at first
            (None, "ann", "a", None, None),  # and the key before it
            ("p4", " ", "a", day, one),
            ("p5", "ann", "a", AS_OF, Decimal("-1.00")),
            ("p6", "cyd", "a", day, one),  # the customer is still to come
            ("p6", "cyd", "a", day, Decimal("2.00")),
            ("p7", "zoe", "a", day, one),
        ],
    }
    mart = reference(tmp_path, tables)
    assert [row["total_purchase_amount_usd"] for row in mart.dim_customer] == [
        Decimal("0.00"),
        Decimal("1.00"),
    ]
    assert mart.dispositions["stg_ticket_purchases"] == {
        "read": 14,
        "used": 1,
        "deduplicated": 1,
        "not_yet": 2,
        "NULL_KEY": 2,
        "BAD_TIMESTAMP": 1,
        "BAD_AMOUNT": 2,
        "DUPLICATE_KEY": 4,
        "ORPHAN_USER": 1,
    }


def test_anonymous_events_are_counted_and_never_compete(tmp_path: Path) -> None:
    day = utc("2024-06-01")
    tables: Tables = {
        "stg_signups": [("ann", day, None)],
        "stg_web_events": [
            ("e1", None, day, "spring"),
            ("e1", "  ", day, "spring"),
            ("e1", "ann", day, "spring"),
            ("e1", "ann", day, None),
            ("e2", None, None, "spring"),
            (" ", None, day, "spring"),
            ("e3", None, AS_OF, "spring"),
            ("e4", "zoe", day, "spring"),
        ],
    }
    mart = reference(tmp_path, tables)
    assert only(mart.dim_customer, "total_web_events", "first_touch_campaign") == (1, "spring")
    assert mart.dispositions["stg_web_events"] == {
        "read": 8,
        "used": 1,
        "anonymous": 2,
        "DUPLICATE_KEY": 1,
        "BAD_TIMESTAMP": 1,
        "NULL_KEY": 1,
        "not_yet": 1,
        "ORPHAN_USER": 1,
    }


def test_amounts_that_are_no_money_are_set_aside(tmp_path: Path) -> None:
    day = utc("2024-06-01")
    columns = {
        "stg_ticket_purchases": (
            "purchase_id VARCHAR, user_id VARCHAR, game_id VARCHAR, "
            "purchase_timestamp VARCHAR, purchase_amount_usd VARCHAR"
        )
    }
    amounts = ("1.10", "0.005", "NaN", "Infinity", "ten", "-0.01", "0")
    tables: Tables = {
        "stg_signups": [("ann", day, None)],
        "stg_ticket_purchases": [
            *((f"p{n}", "ann", "g", "2024-06-01 00:00:00", a) for n, a in enumerate(amounts)),
            ("p7", "ann", "g", "yesterday", "1.00"),
            ("p8", "ann", "g", "2024-06-02T02:00:00+02:00", "1.00"),
        ],
    }
    mart = reference(tmp_path, tables, columns)
    assert only(mart.dim_customer, "total_purchase_amount_usd", "last_purchase_timestamp") == (
        Decimal("2.10"),
        utc("2024-06-02"),
    )
    assert mart.dispositions["stg_ticket_purchases"] == {
        "read": 9,
        "used": 3,
        "BAD_AMOUNT": 5,
        "BAD_TIMESTAMP": 1,
    }


def test_a_game_listed_twice_is_an_error(tmp_path: Path) -> None:
    tables: Tables = {"stg_games": [("g", "Keno", 5), (" g", "Keno", 5)]}
    with pytest.raises(duckdb.Error, match="stg_games lists game_id g twice"):
        reference(tmp_path, tables)


def test_a_game_without_an_id_is_set_aside(tmp_path: Path) -> None:
    mart = reference(tmp_path, {"stg_games": [(None, "A", 5), (" ", "B", 5), ("g", "C", 5)]})
    assert mart.dispositions["stg_games"] == {"read": 3, "used": 1, "NULL_KEY": 2}


def test_rows_at_as_of_or_later_do_not_exist_yet(tmp_path: Path) -> None:
    before = AS_OF - MICROSECOND
    tables: Tables = {
        "stg_signups": [("ann", before, "UK"), ("ann", AS_OF, "AA"), ("bob", AS_OF, None)],
        "stg_deposits": [("d1", "ann", before, 1), ("d1", "ann", AS_OF, 2)],
    }
    mart = reference(tmp_path, tables)
    assert only(mart.dim_customer, "user_id", "country", "total_deposit_amount_minor") == (
        "ann",
        "UK",
        1,
    )
    assert mart.dispositions["stg_signups"] == {"read": 3, "used": 1, "not_yet": 2}
    assert mart.dispositions["stg_deposits"] == {"read": 2, "used": 1, "not_yet": 1}
