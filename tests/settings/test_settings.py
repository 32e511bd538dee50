from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from customer_mart.errors import UsageError
from customer_mart.settings import Settings, load_settings


def _hash(*overrides: str) -> str:
    return load_settings(None, overrides).hash


def test_the_defaults_are_the_specification_s() -> None:
    settings = Settings().model_dump(
        exclude={"sources", "mart", "scoring", "publish", "maintenance", "erasure"}
    )
    assert settings == {
        "business_time_zone": "UTC",
        "high_jackpot_threshold_minor": 1_000_000,
        "quality": {
            "earliest_timestamp": datetime(1990, 1, 1, tzinfo=timezone.utc),
            "max_quarantined_fraction": Decimal("0.01"),
            "purchase_before_signup": "warn",
            "allow_emptied_sources": False,
        },
        "customer_segments": {
            "bands": (
                {"at_least": 10, "label": "High Value"},
                {"at_least": 3, "label": "Medium Value"},
                {"at_least": 1, "label": "Low Value"},
            ),
            "otherwise": "No Purchase",
        },
        "player_types": {"high_jackpot": "High Jackpot Player", "regular": "Regular Player"},
        "status": {"max_age_hours": 36},
    }
    assert Settings().sources.time_zone == "UTC"


def test_the_scoring_defaults_are_the_specification_s() -> None:
    assert Settings().scoring.model_dump() == {
        "min_tenure_days": 30,
        "horizon_years": 1,
        "recency": {"at_most": {5: 7, 4: 30, 3: 90, 2: 180}, "otherwise": 1},
        "frequency": {"at_least": {5: 5, 4: 3, 3: 1, 2: Decimal("0.5")}, "otherwise": 1},
        "monetary": {"at_least": {5: 50, 4: 25, 3: 10, 2: 5}, "otherwise": 1},
        "high_jackpot": {"at_least": {5: 5, 4: 3, 3: 1}, "otherwise": 1},
        "game_variety": {"at_least": {5: 5, 4: 3, 3: 2, 2: 1}, "otherwise": 1},
        "deposit_behavior": {"at_least": {5: 10, 4: 5, 3: 3, 2: 1}, "otherwise": 1},
        "quick_conversion": {
            "at_most": {5: 1, 4: 3, 3: 7, 2: 14},
            "otherwise": 1,
            "never_purchased_score": 1,
        },
        "weights": {"rfm": 40, "behavioral": 30, "prediction": 30},
        "prediction_bands": (
            {"at_least": 1000, "share": 1},
            {"at_least": 500, "share": Decimal("0.8")},
            {"at_least": 200, "share": Decimal("0.6")},
            {"at_least": 100, "share": Decimal("0.4")},
            {"at_least": 50, "share": Decimal("0.2")},
        ),
        "risk": {
            "new_customer_days": 30,
            "inactive_days": 90,
            "new_customer_score": 3,
            "inactive_score": 2,
            "otherwise": 1,
        },
        "vip_tiers": {
            "bands": (
                {"at_least": 80, "label": "Diamond VIP"},
                {"at_least": 60, "label": "Gold VIP"},
                {"at_least": 40, "label": "Silver VIP"},
            ),
            "otherwise": "Standard",
        },
        "promotion": {
            "vip_min_ltv_score": 60,
            "vip_max_inactive_days": 30,
            "vip_label": "Eligible for VIP Promotions",
            "reengagement_min_inactive_days": 90,
            "reengagement_label": "Eligible for Re-engagement",
            "otherwise": "Standard Marketing",
        },
    }


