from decimal import Decimal

from pyspark.sql import DataFrame, Observation, SparkSession

from customer_mart.contracts import contract
from customer_mart.staging.balance import (
    Balance,
    balance_of,
    customer_metrics,
    duplicate_metrics,
    observed_early,
    recount,
    used_metrics,
)
from tests.frames import utc

MONDAY = utc("2024-06-03 12:00:00")
LARGEST = 9223372036854775807


def _deposits(spark: SparkSession, rows: list[tuple[int | None, str]]) -> DataFrame:
    """Deposits by amount and disposition."""
    whole = [("d", "u", MONDAY, amount, disposition) for amount, disposition in rows]
    return spark.createDataFrame(whole, f"{contract('stg_deposits').ddl}, disposition string")


def test_rows_and_amounts_are_counted_by_what_their_own_values_make_of_them(
    spark: SparkSession,
) -> None:
    rows = _deposits(
        spark,
        [
            (100, "used"),
            (50, "used"),
            (7, "not_yet"),
            (3, "NULL_KEY"),
            (None, "NULL_KEY"),
            (2, "BAD_TIMESTAMP"),
            (-4, "BAD_AMOUNT"),
            (None, "BAD_AMOUNT"),
        ],
    )
    # A BAD_AMOUNT row counts as a row only.
    assert recount(rows, contract("stg_deposits")) == {
        "read:rows": 8,
        "read:amount": Decimal("162.00"),
        "not_yet:rows": 1,
        "not_yet:amount": Decimal("7.00"),
        "NULL_KEY:rows": 2,
        "NULL_KEY:amount": Decimal("3.00"),
        "BAD_TIMESTAMP:rows": 1,
        "BAD_TIMESTAMP:amount": Decimal("2.00"),
        "BAD_AMOUNT:rows": 2,
        "BAD_AMOUNT:amount": None,
    }


def test_an_empty_source_has_counts_of_0_and_no_amounts(spark: SparkSession) -> None:
    counted = recount(_deposits(spark, []), contract("stg_deposits"))
    assert counted["read:rows"] == 0
    assert counted["read:amount"] is None
    assert balance_of("stg_deposits", counted).amounts["read"] == 0


def test_a_total_of_the_largest_amounts_does_not_overflow(spark: SparkSession) -> None:
    rows = _deposits(spark, [(LARGEST, "used")] * 3)
    [total] = rows.agg(*used_metrics(contract("stg_deposits"))).collect()
    assert total["used:amount"] == Decimal("27670116110564327421.00")


def test_a_source_without_amounts_counts_rows_only(spark: SparkSession) -> None:
    rows = spark.createDataFrame(
        [("e1", None, MONDAY, None, "anonymous"), ("e2", "u", MONDAY, None, "used")],
        f"{contract('stg_web_events').ddl}, disposition string",
    )
    assert recount(rows, contract("stg_web_events")) == {
        "read:rows": 2,
        "not_yet:rows": 0,
        "NULL_KEY:rows": 0,
        "BAD_TIMESTAMP:rows": 0,
        "anonymous:rows": 1,
    }


def test_duplicates_are_counted_apart_from_the_rows_that_stay(spark: SparkSession) -> None:
    rows = _deposits(
        spark,
        [(100, "used"), (100, "deduplicated"), (100, "deduplicated"), (9, "DUPLICATE_KEY")],
    )
    table = contract("stg_deposits")
    [counted] = rows.agg(*duplicate_metrics(table), *used_metrics(table)).collect()
    assert counted.asDict() == {
        "deduplicated:rows": 2,
        "deduplicated:amount": Decimal("200.00"),
        "DUPLICATE_KEY:rows": 1,
        "DUPLICATE_KEY:amount": Decimal("9.00"),
        "used:rows": 1,
        "used:amount": Decimal("100.00"),
    }


def test_a_customer_s_facts_are_used_not_yet_or_orphans_by_the_signup(spark: SparkSession) -> None:
    per_customer = spark.createDataFrame(
        [("u1", 3, 300, True), ("u2", 1, 50, True), ("u3", 2, 20, False), ("u4", 4, 7, None)],
        "user_id string, number bigint, total bigint, is_signed_up boolean",
    )
    [counted] = per_customer.agg(*customer_metrics("number", "total")).collect()
    assert counted.asDict() == {
        "used:rows": 4,
        "used:amount": Decimal("350.00"),
        "not_yet:rows": 2,
        "not_yet:amount": Decimal("20.00"),
        "ORPHAN_USER:rows": 4,
        "ORPHAN_USER:amount": Decimal("7.00"),
    }
    assert len(customer_metrics("number", None)) == 3


