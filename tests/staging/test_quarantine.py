import pytest
from chispa import assert_df_equality
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from customer_mart.contracts import contract
from customer_mart.staging.quarantine import (
    Suspects,
    quarantine,
    quarantined_rows,
    suspicious_users,
)
from customer_mart.staging.user_key import QUICK, SURE, with_user_hash
from tests.frames import utc

AS_OF = utc("2025-01-01 00:00:00")
MONDAY, TUESDAY = utc("2024-06-03 12:00:00"), utc("2024-06-04 12:00:00")
AS_READ = "disposition string, as_read map<string,string>"
QUARANTINED = "reason string, row map<string,string>, user_id string"


def _suspects(spark: SparkSession, *names: str) -> Suspects:
    return Suspects(_users(spark, *names), len(names))


def _users(spark: SparkSession, *names: str) -> DataFrame:
    return spark.createDataFrame([(name,) for name in names], "user_id string")


def _signups(spark: SparkSession) -> DataFrame:
    rows = [("known", True), ("to come", False)]
    return spark.createDataFrame(rows, "user_id string, is_signed_up boolean")


def _assert_equal(actual: DataFrame, expected: DataFrame) -> None:
    """Compares the rows as JSON, for maps have no order to sort by."""
    assert_df_equality(
        actual.selectExpr("reason", "to_json(row) AS row", "user_id"),
        expected.selectExpr("reason", "to_json(row) AS row", "user_id"),
        ignore_nullable=True,
        ignore_row_order=True,
    )


def test_users_with_duplicates_or_without_a_signup_are_suspects(spark: SparkSession) -> None:
    users = ("clean", "repeated", "to come")
    signups = with_user_hash(_users(spark, *users)).withColumn("has_duplicates", F.lit(False))
    facts = spark.createDataFrame(
        [
            ("clean", False, []),
            ("repeated", True, []),
            ("orphan", False, ["orphan"]),
            ("repeated orphan", True, ["repeated orphan", "another of its hash"]),
            ("to come", False, []),
        ],
        "user_id string, has_duplicates boolean, orphan_ids array<string>",
    ).transform(with_user_hash)
    expected = _users(spark, "another of its hash", "orphan", "repeated", "repeated orphan")
    for method, per_customer in ((QUICK, facts.drop("user_id")), (SURE, facts)):
        actual = suspicious_users(per_customer, signups, method)
        assert_df_equality(actual, expected, ignore_row_order=True)


def test_of_signups_those_with_duplicates_are_suspects(spark: SparkSession) -> None:
    signups = spark.createDataFrame(
        [("clean", False), ("repeated", True)], "user_id string, has_duplicates boolean"
    ).transform(with_user_hash)
    for method in (QUICK, SURE):
        actual = suspicious_users(signups, signups, method)
        assert_df_equality(actual, _users(spark, "repeated"), ignore_row_order=True)


def test_quarantined_rows_are_whole_as_read_with_their_reason(spark: SparkSession) -> None:
    rows = spark.createDataFrame(
        [
            ("d0", "known", MONDAY, 500, "used", {"deposit_id": "d0"}),
            (None, None, MONDAY, 500, "NULL_KEY", {"deposit_id": " ", "Extra": "kept"}),
            ("d1", "known", MONDAY, None, "BAD_AMOUNT", {"deposit_amount_minor": "-5"}),
            ("d2", "known", MONDAY, 500, "used", {"deposit_id": "d2"}),
            ("d2", "known", MONDAY, 500, "used", {"deposit_id": "d2 "}),
            ("d2", "known", TUESDAY, 500, "used", {"deposit_id": " d2"}),
            ("d3", "nobody", MONDAY, 500, "used", {"user_id": "nobody"}),
            ("d4", "to come", MONDAY, 500, "used", {"user_id": "to come"}),
            ("d5", "nobody", AS_OF, 500, "not_yet", {"deposit_id": "d5"}),
        ],
        f"{contract('stg_deposits').ddl}, {AS_READ}",
    )
    actual = quarantined_rows(
        rows,
        contract("stg_deposits"),
        _suspects(spark, "known", "nobody"),
        _signups(spark),
        unique=False,
    )
    expected = spark.createDataFrame(
        [
            ("NULL_KEY", {"deposit_id": " ", "Extra": "kept"}, None),
            ("BAD_AMOUNT", {"deposit_amount_minor": "-5"}, "known"),
            ("DUPLICATE_KEY", {"deposit_id": " d2"}, "known"),
            ("ORPHAN_USER", {"user_id": "nobody"}, "nobody"),
        ],
        QUARANTINED,
    )
    _assert_equal(actual, expected)


