import json
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml
from open_data_contract_standard.model import OpenDataContractStandard
from pyspark.sql import SparkSession

from customer_mart.contracts import MART_TABLES, RUN_CLAIMS, STAGING_TABLES, contract
from customer_mart.contracts.dictionary import data_dictionary
from customer_mart.settings import Settings

TABLES = (*STAGING_TABLES, *MART_TABLES, RUN_CLAIMS)
PAGE = Path(__file__).parents[2] / "docs" / "data-dictionary.md"
SCHEMA = json.loads(
    resources.files("open_data_contract_standard").joinpath("schema.json").read_text("utf-8")
)

DIM_CUSTOMER = """
user_id string not null
country string not null
signup_timestamp timestamp not null
signup_date date not null
total_deposits bigint not null
total_deposit_amount_minor bigint not null
first_deposit_timestamp timestamp
last_deposit_timestamp timestamp
avg_deposit_amount_minor decimal(28,4) not null
total_purchases bigint not null
total_purchase_amount_usd decimal(28,2) not null
first_purchase_timestamp timestamp
last_purchase_timestamp timestamp
avg_purchase_amount_usd decimal(28,4) not null
unique_games_played bigint not null
total_web_events bigint not null
first_web_event_timestamp timestamp
last_web_event_timestamp timestamp
unique_campaigns_engaged bigint not null
high_jackpot_games_played bigint not null
high_jackpot_spend_usd decimal(28,2) not null
days_to_first_purchase double
days_to_first_deposit double
days_to_first_web_event double
customer_segment string not null
player_type string not null
dbt_updated_at timestamp not null
first_touch_campaign string
first_touch_timestamp timestamp
last_touch_campaign_before_purchase string
longest_purchase_gap_days double
purchase_days bigint not null
first_deposit_amount_minor bigint
days_from_first_touch_to_first_purchase double
days_from_first_touch_to_first_deposit double
spend_first_7_days_usd decimal(28,2) not null
spend_first_30_days_usd decimal(28,2) not null
spend_first_90_days_usd decimal(28,2) not null
"""
CUSTOMER_LTV_SCORING = """
user_id string not null
country string not null
signup_date date not null
total_deposits bigint not null
total_deposit_amount_minor bigint not null
total_purchases bigint not null
total_purchase_amount_usd decimal(28,2) not null
unique_games_played bigint not null
high_jackpot_games_played bigint not null
high_jackpot_spend_usd decimal(28,2) not null
recency_score int not null
frequency_score int not null
monetary_score int not null
rfm_score int not null
high_jackpot_score int not null
game_variety_score int not null
deposit_behavior_score int not null
quick_conversion_score int not null
behavioral_score int not null
predicted_annual_ltv decimal(28,2) not null
ltv_score decimal(5,2) not null
risk_score int not null
vip_tier string not null
promotion_category string not null
customer_segment string not null
player_type string not null
days_since_last_activity double not null
customer_tenure_days double not null
dbt_updated_at timestamp not null
purchases_per_month double not null
avg_spend_per_purchase decimal(28,4) not null
"""
STAGING = {
    "stg_signups": "user_id string, signup_timestamp timestamp, country string",
    "stg_deposits": (
        "deposit_id string, user_id string, deposit_timestamp timestamp, "
        "deposit_amount_minor bigint"
    ),
    "stg_ticket_purchases": (
        "purchase_id string, user_id string, game_id string, purchase_timestamp timestamp, "
        "purchase_amount_usd decimal(18,2)"
    ),
    "stg_web_events": (
        "event_id string, user_id string, event_timestamp timestamp, utm_campaign string"
    ),
    "stg_games": "game_id string, game_name string, jackpot_estimate_minor bigint",
    "stg_funnel_spend": (
        "spend_date date, campaign_name string, channel string, spend_minor bigint"
    ),
}
KEYS = {
    "stg_signups": ["user_id"],
    "stg_deposits": ["deposit_id"],
    "stg_ticket_purchases": ["purchase_id"],
    "stg_web_events": ["event_id"],
    "stg_games": ["game_id"],
    "stg_funnel_spend": ["spend_date", "campaign_name", "channel"],
    "dim_customer": ["user_id"],
    "customer_ltv_scoring": ["user_id"],
    "customer_tier_changes": ["user_id", "run_id"],
}


def _text(table: str) -> str:
    return resources.files("customer_mart.contracts").joinpath(f"{table}.yml").read_text("utf-8")


def _lines(table: str) -> list[str]:
    return [
        f"{column.name} {column.type}{' not null' if column.required else ''}"
        for column in contract(table).columns
    ]


@pytest.mark.parametrize("table", TABLES)
def test_a_contract_is_one_of_the_open_data_contract_standard(table: str) -> None:
    written: dict[str, Any] = yaml.safe_load(_text(table))
    document = OpenDataContractStandard.from_string(_text(table))
    assert set(SCHEMA["required"]) <= set(written) <= set(SCHEMA["properties"])
    assert document.apiVersion in SCHEMA["properties"]["apiVersion"]["enum"]
    # The model leaves out whatever the standard does not know.
    assert document.model_dump(by_alias=True, exclude_none=True) == written
    assert document.id == document.name == written["schema"][0]["name"] == table


