"""The whole build on a handful of rows, worked out by hand."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import SparkSession

from customer_mart.cli import main, run_job
from tests.frames import utc
from tests.jobs.handful import ALL_DIRT, DEPOSITS, GAMES, PURCHASES, SIGNUPS, WEB_EVENTS
from tests.jobs.operator_data import Operator, comparable

ANN: dict[str, Any] = {
    "user_id": "ann",
    "country": "UK",
    "signup_timestamp": utc("2024-11-01 00:00:00"),
    "signup_date": date(2024, 11, 1),
    "total_deposits": 2,
    "total_deposit_amount_minor": 1501,
    "first_deposit_timestamp": utc("2024-11-02 00:00:00"),
    "last_deposit_timestamp": utc("2024-11-03 00:00:00"),
    "avg_deposit_amount_minor": Decimal("750.5000"),
    "total_purchases": 3,
    "total_purchase_amount_usd": Decimal("30.04"),
    "first_purchase_timestamp": utc("2024-11-02 12:00:00"),
    "last_purchase_timestamp": utc("2024-12-31 00:00:00"),
    "avg_purchase_amount_usd": Decimal("10.0133"),
    "unique_games_played": 3,
    "total_web_events": 4,
    "first_web_event_timestamp": utc("2024-10-31 00:00:00"),
    "last_web_event_timestamp": utc("2024-12-01 00:00:00"),
    "unique_campaigns_engaged": 3,
    "high_jackpot_games_played": 1,
    "high_jackpot_spend_usd": Decimal("10.00"),
    "days_to_first_purchase": 1.5,
    "days_to_first_deposit": 1.0,
    "days_to_first_web_event": -1.0,
    "customer_segment": "Medium Value",
    "player_type": "High Jackpot Player",
    "first_touch_campaign": "autumn",
    "first_touch_timestamp": utc("2024-11-01 12:00:00"),
    "last_touch_campaign_before_purchase": "winter",
    "longest_purchase_gap_days": 48.5,
    "purchase_days": 3,
    "first_deposit_amount_minor": 1000,
    "days_from_first_touch_to_first_purchase": 1.0,
    "days_from_first_touch_to_first_deposit": 0.5,
    "spend_first_7_days_usd": Decimal("10.00"),
    "spend_first_30_days_usd": Decimal("30.01"),
    "spend_first_90_days_usd": Decimal("30.04"),
}
# Tenure 61 days: 3 / (61/30) a month; 30.04 / (61/365) = 179.7475... a year.
# RFM 5 + 3 + 3, behaviour 3 + 4 + 2 + 4; 11/15 x 40 + 13/20 x 30 + 0.4 x 30 = 60.8333...
ANN_SCORES: dict[str, Any] = {
    "recency_score": 5,
    "frequency_score": 3,
    "monetary_score": 3,
    "rfm_score": 11,
    "high_jackpot_score": 3,
    "game_variety_score": 4,
    "deposit_behavior_score": 2,
    "quick_conversion_score": 4,
    "behavioral_score": 13,
    "predicted_annual_ltv": Decimal("179.75"),
    "ltv_score": Decimal("60.83"),
    "risk_score": 1,
    "vip_tier": "Gold VIP",
    "promotion_category": "Eligible for VIP Promotions",
    "days_since_last_activity": 1.0,
    "customer_tenure_days": 61.0,
    "purchases_per_month": 3 / (61.0 / 30.0),
    "avg_spend_per_purchase": Decimal("10.0133"),
}
# Never bought, 10 days old: the floor of 30 days, recency by signup, 1 for all else.
BOB_SCORES: dict[str, Any] = {
    "recency_score": 4,
    "frequency_score": 1,
    "monetary_score": 1,
    "rfm_score": 6,
    "behavioral_score": 4,
    "predicted_annual_ltv": Decimal("0.00"),
    "ltv_score": Decimal("22.00"),
    "risk_score": 3,
    "vip_tier": "Standard",
    "promotion_category": "Standard Marketing",
    "days_since_last_activity": 10.0,
    "purchases_per_month": 0.0,
}


@pytest.fixture(scope="module")
def built(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Operator:
    """The mart built twice from the same rows; the second time from more files."""
    operator = Operator(spark, tmp_path_factory.mktemp("built"))
    for files in (1, 3):
        operator.deliver("stg_signups", SIGNUPS, files)
        operator.deliver("stg_games", GAMES)
        operator.deliver("stg_deposits", DEPOSITS, files)
        operator.deliver("stg_ticket_purchases", PURCHASES, files)
        operator.deliver("stg_web_events", WEB_EVENTS, files)
        assert operator.build(*ALL_DIRT) == 0
    return operator


def test_a_customer_has_everything_the_player_did(built: Operator) -> None:
    ann, bob = comparable(built, "dim_customer")
    assert ann == ANN
    assert bob["user_id"] == "bob"
    assert bob["country"] == "Unknown"
    assert [bob["total_deposits"], bob["total_purchases"], bob["total_web_events"]] == [0, 0, 0]
    assert bob["first_purchase_timestamp"] is None
    assert bob["customer_segment"] == "No Purchase"


def test_scores_follow_from_the_published_customer(built: Operator) -> None:
    ann, bob = built.rows("customer_ltv_scoring")
    assert {name: ann[name] for name in ANN_SCORES} == ANN_SCORES
    assert {name: bob[name] for name in BOB_SCORES} == BOB_SCORES


def test_every_row_and_every_cent_is_accounted_for(built: Operator) -> None:
    assert built.balance("stg_signups") == {"read": 3, "used": 2, "not_yet": 1}
    assert built.balance("stg_deposits") == {
        "read": 10,
        "used": 2,
        "deduplicated": 1,
        "not_yet": 2,
        "DUPLICATE_KEY": 1,
        "ORPHAN_USER": 1,
        "NULL_KEY": 1,
        "BAD_TIMESTAMP": 1,
        "BAD_AMOUNT": 1,
    }
    assert built.balance("stg_web_events") == {"read": 5, "used": 4, "anonymous": 1}
    amounts = {
        line["disposition"]: line["amount"]
        for line in built.last_run()["reconciliation"]
        if line["source"] == "stg_deposits"
    }
    assert amounts == {
        "read": Decimal("6100.00"),
        "used": Decimal("1501.00"),
        "deduplicated": Decimal("1000.00"),
        "not_yet": Decimal("1600.00"),
        "DUPLICATE_KEY": Decimal("999.00"),
        "ORPHAN_USER": Decimal("800.00"),
        "NULL_KEY": Decimal("100.00"),
        "BAD_TIMESTAMP": Decimal("100.00"),
        "BAD_AMOUNT": Decimal("0.00"),  # a bad amount is no money
    }


def test_quarantined_rows_are_kept_whole_with_their_reason(built: Operator) -> None:
    found = {(reason, row["deposit_id"]): row for _, reason, row in built.quarantined()}
    assert sorted(found, key=str) == sorted(
        [
            ("NULL_KEY", None),
            ("BAD_TIMESTAMP", "d6"),
            ("BAD_AMOUNT", "d7"),
            ("DUPLICATE_KEY", "d2"),
            ("ORPHAN_USER", "d4"),
        ],
        key=str,
    )
    assert found["DUPLICATE_KEY", "d2"] == {
        "deposit_id": "d2",
        "user_id": "ann",
        "deposit_timestamp": "2024-11-04 00:00:00",
        "deposit_amount_minor": "999",
    }


def test_doubts_about_used_rows_are_counted(built: Operator) -> None:
    assert built.last_run()["warnings"] == {
        "deposits_before_signup": 0,
        "purchases_before_signup": 0,
        "purchases_of_unknown_games": 1,
        "games_with_unreadable_jackpot": 0,
        "keys_of_other_users": 0,
    }


def test_a_rerun_publishes_one_version_with_the_same_rows(built: Operator) -> None:
    runs = sorted(built.table("mart_runs").collect(), key=lambda run: run["finished_at"])
    assert [run["status"] for run in runs] == ["succeeded", "succeeded"]
    for table in ("dim_customer", "customer_ltv_scoring"):
        first, second = (run["target_versions"][table] for run in runs)
        assert second == first + 1
        assert built.version(table) == second
        before, after = (built.table(table, v).drop("dbt_updated_at") for v in (first, second))
        assert sorted(map(str, before.collect())) == sorted(map(str, after.collect()))


def test_every_check_of_the_run_is_recorded(built: Operator) -> None:
    checks = {check["name"]: check for check in built.last_run()["checks"]}
    assert all(check["passed"] for check in checks.values())
    assert checks["dim_customer.total.total_deposit_amount_minor"]["found"] == "1501.00"
    # No checksum of ids, by which one could be told that was erased since.
    told = {"name": "dim_customer.user_id_in_stg_signups", "passed": True}
    those = dict.fromkeys(("found", "expected"), "those of stg_signups")
    assert checks["dim_customer.user_id_in_stg_signups"] == {**told, **those}
    assert {
        "dim_customer.unique.user_id",
        "dim_customer.not_null.user_id",
        "customer_ltv_scoring.scores_in_range",
        "customer_ltv_scoring.vip_tier_allowed",
        "customer_ltv_scoring.total.total_purchase_amount_usd",
    } <= set(checks)


def test_nothing_is_left_in_the_staging_folder(built: Operator) -> None:
    assert not (built.mart / "_staging").exists()


def test_scoring_alone_reads_the_as_of_of_the_published_customers(built: Operator) -> None:
    before = built.rows("customer_ltv_scoring")
    assert run_job("customer_ltv_scoring", ["--mart", str(built.mart)]) == 0
    assert built.rows("customer_ltv_scoring") == before
    other = ["--mart", str(built.mart), "--as-of", "2025-02-01"]
    assert run_job("customer_ltv_scoring", other) == 2


def test_scoring_alone_follows_a_restore_of_the_customers(built: Operator) -> None:
    before = built.rows("customer_ltv_scoring")
    table = f"delta.`{built.mart / 'dim_customer'}`"
    first = built.table("mart_runs").orderBy("finished_at").collect()[0]
    version = first["target_versions"]["dim_customer"]
    built.spark.sql(f"RESTORE TABLE {table} TO VERSION AS OF {version}")
    assert run_job("customer_ltv_scoring", ["--mart", str(built.mart)]) == 0
    assert built.rows("customer_ltv_scoring") == before
    # What the scores were computed from is the restored version, the newest one.
    metadata = built.spark.sql(
        f"DESCRIBE HISTORY delta.`{built.mart / 'customer_ltv_scoring'}` LIMIT 1"
    ).collect()[0]["userMetadata"]
    newest = built.version("dim_customer")
    assert f'"dim_customer_version": "{newest}"' in metadata


def test_legacy_settings_reproduce_the_numbers_of_the_sql_models(built: Operator) -> None:
    legacy = (
        "scoring.min_tenure_days=0",
        "scoring.horizon_years=2",
        "scoring.quick_conversion.never_purchased_score=0",
    )
    flags = [flag for setting in legacy for flag in ("--set", setting)]
    assert built.build(*ALL_DIRT, *flags) == 0
    ann, bob = built.rows("customer_ltv_scoring")
    assert ann["predicted_annual_ltv"] == Decimal("359.50")  # 30.04 / (61/365) x 2
    assert bob["quick_conversion_score"] == 0
    assert bob["behavioral_score"] == 3


def test_top_and_summary_show_the_published_players(
    built: Operator, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["top", "--mart", str(built.mart), "-n", "1"]) == 0
    top = capsys.readouterr().out
    assert "ann" in top
    assert "bob" not in top
    assert main(["summary", "--mart", str(built.mart)]) == 0
    summary = capsys.readouterr().out
    assert "ORPHAN_USER" in summary
    assert str(built.mart / "customer_ltv_scoring") in summary


def test_tables_that_a_first_run_made_and_never_filled_are_not_taken_for_published(
    operator: Operator, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--mart", str(operator.mart)]
    assert operator.table("dim_customer").isEmpty()
    assert run_job("customer_ltv_scoring", where) == 3
    assert f"No dim_customer has been published at {operator.mart}" in capsys.readouterr().err
    assert main(["top", *where]) == 3
    assert f"No run of the mart at {operator.mart} has succeeded yet" in capsys.readouterr().err
