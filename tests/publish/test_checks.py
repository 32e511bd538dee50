from collections.abc import Mapping
from decimal import Decimal

import pytest
from chispa import assert_df_equality
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from customer_mart.contracts import contract
from customer_mart.publish.checks import (
    Check,
    contract_checks,
    contract_measures,
    key_checks,
    key_checksum,
    key_measures,
    shared_keys,
    with_copies,
    without_breaches,
)
from customer_mart.settings import Settings
from tests.frames import by_name
from tests.publish.mart_rows import Row, customer, score

GOOD = {"dim_customer": customer, "customer_ltv_scoring": score}


def _checks(
    spark: SparkSession, table: str, rows: list[Row], totals: Mapping[str, int | Decimal]
) -> list[Check]:
    frame = by_name(spark, contract(table).ddl, rows)
    values = Settings().rule_values
    found = frame.agg(*contract_measures(contract(table), values, totals)).collect()[0]
    return contract_checks(contract(table), values, found.asDict(), totals)


def _keys(frame: DataFrame, expected: Decimal) -> list[Check]:
    table = contract("dim_customer")
    found = with_copies(frame, table.key).agg(*key_measures(table)).collect()[0]
    return key_checks(table, found.asDict(), "stg_signups", expected)


def _checksum(frame: DataFrame) -> Decimal:
    found = frame.agg(key_checksum(contract("dim_customer"))).collect()[0]
    checksum: Decimal = found["checksum"]
    return checksum


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


def test_a_job_fails_at_the_first_row_that_breaks_the_contract(spark: SparkSession) -> None:
    table, values = contract("customer_ltv_scoring"), Settings().rule_values
    good = by_name(spark, table.ddl, [score(), score(user_id="u2")])
    assert_df_equality(good.transform(without_breaches, table, values), good)
    for broken, name in [
        (score(country=None), "not_null.country"),
        (score(vip_tier="Emperor"), "vip_tier_allowed"),
        (score(ltv_score=Decimal("100.01")), "scores_in_range"),
    ]:
        rows = by_name(spark, table.ddl, [score(user_id="u2"), broken])
        with pytest.raises(Exception, match=f"a row breaks customer_ltv_scoring.{name}"):
            rows.transform(without_breaches, table, values).collect()


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


def test_every_row_that_shares_its_key_is_counted(spark: SparkSession) -> None:
    rows = _users(spark, "u1", "u2", "u2", "u3", "u3", "u3", "u4").repartition(3)
    assert _failed(_keys(rows, _checksum(rows))) == {"dim_customer.unique.user_id": ("5", "0")}


def test_keys_pass_when_they_are_the_parent_s_in_any_order(spark: SparkSession) -> None:
    assert _failed(_keys(_users(spark, "u1", "u2"), _checksum(_users(spark, "u2", "u1")))) == {}
    assert _failed(_keys(_users(spark), _checksum(_users(spark)))) == {}


@pytest.mark.parametrize("parents", [["u1"], ["u1", "u3"], ["u1", "u2", "u3"], []])
def test_keys_that_are_not_the_parent_s_fail(spark: SparkSession, parents: list[str]) -> None:
    checks = _keys(_users(spark, "u1", "u2"), _checksum(_users(spark, *parents)))
    assert _failed(checks) == {
        "dim_customer.user_id_in_stg_signups": ("others", "those of stg_signups")
    }


def test_rows_that_share_a_key_are_counted_and_keys_that_share_a_hash_are_not(
    spark: SparkSession,
) -> None:
    # The hash passes over NULL, so that these two keys have the same.
    rows = [(None, "a"), ("a", None)]
    frame = spark.createDataFrame(rows, "left string, right string")
    assert frame.select(F.xxhash64("left", "right")).distinct().count() == 1
    assert shared_keys(frame, ["left", "right"]) == 0
    copies = spark.createDataFrame([("u", "u"), ("u", "u"), ("u", "v")], frame.schema)
    assert shared_keys(frame.unionByName(copies), ["left", "right"]) == 2