def test_dim_customer_has_the_specified_columns() -> None:
    assert _lines("dim_customer") == DIM_CUSTOMER.strip().split("\n")


def test_customer_ltv_scoring_has_the_specified_columns() -> None:
    assert _lines("customer_ltv_scoring") == CUSTOMER_LTV_SCORING.strip().split("\n")


@pytest.mark.parametrize("table", STAGING_TABLES)
def test_a_staging_table_has_the_specified_columns(table: str) -> None:
    assert contract(table).ddl == STAGING[table]


@pytest.mark.parametrize("table", list(KEYS))
def test_a_table_has_the_specified_key(table: str) -> None:
    assert contract(table).key == KEYS[table]


def test_the_mart_s_tables_of_customers_are_partitioned_by_signup_date() -> None:
    partitions = {table: contract(table).partition_columns for table in MART_TABLES}
    assert partitions == {
        "dim_customer": ["signup_date"],
        "customer_ltv_scoring": ["signup_date"],
        "customer_tier_changes": [],
        "quarantine": [],
        "mart_runs": [],
        "erased_customers": [],
    }


@pytest.mark.parametrize("table", TABLES)
def test_everything_is_described_with_its_grain(table: str) -> None:
    described = contract(table)
    assert described.purpose
    assert described.description
    assert described.grain
    for column in described.columns:
        assert column.description.endswith("."), column.name
        assert column.description != "None.", column.name


@pytest.mark.parametrize("table", STAGING_TABLES)
def test_the_key_of_a_row_that_is_used_is_never_null(table: str) -> None:
    assert all(column.required for column in contract(table).columns if column.key)


def test_only_a_web_event_may_lack_its_user() -> None:
    optional = [
        table
        for table in STAGING_TABLES
        for column in contract(table).columns
        if column.name == "user_id" and not column.required
    ]
    assert optional == ["stg_web_events"]


def test_only_a_signup_s_key_is_its_user_and_games_and_spend_are_nobody_s() -> None:
    by_user = [table for table in STAGING_TABLES if contract(table).is_by_user]
    of_nobody = [table for table in STAGING_TABLES if not contract(table).has_user]
    assert by_user == ["stg_signups"]
    assert of_nobody == ["stg_games", "stg_funnel_spend"]


def test_the_rules_of_a_source_come_in_the_order_of_their_precedence() -> None:
    reasons = {
        table: [rule.name for rule in contract(table).rules_of("quarantine")]
        for table in STAGING_TABLES
    }
    assert reasons == {
        "stg_signups": ["NULL_KEY", "BAD_TIMESTAMP"],
        "stg_deposits": ["NULL_KEY", "BAD_TIMESTAMP", "BAD_AMOUNT"],
        "stg_ticket_purchases": ["NULL_KEY", "BAD_TIMESTAMP", "BAD_AMOUNT"],
        "stg_web_events": ["NULL_KEY", "BAD_TIMESTAMP"],
        "stg_games": ["NULL_KEY"],
        "stg_funnel_spend": ["NULL_KEY", "BAD_TIMESTAMP", "BAD_AMOUNT"],
    }


@pytest.mark.parametrize("table", TABLES)
def test_every_rule_is_sql_over_the_table_s_own_columns(spark: SparkSession, table: str) -> None:
    rows = spark.createDataFrame([], contract(table).ddl)
    for rule in contract(table).rules:
        assert rule.engine in ("quarantine", "delta", "check")
        condition = rule.sql(Settings().rule_values)
        [(_, kind)] = rows.selectExpr(f"({condition}) AS holds").dtypes
        assert kind == "boolean", rule.name


def test_a_rule_takes_its_values_from_the_settings() -> None:
    [rule] = [r for r in contract("stg_signups").rules if r.name == "BAD_TIMESTAMP"]
    assert rule.sql({"earliest_timestamp": "TIMESTAMP'1990-01-01'"}) == (
        "signup_timestamp IS NULL OR signup_timestamp < TIMESTAMP'1990-01-01'"
    )
    with pytest.raises(KeyError, match="earliest_timestamp"):
        rule.sql({})


def test_a_constraint_of_a_table_takes_no_value_from_the_settings() -> None:
    conditions = [
        rule.condition for table in MART_TABLES for rule in contract(table).rules_of("delta")
    ]
    assert conditions
    assert not [condition for condition in conditions if "$" in condition]


def test_an_unknown_table_has_no_contract() -> None:
    with pytest.raises(FileNotFoundError):
        contract("stg_refunds")


def test_the_data_dictionary_is_the_one_that_the_contracts_write() -> None:
    assert PAGE.read_text(encoding="utf-8") == data_dictionary(), (
        "run scripts/data_dictionary.py: a contract has changed"
    )


def test_the_data_dictionary_tells_of_every_column() -> None:
    page = data_dictionary()
    for table in TABLES:
        assert f"### {table}\n" in page
        for column in contract(table).columns:
            name = f"**{column.name}**" if column.key else column.name
            nullable = "never" if column.required else "allowed"
            assert f"| {name} | `{column.type}` | {nullable} | {column.description} |\n" in page