@pytest.mark.parametrize(
    "override",
    [
        "business_time_zone=CEST",
        "business_time_zone=../../etc/passwd",
        "business_time_zone=''",
        "sources.time_zone=Europe",
        "sources.time_zone=posix/Europe/Paris",
        "sources.time_zone=right/UTC",
        "sources.time_zone=localtime",
        "sources.time_zone=Factory",
        "sources.time_zone=ROC",
        "sources.time_zone=+02:00",
        "high_jackpot_threshold_minor=-1",
        "high_jackpot_threshold_minor=0.5",
        "quality.max_quarantined_fraction=1.01",
        "quality.max_quarantined_fraction=-0.01",
        "quality.max_quarantined_fraction=.nan",
        "quality.purchase_before_signup=ignore",
        "quality.earliest_timestamp=yesterday",
        "publish.max_records_per_file=0",
        "maintenance.retention_hours=23",
        "customer_segments.bands.0.at_least=3",
        "customer_segments.otherwise=''",
        "player_types.regular=''",
        "sources.stg_games.format=excel",
        "sources.schema=a.b.c",
        "sources.schema='lottery; DROP TABLE x'",
        "sources.stg_games.table='a.`b`'",
        'mart.schema="lottery\\n"',
        "scoring.horizon_years=0",
        "scoring.horizon_years=-1",
        "scoring.min_tenure_days=-1",
        "scoring.recency.at_most.5=30",
        "scoring.recency.otherwise=2",
        "scoring.recency.otherwise=0",
        "scoring.frequency.at_least.6=9",
        "scoring.monetary.at_least.5=25",
        "scoring.quick_conversion.never_purchased_score=-1",
        "scoring.weights.rfm=39.99",
        "scoring.prediction_bands.0.at_least=500",
        "scoring.prediction_bands.0.share=0.8",
        "scoring.prediction_bands.0.share=1.01",
        "scoring.prediction_bands.4.share=-0.1",
        "scoring.prediction_bands.4.at_least=-1",
        "scoring.risk.new_customer_score=6",
        "scoring.risk.inactive_score=0",
        "scoring.risk.otherwise=0",
        "scoring.risk.inactive_days=-1",
        "scoring.vip_tiers.bands.1.at_least=80",
        "scoring.promotion.vip_min_ltv_score=-1",
        "scoring.promotion.otherwise=''",
    ],
)
def test_a_value_that_makes_no_sense_is_refused(override: str) -> None:
    with pytest.raises(UsageError, match=r"^The setting [a-z_.0-9\[\]]+ is not valid: "):
        load_settings(None, [override])


@pytest.mark.parametrize(
    "override",
    [
        "business_time_zone=America/Argentina/Buenos_Aires",
        "business_time_zone=EST",
        "business_time_zone=Etc/GMT-2",
        "high_jackpot_threshold_minor=0",
        "quality.max_quarantined_fraction=0",
        "quality.max_quarantined_fraction=1",
        "scoring.min_tenure_days=0",
        "scoring.risk.new_customer_score=5",
        "scoring.risk.inactive_score=4",
        "scoring.risk.otherwise=5",
        "scoring.horizon_years=0.5",
        "scoring.quick_conversion.never_purchased_score=0",
        "scoring.prediction_bands=[]",
        "scoring.vip_tiers.bands=[]",
        "mart.schema=lottery",
        "mart.schema=unity-catalog.lottery_1",
    ],
)
def test_a_value_at_its_bound_is_taken(override: str) -> None:
    assert load_settings(None, [override]) != Settings()


def test_weights_that_add_up_to_100_in_fractions_are_taken() -> None:
    settings = load_settings(
        None, ["scoring.weights={rfm: 33.3, behavioral: 33.3, prediction: 33.4}"]
    )
    assert settings.scoring.weights.prediction == Decimal("33.4")


