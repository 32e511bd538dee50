from collections.abc import Mapping
from decimal import Decimal

import pytest
from pyspark.sql import DataFrame, SparkSession

from customer_mart.contracts import contract
from customer_mart.publish.checks import Check, contract_checks, key_checks
from customer_mart.settings import Settings
from tests.frames import by_name
from tests.publish.mart_rows import Row, customer, score

GOOD = {"dim_customer": customer, "customer_ltv_scoring": score}


def _checks(
    spark: SparkSession, table: str, rows: list[Row], totals: Mapping[str, int | Decimal]
) -> list[Check]:
    frame = by_name(spark, contract(table).ddl, rows)
    return contract_checks(frame, contract(table), Settings().rule_values, totals)


def _failed(checks: list[Check]) -> dict[str, tuple[str, str]]:
    """What was found and expected of the checks that failed."""
    return {check.name: (check.found, check.expected) for check in checks if not check.passed}


def _users(spark: SparkSession, *names: str | None) -> DataFrame:
    return spark.createDataFrame([(name,) for name in names], "user_id string")


@pytest.mark.parametrize("table", list(GOOD))
def test_good_rows_pass_every_not_null_every_rule_and_every_total(
    spark: SparkSession, table: str
) -> None:
    totals: Mapping[str, int | Decimal] = {
        "rows": 2,
        "total_deposits": 2,
        "total_purchase_amount_usd": Decimal("60.00"),
    }
    good = GOOD[table]
    checks = _checks(spark, table, [good(), good(user_id="u2")], totals)
    required = [column.name for column in contract(table).columns if column.required]
    rules = [rule.name for rule in contract(table).rules]
    assert [check.name for check in checks] == [
        *(f"{table}.not_null.{name}" for name in required),
        *(f"{table}.{name}" for name in rules),
        f"{table}.total.rows",
        f"{table}.total.total_deposits",
        f"{table}.total.total_purchase_amount_usd",
    ]
    assert _failed(checks) == {}


def test_each_defect_is_counted_under_its_check(spark: SparkSession) -> None:
    rows = [
        customer(),
        customer(country=None),
        customer(country=None, player_type="Whale"),
        customer(customer_segment="high value"),
        customer(unique_games_played=3),
        customer(total_web_events=-1),
    ]
    assert _failed(_checks(spark, "dim_customer", rows, {})) == {
        "dim_customer.not_null.country": ("2", "0"),
        "dim_customer.player_type_allowed": ("1", "0"),
        "dim_customer.customer_segment_allowed": ("1", "0"),
        "dim_customer.parts_within_totals": ("1", "0"),
        "dim_customer.measures_not_negative": ("1", "0"),
    }


def test_a_rule_that_is_null_is_broken(spark: SparkSession) -> None:
    failed = _failed(_checks(spark, "customer_ltv_scoring", [score(vip_tier=None)], {}))
    assert failed == {
        "customer_ltv_scoring.not_null.vip_tier": ("1", "0"),
        "customer_ltv_scoring.vip_tier_allowed": ("1", "0"),
    }


def test_a_total_that_is_off_by_a_row_or_a_cent_fails(spark: SparkSession) -> None:
    totals: Mapping[str, int | Decimal] = {
        "rows": 2,
        "total_deposits": 1,
        "total_deposit_amount_minor": 5001,
        "total_purchase_amount_usd": Decimal("30.01"),
    }
    assert _failed(_checks(spark, "dim_customer", [customer()], totals)) == {
        "dim_customer.total.rows": ("1", "2"),
        "dim_customer.total.total_deposit_amount_minor": ("5000.00", "5001"),
        "dim_customer.total.total_purchase_amount_usd": ("30.00", "30.01"),
    }


def test_an_empty_table_has_totals_of_0(spark: SparkSession) -> None:
    totals: Mapping[str, int | Decimal] = {
        "rows": 0,
        "total_deposits": 0,
        "total_purchase_amount_usd": Decimal("0.00"),
    }
    assert _failed(_checks(spark, "dim_customer", [], totals)) == {}
    assert _failed(_checks(spark, "dim_customer", [], {"rows": 1})) == {
        "dim_customer.total.rows": ("0", "1")
    }


def test_every_key_is_there_once_and_among_its_parent_s(spark: SparkSession) -> None:
    table = contract("dim_customer")
    rows = _users(spark, "u1", "u2", "u2", "u3", "u3", "u3", "u4")
    parents = _users(spark, "u1", "u1", "u2", "u3", "u5", None)
    assert key_checks(rows, table, parents, "stg_signups") == [
        Check("dim_customer.unique.user_id", passed=False, found="2", expected="0"),
        Check("dim_customer.user_id_in_stg_signups", passed=False, found="1", expected="0"),
    ]


def test_keys_pass_when_the_parent_repeats_them_or_has_more(spark: SparkSession) -> None:
    rows, parents = _users(spark, "u1", "u2"), _users(spark, "u1", "u1", "u2", "u3")
    checks = key_checks(rows, contract("dim_customer"), parents, "stg_signups")
    assert _failed(checks) == {}
    none = _users(spark)
    assert _failed(key_checks(none, contract("dim_customer"), none, "stg_signups")) == {}
