"""What becomes of a row: by its own values, by its key, by its user."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from chispa import assert_df_equality
from pyspark.sql import DataFrame, SparkSession

from customer_mart.contracts import contract
from customer_mart.settings import Settings
from customer_mart.staging.dispositions import (
    early_dispositions,
    with_duplicates,
    with_early_disposition,
    with_user_disposition,
)
from tests.frames import staging, utc

AS_OF = utc("2025-01-01 00:00:00")
JUST_BEFORE = utc("2024-12-31 23:59:59.999999")
LATER = utc("2026-01-01 00:00:00")
EARLIEST = utc("1990-01-01 00:00:00")
TOO_EARLY = utc("1989-12-31 23:59:59.999999")
MONDAY, TUESDAY = utc("2024-06-03 12:00:00"), utc("2024-06-04 12:00:00")


def _marked(
    spark: SparkSession, table: str, rows: Sequence[tuple[Any, ...]], more: str
) -> DataFrame:
    """Rows of a staging table with further columns behind the contract's."""
    return spark.createDataFrame(list(rows), f"{contract(table).ddl}, {more}")


def _early(rows: DataFrame, table: str) -> DataFrame:
    return with_early_disposition(rows, contract(table), AS_OF, Settings().rule_values)


def _assert_early(spark: SparkSession, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Fails unless each row's own values make of it what its last item says."""
    expected = _marked(spark, table, rows, "disposition string")
    actual = _early(staging(spark, table, [row[:-1] for row in rows]), table)
    assert_df_equality(actual, expected, ignore_nullable=True)


def _assert_by_key(spark: SparkSession, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Fails unless used rows become what their last items say: a disposition, has_duplicates."""
    expected = _marked(spark, table, rows, "disposition string, has_duplicates boolean")
    used = _marked(spark, table, [(*row[:-2], "used") for row in rows], "disposition string")
    actual = with_duplicates(used, contract(table)).drop("is_anothers")
    assert_df_equality(actual, expected, ignore_nullable=True, ignore_row_order=True)


def _plan(rows: DataFrame) -> str:
    return str(rows._jdf.queryExecution().executedPlan().toString())


def test_a_deposit_is_decided_by_the_first_question_that_applies(spark: SparkSession) -> None:
    rows = [
        ("d1", "u1", MONDAY, 500, "used"),
        (None, None, LATER, -1, "not_yet"),
        (None, "u1", None, -1, "NULL_KEY"),
        ("d2", None, MONDAY, 500, "NULL_KEY"),
        ("d3", "u1", None, -1, "BAD_TIMESTAMP"),
        ("d4", "u1", TOO_EARLY, None, "BAD_TIMESTAMP"),
        ("d5", "u1", MONDAY, -1, "BAD_AMOUNT"),
        ("d6", "u1", MONDAY, None, "BAD_AMOUNT"),
        ("d7", "u1", MONDAY, 0, "used"),
    ]
    _assert_early(spark, "stg_deposits", rows)


def test_a_purchase_needs_no_game_and_its_amount_may_be_nothing(spark: SparkSession) -> None:
    rows = [
        ("p1", "u1", None, MONDAY, Decimal("0.00"), "used"),
        ("p2", "u1", "g1", MONDAY, Decimal("-0.01"), "BAD_AMOUNT"),
        ("p3", "u1", "g1", MONDAY, None, "BAD_AMOUNT"),
        ("p4", None, "g1", MONDAY, None, "NULL_KEY"),
        (None, "u1", "g1", None, Decimal("1.00"), "NULL_KEY"),
    ]
    _assert_early(spark, "stg_ticket_purchases", rows)


def test_a_web_event_without_a_user_is_anonymous_unless_it_is_bad(spark: SparkSession) -> None:
    rows = [
        ("e1", "u1", MONDAY, None, "used"),
        ("e2", None, MONDAY, "spring", "anonymous"),
        ("e3", None, LATER, None, "not_yet"),
        (None, None, MONDAY, None, "NULL_KEY"),
        ("e4", None, None, None, "BAD_TIMESTAMP"),
    ]
    _assert_early(spark, "stg_web_events", rows)


def test_a_row_at_the_as_of_instant_does_not_exist_yet(spark: SparkSession) -> None:
    rows = [
        ("u1", JUST_BEFORE, "SE", "used"),
        ("u2", AS_OF, "SE", "not_yet"),
        (None, AS_OF, None, "not_yet"),
    ]
    _assert_early(spark, "stg_signups", rows)


def test_a_row_at_the_earliest_timestamp_is_used_and_one_before_it_is_bad(
    spark: SparkSession,
) -> None:
    rows = [
        ("u1", EARLIEST, "SE", "used"),
        ("u2", TOO_EARLY, "SE", "BAD_TIMESTAMP"),
        ("u3", None, "SE", "BAD_TIMESTAMP"),
    ]
    _assert_early(spark, "stg_signups", rows)


def test_a_day_counts_from_its_midnight_in_utc(spark: SparkSession) -> None:
    rows = [
        (date(2024, 12, 31), "spring", "search", 5, "used"),
        (date(2025, 1, 1), "spring", "search", 5, "not_yet"),
        (date(1990, 1, 1), "spring", "search", 5, "used"),
        (date(1989, 12, 31), "spring", "search", 5, "BAD_TIMESTAMP"),
        (None, "spring", "search", 5, "BAD_TIMESTAMP"),
        (None, "spring", None, 5, "NULL_KEY"),
        (date(2024, 12, 31), "spring", "search", -5, "BAD_AMOUNT"),
    ]
    _assert_early(spark, "stg_funnel_spend", rows)


def test_a_game_has_no_time_and_needs_only_its_key(spark: SparkSession) -> None:
    rows = [("g1", None, None, "used"), (None, "Mega", 5, "NULL_KEY")]
    _assert_early(spark, "stg_games", rows)


def test_what_a_row_can_become_by_itself_is_listed_in_order() -> None:
    assert early_dispositions(contract("stg_web_events")) == [
        "not_yet",
        "NULL_KEY",
        "BAD_TIMESTAMP",
        "anonymous",
    ]
    assert early_dispositions(contract("stg_games")) == ["not_yet", "NULL_KEY"]


def test_a_row_delivered_again_is_deduplicated_and_one_that_differs_conflicts(
    spark: SparkSession,
) -> None:
    rows = [
        ("d1", "u1", MONDAY, 500, "used", False),
        ("d2", "u1", MONDAY, 500, "used", True),
        ("d2", "u1", MONDAY, 500, "deduplicated", False),
        ("d3", "u1", MONDAY, 900, "used", True),
        ("d3", "u1", TUESDAY, 100, "DUPLICATE_KEY", False),
    ]
    _assert_by_key(spark, "stg_deposits", rows)


def test_of_two_rows_delivered_twice_one_is_used_two_deduplicated_and_one_conflicts(
    spark: SparkSession,
) -> None:
    rows = [
        ("d1", "u1", MONDAY, 500, "used", True),
        ("d1", "u1", MONDAY, 500, "deduplicated", True),
        ("d1", "u1", TUESDAY, 500, "DUPLICATE_KEY", True),
        ("d1", "u1", TUESDAY, 500, "deduplicated", False),
    ]
    _assert_by_key(spark, "stg_deposits", rows)


def test_of_rows_at_the_same_time_the_remaining_columns_decide_and_null_comes_last(
    spark: SparkSession,
) -> None:
    one, nine = Decimal("1.00"), Decimal("9.00")
    rows = [
        ("p1", "u1", "g1", MONDAY, nine, "used", True),
        ("p1", "u1", "g2", MONDAY, one, "DUPLICATE_KEY", True),
        ("p1", "u1", None, MONDAY, one, "DUPLICATE_KEY", False),
        ("p2", "u1", "g1", MONDAY, one, "used", True),
        ("p2", "u1", "g1", MONDAY, nine, "DUPLICATE_KEY", False),
        ("p3", "u1", None, MONDAY, one, "used", True),
        ("p3", "u1", None, MONDAY, one, "deduplicated", False),
    ]
    _assert_by_key(spark, "stg_ticket_purchases", rows)


def test_a_key_of_another_user_s_row_conflicts_and_ties_go_by_the_user(
    spark: SparkSession,
) -> None:
    rows = [
        ("d1", "u2", MONDAY, 900, "used", True),
        ("d1", "u1", TUESDAY, 500, "DUPLICATE_KEY", False),
        ("d2", "u1", MONDAY, 900, "used", True),
        ("d2", "u2", MONDAY, 500, "DUPLICATE_KEY", True),
        ("d2", "u2", MONDAY, 500, "deduplicated", False),
    ]
    _assert_by_key(spark, "stg_deposits", rows)


def test_a_key_is_another_s_where_its_first_row_is(spark: SparkSession) -> None:
    rows = [
        ("d1", "u2", MONDAY, 900, "used", False),
        ("d1", "u1", TUESDAY, 500, "DUPLICATE_KEY", True),
        ("d1", "u2", TUESDAY, 900, "DUPLICATE_KEY", False),
        ("d1", "u1", TUESDAY, 500, "BAD_AMOUNT", False),
    ]
    given = [(*row[:-2], row[-2].replace("DUPLICATE_KEY", "used")) for row in rows]
    used = _marked(spark, "stg_deposits", given, "disposition string")
    actual = with_duplicates(used, contract("stg_deposits")).drop("has_duplicates")
    expected = _marked(spark, "stg_deposits", rows, "disposition string, is_anothers boolean")
    assert_df_equality(actual, expected, ignore_nullable=True, ignore_row_order=True)


def test_a_key_of_several_columns_is_the_same_only_when_all_of_them_are(
    spark: SparkSession,
) -> None:
    day = date(2024, 6, 3)
    rows = [
        (day, "spring", "search", 5, "used", True),
        (day, "spring", "search", 6, "DUPLICATE_KEY", False),
        (day, "spring", "social", 6, "used", False),
        (date(2024, 6, 4), "spring", "search", 6, "used", False),
    ]
    _assert_by_key(spark, "stg_funnel_spend", rows)


def test_a_row_that_is_set_aside_already_takes_no_key(spark: SparkSession) -> None:
    rows = [
        ("u1", MONDAY, "SE", "BAD_TIMESTAMP"),
        ("u1", TUESDAY, "SE", "used"),
        ("u1", LATER, "SE", "not_yet"),
    ]
    given = _marked(spark, "stg_signups", rows, "disposition string")
    expected = _marked(
        spark,
        "stg_signups",
        [(*row, False) for row in rows],
        "disposition string, has_duplicates boolean",
    )
    actual = with_duplicates(given, contract("stg_signups")).drop("is_anothers")
    assert_df_equality(actual, expected, ignore_nullable=True, ignore_row_order=True)


@pytest.mark.classic("reads the physical plan")
def test_duplicates_are_marked_inside_the_exchange_by_key(spark: SparkSession) -> None:
    rows = _marked(spark, "stg_deposits", [], "disposition string").repartition("deposit_id")
    marked = with_duplicates(rows, contract("stg_deposits"))
    assert _plan(marked).count("Exchange ") == 1
    assert "Window" in _plan(marked)


def test_a_fact_is_used_once_its_user_has_signed_up_and_an_orphan_without_a_signup(
    spark: SparkSession,
) -> None:
    rows = [
        ("d1", "known", MONDAY, 500, "used"),
        ("d2", "to come", MONDAY, 500, "not_yet"),
        ("d3", "nobody", MONDAY, 500, "ORPHAN_USER"),
    ]
    given = _marked(
        spark, "stg_deposits", [(*row[:-1], "used") for row in rows], "disposition string"
    )
    signups = spark.createDataFrame(
        [("known", True), ("to come", False)], "user_id string, is_signed_up boolean"
    )
    expected = _marked(spark, "stg_deposits", rows, "disposition string")
    actual = with_user_disposition(given, signups).select(*expected.columns)
    assert_df_equality(actual, expected, ignore_nullable=True, ignore_row_order=True)


def test_every_question_is_asked_in_order_up_to_the_user(spark: SparkSession) -> None:
    rows = [
        ("e0", "nobody", LATER, None, "not_yet"),
        ("e1", "nobody", TOO_EARLY, None, "BAD_TIMESTAMP"),
        ("e2", None, MONDAY, None, "anonymous"),
        ("e2", None, MONDAY, None, "anonymous"),
        ("e3", "nobody", MONDAY, None, "ORPHAN_USER"),
        ("e3", "nobody", MONDAY, None, "deduplicated"),
        ("e3", "nobody", TUESDAY, None, "DUPLICATE_KEY"),
        ("e4", "known", MONDAY, None, "used"),
        ("e4", "known", MONDAY, None, "deduplicated"),
        ("e5", "known", TOO_EARLY, "spring", "BAD_TIMESTAMP"),
        ("e5", "known", MONDAY, "spring", "used"),
        ("e6", "to come", MONDAY, "spring", "not_yet"),
        ("e6", "to come", MONDAY, None, "DUPLICATE_KEY"),
    ]
    signups = spark.createDataFrame(
        [("known", True), ("to come", False)], "user_id string, is_signed_up boolean"
    )
    early = _early(staging(spark, "stg_web_events", [row[:-1] for row in rows]), "stg_web_events")
    marked = with_duplicates(early, contract("stg_web_events"))
    actual = with_user_disposition(marked, signups)
    expected = _marked(spark, "stg_web_events", rows, "disposition string")
    assert_df_equality(
        actual.select(*expected.columns), expected, ignore_nullable=True, ignore_row_order=True
    )