def test_amounts_of_customers_in_hundredths_are_told_in_the_unit_of_the_source(
    spark: SparkSession,
) -> None:
    largest = Decimal(10**28 - 1)
    per_customer = spark.createDataFrame(
        [(True, 1, largest), (True, 1, Decimal(2)), (None, 1, Decimal(5))],
        "is_signed_up boolean, number bigint, cents decimal(30,0)",
    )
    metrics = customer_metrics("number", "cents", hundredths=True)
    [counted] = per_customer.agg(*metrics).collect()
    assert counted["used:amount"] == Decimal("100000000000000000000000000.01")
    assert counted["ORPHAN_USER:amount"] == Decimal("0.05")


def test_what_several_passes_counted_adds_up() -> None:
    early = {
        "read:rows": 10,
        "read:amount": Decimal("100.00"),
        "not_yet:rows": 1,
        "not_yet:amount": Decimal("10.00"),
        "NULL_KEY:rows": 2,
        "NULL_KEY:amount": None,
    }
    duplicates = {"deduplicated:rows": 1, "deduplicated:amount": Decimal("5.00")}
    customers = {
        "used:rows": 4,
        "used:amount": Decimal("80.00"),
        "not_yet:rows": 2,
        "not_yet:amount": Decimal("5.00"),
        "ORPHAN_USER:rows": None,
        "ORPHAN_USER:amount": None,
    }
    balance = balance_of("stg_deposits", early, duplicates, customers)
    assert balance == Balance(
        "stg_deposits",
        {"read": 10, "not_yet": 3, "NULL_KEY": 2, "deduplicated": 1, "used": 4, "ORPHAN_USER": 0},
        {
            "read": Decimal("100.00"),
            "not_yet": Decimal("15.00"),
            "NULL_KEY": Decimal("0.00"),
            "deduplicated": Decimal("5.00"),
            "used": Decimal("80.00"),
            "ORPHAN_USER": Decimal("0.00"),
        },
    )
    assert balance.is_balanced
    assert balance.read == 10


def test_a_balance_is_off_by_one_row_or_one_cent() -> None:
    rows, cents = {"read": 2, "used": 2}, {"read": Decimal("1.00"), "used": Decimal("1.00")}
    assert Balance("stg_deposits", rows, cents).is_balanced
    assert not Balance("stg_deposits", {**rows, "not_yet": 1}, cents).is_balanced
    assert not Balance("stg_deposits", {**rows, "read": 1}, cents).is_balanced
    assert not Balance("stg_deposits", rows, {**cents, "used": Decimal("0.99")}).is_balanced


def test_the_quarantined_share_is_exact_and_leaves_out_what_is_not_quarantined() -> None:
    balance = Balance(
        "stg_deposits",
        {
            "read": 1000,
            "used": 900,
            "not_yet": 40,
            "anonymous": 30,
            "deduplicated": 20,
            "NULL_KEY": 7,
            "BAD_AMOUNT": 0,
            "ORPHAN_USER": 3,
        },
        {},
    )
    assert balance.quarantined == {"NULL_KEY": 7, "ORPHAN_USER": 3}
    assert balance.quarantined_fraction() == Decimal("0.01")


def test_an_empty_source_is_balanced_and_has_nothing_quarantined() -> None:
    balance = balance_of("stg_games", {})
    assert balance.is_balanced
    assert balance.read == 0
    assert balance.quarantined_fraction() == 0


def test_what_is_observed_on_the_way_is_what_a_pass_of_its_own_counts(
    spark: SparkSession,
) -> None:
    table, found = contract("stg_deposits"), Observation()
    rows = _deposits(spark, [(100, "used"), (7, "not_yet"), (-4, "BAD_AMOUNT")])
    seen = rows.transform(observed_early, table, found)
    assert seen.collect() == rows.collect()
    expected = {
        "read:rows": 3,
        "read:amount": Decimal("107.00"),
        "not_yet:rows": 1,
        "not_yet:amount": Decimal("7.00"),
        "NULL_KEY:rows": 0,
        "NULL_KEY:amount": None,
        "BAD_TIMESTAMP:rows": 0,
        "BAD_TIMESTAMP:amount": None,
        "BAD_AMOUNT:rows": 1,
        "BAD_AMOUNT:amount": None,
    }
    assert found.get == expected
    assert recount(rows, table) == expected


def test_a_source_without_rows_is_counted_by_every_reason_it_may_have(
    spark: SparkSession,
) -> None:
    rows = spark.createDataFrame([], f"{contract('stg_games').ddl}, disposition string")
    counted = recount(rows, contract("stg_games"))
    assert counted == {"read:rows": 0, "not_yet:rows": 0, "NULL_KEY:rows": 0}
