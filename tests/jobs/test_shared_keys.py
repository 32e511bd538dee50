"""A key that rows of several users have: one row is used, whosever it is."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from tests.frames import utc
from tests.jobs.handful import ALL_DIRT
from tests.jobs.operator_data import Operator

SIGNUP, FIRST, LATER = (utc(f"2024-11-0{day} 00:00:00") for day in (1, 2, 3))
ONE, TWO = Decimal("1.00"), Decimal("2.00")
SOURCES: dict[str, list[tuple[Any, ...]]] = {
    "stg_signups": [("ann", SIGNUP, "UK"), ("bob", SIGNUP, "UK"), ("cyd", SIGNUP, "UK")],
    "stg_games": [("keno", "Keno", 1)],
    "stg_deposits": [
        ("d1", "ann", LATER, 700),  # bob's is earlier
        ("d1", "bob", FIRST, 500),
        ("d2", "ann", FIRST, 100),
        ("d3", "bob", LATER, 900),  # that of nobody is earlier, and waits for its signup
        ("d3", "zoe", FIRST, 900),
    ],
    "stg_ticket_purchases": [
        ("p1", "ann", "keno", FIRST, TWO),  # of two at a time that of the smallest user
        ("p1", "bob", "keno", FIRST, ONE),
        ("p1", "cyd", "keno", LATER, ONE),  # all that cyd ever bought
        ("p1", "cyd", "keno", LATER, ONE),
        ("p2", "bob", "keno", LATER, ONE),
    ],
    "stg_web_events": [
        ("e1", None, SIGNUP, None),  # nobody's, and takes no key
        ("e1", "bob", FIRST, "spring"),
        ("e1", "cyd", FIRST, "autumn"),
    ],
}


@pytest.fixture(scope="module")
def operator(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory, empty_mart: Path
) -> Operator:
    made = Operator.with_empty_mart(spark, tmp_path_factory.mktemp("shared"), empty_mart)
    made.deliver_all(SOURCES)
    assert made.build(*ALL_DIRT) == 0
    return made


def _totals(operator: Operator) -> dict[str, tuple[object, ...]]:
    names = ("total_deposit_amount_minor", "total_purchase_amount_usd", "total_web_events")
    return {
        row["user_id"]: tuple(row[name] for name in names) for row in operator.rows("dim_customer")
    }


def test_the_earliest_row_of_a_key_is_used_and_ties_go_by_the_user(operator: Operator) -> None:
    assert _totals(operator) == {"ann": (100, TWO, 0), "bob": (500, ONE, 1), "cyd": (0, 0, 0)}


def test_every_row_is_accounted_for(operator: Operator) -> None:
    assert operator.balance("stg_deposits") == {
        "read": 5,
        "used": 2,
        "DUPLICATE_KEY": 2,
        "ORPHAN_USER": 1,
    }
    assert operator.balance("stg_ticket_purchases") == {
        "read": 5,
        "used": 2,
        "deduplicated": 1,
        "DUPLICATE_KEY": 2,
    }
    assert operator.balance("stg_web_events") == {
        "read": 3,
        "used": 1,
        "anonymous": 1,
        "DUPLICATE_KEY": 1,
    }


def test_the_others_are_quarantined_also_those_of_users_who_have_no_other_row(
    operator: Operator,
) -> None:
    rows = operator.table("quarantine").select("source", "reason", "user_id").collect()
    assert sorted(map(tuple, rows)) == [
        ("stg_deposits", "DUPLICATE_KEY", "ann"),
        ("stg_deposits", "DUPLICATE_KEY", "bob"),
        ("stg_deposits", "ORPHAN_USER", "zoe"),
        ("stg_ticket_purchases", "DUPLICATE_KEY", "bob"),
        ("stg_ticket_purchases", "DUPLICATE_KEY", "cyd"),
        ("stg_web_events", "DUPLICATE_KEY", "cyd"),
    ]


def test_how_many_rows_have_another_users_key_is_a_warning(operator: Operator) -> None:
    assert operator.last_run()["warnings"]["keys_of_other_users"] == 5


def test_a_source_declared_unique_is_taken_at_its_word(operator: Operator) -> None:
    unique = ("--set", "sources.stg_deposits.unique=true")
    assert operator.build(*ALL_DIRT, *unique) == 0
    deposits = {user: totals[0] for user, totals in _totals(operator).items()}
    assert deposits == {"ann": 800, "bob": 1400, "cyd": 0}
    assert operator.last_run()["warnings"]["keys_of_other_users"] == 3
