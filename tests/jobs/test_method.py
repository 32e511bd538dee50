"""The quick method gives way to the sure one, and what is published is the same."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as F

from customer_mart import joins
from customer_mart.staging import user_key
from tests.frames import utc
from tests.jobs.handful import ALL_DIRT, SOURCES
from tests.jobs.operator_data import Operator, comparable

SIGNUP = utc("2024-11-01 00:00:00")
GAVE_WAY = "staged again by ids and in decimals"
# The largest that a DECIMAL(18,2) holds: ten of them are more cents than a BIGINT counts.
LARGEST = Decimal("9999999999999999.99")


def one_for_all(user_id: Column) -> Column:
    return F.when(user_id.isNotNull(), F.lit(7).cast("bigint"))


def one_for_strangers(user_id: Column) -> Column:
    """The same hash for a customer and for a user without a signup."""
    shared = F.when(user_id.isin("ann", "zoe"), F.lit(7).cast("bigint"))
    return shared.otherwise(F.xxhash64(user_id))


@pytest.mark.parametrize(
    ("weak_hash", "reason"),
    [
        (one_for_all, "users of stg_signups share a hash"),
        (one_for_strangers, "users of stg_deposits share a hash"),
    ],
)
def test_users_who_share_a_hash_are_told_apart_by_their_ids(
    spark: SparkSession,
    tmp_path: Path,
    empty_mart: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    weak_hash: object,
    reason: str,
) -> None:
    operator = Operator.with_empty_mart(spark, tmp_path, empty_mart)
    operator.deliver_all(SOURCES)
    assert operator.build(*ALL_DIRT) == 0
    assert GAVE_WAY not in capsys.readouterr().out
    expected = [comparable(operator, t) for t in ("dim_customer", "customer_ltv_scoring")]
    quarantined, record = operator.quarantined(), operator.last_run()
    monkeypatch.setattr(user_key, "hash_of", weak_hash)
    assert operator.build(*ALL_DIRT) == 0
    said = capsys.readouterr().out
    assert f"{reason}: {GAVE_WAY}" in said
    assert "failed" not in said
    actual = [comparable(operator, t) for t in ("dim_customer", "customer_ltv_scoring")]
    assert actual == expected
    assert operator.quarantined() == quarantined
    for told in ("reconciliation", "warnings", "checks"):
        assert operator.last_run()[told] == record[told]


def test_a_sum_of_more_cents_than_a_bigint_counts_is_exact(
    spark: SparkSession, tmp_path: Path, empty_mart: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    operator = Operator.with_empty_mart(spark, tmp_path, empty_mart)
    operator.deliver("stg_signups", [("ann", SIGNUP, "UK")])
    operator.deliver("stg_games", [("keno", "Keno", 1)])
    purchases = [
        (f"p{day}", "ann", "keno", SIGNUP + timedelta(days=day), LARGEST) for day in range(10)
    ]
    operator.deliver("stg_ticket_purchases", purchases)
    operator.deliver_nothing_else()
    assert operator.build() == 0
    reason = "a sum of stg_ticket_purchases exceeds BIGINT"
    assert f"{reason}: {GAVE_WAY}" in capsys.readouterr().out
    (ann,) = operator.rows("dim_customer")
    assert ann["total_purchase_amount_usd"] == Decimal("99999999999999999.90")
    assert ann["spend_first_7_days_usd"] == Decimal("69999999999999999.93")
    assert ann["avg_purchase_amount_usd"] == Decimal("9999999999999999.9900")


def test_deposits_that_are_not_used_may_add_up_to_more_than_a_bigint_holds(
    spark: SparkSession, tmp_path: Path, empty_mart: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    huge, day = 5 * 10**18, SIGNUP + timedelta(days=1)
    operator = Operator.with_empty_mart(spark, tmp_path, empty_mart)
    operator.deliver("stg_signups", [(user, SIGNUP, "UK") for user in ("ann", "bob", "cyd")])
    deposits = [
        ("d1", "nobody", SIGNUP, huge),
        ("d2", "nobody", SIGNUP, huge),
        ("d3", "ann", SIGNUP, huge),
        ("d3", "ann", SIGNUP, huge),
        ("d4", "bob", SIGNUP, huge),
        ("d4", "bob", day, huge),
        ("d5", "cyd", SIGNUP, 7),
    ]
    operator.deliver("stg_deposits", deposits)
    operator.deliver_nothing_else()
    assert operator.build(*ALL_DIRT) == 0
    assert f"a sum of stg_deposits exceeds BIGINT: {GAVE_WAY}" in capsys.readouterr().out
    sums = {c["user_id"]: c["total_deposit_amount_minor"] for c in operator.rows("dim_customer")}
    assert sums == {"ann": huge, "bob": huge, "cyd": 7}
    balance = operator.balance("stg_deposits")
    set_aside = ("ORPHAN_USER", "deduplicated", "DUPLICATE_KEY")
    assert [balance[disposition] for disposition in set_aside] == [2, 1, 1]


def test_one_purchase_keeps_every_cent(
    spark: SparkSession, tmp_path: Path, empty_mart: Path
) -> None:
    amounts = ["0.01", "0.29", "1.15", "9999999999999.99", "10000000000000.01"]
    operator = Operator.with_empty_mart(spark, tmp_path, empty_mart)
    operator.deliver("stg_signups", [(amount, SIGNUP, "UK") for amount in amounts])
    operator.deliver("stg_games", [("keno", "Keno", 1)])
    purchases = [(f"p{a}", a, "keno", SIGNUP, Decimal(a)) for a in amounts]
    operator.deliver("stg_ticket_purchases", purchases)
    operator.deliver_nothing_else()
    assert operator.build() == 0
    for customer in operator.rows("dim_customer"):
        amount = Decimal(customer["user_id"])
        assert customer["total_purchase_amount_usd"] == amount
        assert customer["spend_first_7_days_usd"] == amount


def test_suspects_too_many_to_broadcast_are_compared_all_the_same(
    spark: SparkSession, tmp_path: Path, empty_mart: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = Operator.with_empty_mart(spark, tmp_path, empty_mart)
    operator.deliver_all(SOURCES)
    assert operator.build(*ALL_DIRT) == 0
    expected, quarantined = comparable(operator, "dim_customer"), operator.quarantined()
    balance = operator.balance("stg_deposits")
    assert balance["deduplicated"] == balance["DUPLICATE_KEY"] == 1
    monkeypatch.setattr(joins, "MOST_HASHES", 0)
    monkeypatch.setattr(joins, "MOST_IDS", 0)
    assert operator.build(*ALL_DIRT) == 0
    assert comparable(operator, "dim_customer") == expected
    assert operator.quarantined() == quarantined
    assert operator.balance("stg_deposits") == balance