@pytest.mark.parametrize(
    ("tree", "sentence"),
    [
        ({"mart": {"location": "/m", "schema": "m"}}, "a location or a schema, not both"),
        ({"sources": {"location": "/s", "schema": "s"}}, "a location or a schema, not both"),
        (
            {"sources": {"stg_games": {"path": "/g", "table": "g"}}},
            "a path or a table, not both",
        ),
        (
            {"sources": {"stg_games": {"columns": {"gameid": "id"}}}},
            "stg_games has no column gameid to map",
        ),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    tree: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValidationError, match=sentence):
        Settings.model_validate(tree)


def test_a_source_is_in_the_common_place_unless_it_has_its_own() -> None:
    sources = load_settings(
        None,
        [
            "sources.location=s3a://lottery/staging/",
            "sources.stg_games.table=reference.games",
            "sources.stg_signups.path=/signups",
        ],
    ).sources
    assert sources.source("stg_deposits").path == "s3a://lottery/staging/stg_deposits"
    assert sources.source("stg_games").table == "reference.games"
    assert sources.source("stg_games").path is None
    assert sources.source("stg_signups").path == "/signups"


def test_a_source_in_a_schema_is_a_table_and_keeps_its_other_settings() -> None:
    overrides = ["sources.schema=lottery.staging", "sources.stg_games.unique=true"]
    games = load_settings(None, overrides).sources.source("stg_games")
    assert (games.table, games.unique) == ("lottery.staging.stg_games", True)


def test_a_source_that_is_nowhere_has_no_place() -> None:
    games = Settings().sources.source("stg_games")
    assert (games.path, games.table) == (None, None)


@pytest.mark.parametrize(
    "override",
    [
        "business_time_zone=Europe/Berlin",
        "high_jackpot_threshold_minor=1000001",
        "sources.time_zone=Europe/Berlin",
        "sources.stg_games.unique=true",
        "sources.stg_games.columns.game_id=id",
        "quality.earliest_timestamp=1990-01-02",
        "quality.purchase_before_signup=fail",
        "customer_segments.bands.0.label=Top",
        "customer_segments.bands.0.at_least=11",
        "player_types.regular=Casual",
        "scoring.min_tenure_days=0",
        "scoring.horizon_years=2",
        "scoring.quick_conversion.never_purchased_score=0",
        "scoring.weights={rfm: 50, behavioral: 25, prediction: 25}",
        "scoring.frequency.at_least.2=0.51",
        "scoring.high_jackpot.at_least.3=null",
        "scoring.promotion.vip_label=VIP",
    ],
)
def test_the_hash_changes_with_what_changes_a_row(override: str) -> None:
    assert _hash(override) != _hash()


@pytest.mark.parametrize(
    "override",
    [
        "mart.location=/elsewhere",
        "mart.schema=lottery.mart",
        "mart.staging=/tmp",
        "sources.location=/elsewhere",
        "sources.schema=lottery.staging",
        "sources.stg_games.path=/games",
        "sources.stg_games.table=reference.games",
        "sources.stg_games.format=csv",
        "quality.max_quarantined_fraction=0.5",
        "quality.allow_emptied_sources=true",
        "mart.wait_seconds=60",
        "maintenance.retention_hours=24",
        "publish.max_records_per_file=10",
        "erasure.salt_env=MART_SALT",
        "status.max_age_hours=1",
    ],
)
def test_the_hash_stays_with_places_files_and_limits(override: str) -> None:
    assert _hash(override) == _hash()


@pytest.mark.parametrize(
    "override",
    [
        "scoring.horizon_years=1.0",
        "scoring.horizon_years='1.00'",
        "scoring.monetary.at_least.5=5e1",
        "scoring.frequency.at_least.2=0.50",
        "scoring.prediction_bands.0.share=1",
        "quality.earliest_timestamp=1990-01-01T02:00:00+02:00",
        "scoring.weights={rfm: 40.0, prediction: 30.00, behavioral: 30}",
    ],
)
def test_the_hash_stays_when_a_value_is_only_written_otherwise(override: str) -> None:
    assert _hash(override) == _hash()


def test_the_hash_is_64_hexadecimal_digits() -> None:
    assert len(_hash()) == 64
    assert set(_hash()) <= set("0123456789abcdef")


def test_values_for_the_rules_are_sql_literals() -> None:
    settings = load_settings(
        None,
        [
            "quality.earliest_timestamp=2000-01-01T02:30:00+02:00",
            "player_types.high_jackpot=Player's choice",
            "scoring.vip_tiers={bands: [{at_least: 1, label: Top}], otherwise: Rest}",
        ],
    )
    assert settings.rule_values == {
        "earliest_timestamp": "TIMESTAMP'2000-01-01 00:30:00+00:00'",
        "customer_segments": "'High Value', 'Medium Value', 'Low Value', 'No Purchase'",
        "player_types": "'Player\\'s choice', 'Regular Player'",
        "vip_tiers": "'Top', 'Rest'",
        "promotion_categories": "'Eligible for VIP Promotions', 'Eligible for Re-engagement', "
        "'Standard Marketing'",
    }


def test_an_instant_keeps_its_microseconds_in_utc() -> None:
    earliest = datetime(2000, 1, 1, 1, 0, 0, 5, tzinfo=timezone(timedelta(hours=1)))
    settings = Settings.model_validate({"quality": {"earliest_timestamp": earliest}})
    assert settings.rule_values["earliest_timestamp"] == (
        "TIMESTAMP'2000-01-01 00:00:00.000005+00:00'"
    )