@pytest.mark.parametrize("copies", [("5", "5.0"), ("5.0", "5")])
def test_of_copies_that_differ_as_delivered_alone_the_same_one_is_kept_in_any_order(
    spark: SparkSession, copies: tuple[str, str]
) -> None:
    clashes = [
        ("d", "known", TUESDAY, 5, "used", {"deposit_amount_minor": text}) for text in copies
    ]
    rows = spark.createDataFrame(
        [("d", "known", MONDAY, 1, "used", {}), *clashes],
        f"{contract('stg_deposits').ddl}, {AS_READ}",
    ).coalesce(1)
    signups = _signups(spark)
    table = contract("stg_deposits")
    actual = quarantined_rows(rows, table, _suspects(spark, "known"), signups, unique=False)
    expected = [("DUPLICATE_KEY", {"deposit_amount_minor": "5"}, "known")]
    _assert_equal(actual, spark.createDataFrame(expected, QUARANTINED))


def test_rows_of_nobody_suspected_are_not_compared_again(spark: SparkSession) -> None:
    rows = spark.createDataFrame(
        [
            ("e1", "known", MONDAY, None, "used", {"event_id": "e1"}),
            ("e2", None, MONDAY, None, "anonymous", {"event_id": "e2"}),
            ("e3", "known", None, None, "BAD_TIMESTAMP", {"event_id": "e3"}),
        ],
        f"{contract('stg_web_events').ddl}, {AS_READ}",
    )
    actual = quarantined_rows(
        rows, contract("stg_web_events"), _suspects(spark), _signups(spark), unique=True
    )
    expected = spark.createDataFrame([("BAD_TIMESTAMP", {"event_id": "e3"}, "known")], QUARANTINED)
    _assert_equal(actual, expected)


@pytest.mark.classic("reads the physical plan")
def test_a_source_declared_unique_is_taken_at_its_word_and_not_sorted(spark: SparkSession) -> None:
    rows = spark.createDataFrame(
        [("d1", "known", time, 500, "used", {}) for time in (MONDAY, TUESDAY)],
        f"{contract('stg_deposits').ddl}, {AS_READ}",
    )
    suspects, signups = _suspects(spark, "known"), _signups(spark)
    actual = quarantined_rows(rows, contract("stg_deposits"), suspects, signups, unique=True)
    assert actual.isEmpty()
    plan = str(actual._jdf.queryExecution().executedPlan().toString())
    assert not [step for step in ("Window", "Sort") if step in plan]


def test_signups_are_compared_by_key_and_never_orphans(spark: SparkSession) -> None:
    rows = spark.createDataFrame(
        [
            ("u1", MONDAY, "SE", "used", {"country": "SE"}),
            ("u1", MONDAY, "NO", "used", {"country": "NO"}),
            ("u2", MONDAY, "SE", "used", {"country": "SE"}),
            ("u3", AS_OF, "SE", "not_yet", {"country": "SE"}),
            ("u3", AS_OF, "NO", "not_yet", {"country": "NO"}),
        ],
        f"{contract('stg_signups').ddl}, {AS_READ}",
    )
    suspects = _suspects(spark, "u1", "u3")
    actual = quarantined_rows(rows, contract("stg_signups"), suspects, unique=False)
    # Both at the same instant: the countries decide, and NO comes before SE.
    expected = spark.createDataFrame([("DUPLICATE_KEY", {"country": "SE"}, "u1")], QUARANTINED)
    _assert_equal(actual, expected)


def test_a_source_without_users_keeps_the_rows_that_its_rules_set_aside(
    spark: SparkSession,
) -> None:
    rows = spark.createDataFrame(
        [
            ("g1", "Mega", 5, "used", {"game_id": "g1"}),
            (None, "Lost", 5, "NULL_KEY", {"game_name": "Lost"}),
        ],
        f"{contract('stg_games').ddl}, {AS_READ}",
    )
    actual = quarantined_rows(rows, contract("stg_games"), unique=True)
    expected = spark.createDataFrame([("NULL_KEY", {"game_name": "Lost"}, None)], QUARANTINED)
    _assert_equal(actual, expected)


def test_the_quarantine_holds_every_source_s_rows_with_the_run_and_its_instant(
    spark: SparkSession,
) -> None:
    games = spark.createDataFrame([("NULL_KEY", {"game_name": "Lost"}, None)], QUARANTINED)
    signups = spark.createDataFrame([("BAD_TIMESTAMP", {"user_id": "u1"}, "u1")], QUARANTINED)
    rows = quarantine({"stg_games": games, "stg_signups": signups}, "run-1", AS_OF)
    expected = spark.createDataFrame(
        [
            ("stg_games", "NULL_KEY", "run-1", AS_OF, {"game_name": "Lost"}, None),
            ("stg_signups", "BAD_TIMESTAMP", "run-1", AS_OF, {"user_id": "u1"}, "u1"),
        ],
        contract("quarantine").ddl,
    )
    assert_df_equality(rows, expected, ignore_nullable=True)
