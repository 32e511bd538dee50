"""Users grouped by a hash of their id, and how it shows that a group is not of one user."""

from collections.abc import Sequence

import pytest
from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as F

from customer_mart.staging import user_key
from customer_mart.staging.user_key import QUICK, SURE, Method
from tests.frames import utc

SIGNUP = utc("2024-01-01 00:00:00")
# Whether the user had signed up by the as-of; zoe and yan have no signup at all.
STATES = {"ann": True, "bob": True, "fay": False}
Group = tuple[bool | None, set[str], bool, int]


def seven(user_id: Column) -> Column:
    return F.when(user_id.isNotNull(), F.lit(7).cast("bigint"))


def groups(
    spark: SparkSession, facts: Sequence[str], signed_up: Sequence[str], method: Method
) -> list[Group]:
    """By group of facts: is_signed_up, the orphans' ids, is_mixed and the number of facts."""
    rows = spark.createDataFrame([(user,) for user in facts], "user_id string")
    ddl = "user_id string, signup_timestamp timestamp, is_signed_up boolean"
    states = [(user, SIGNUP, STATES[user]) for user in signed_up]
    signups = user_key.with_user_hash(spark.createDataFrame(states, ddl))
    by_key = user_key.exchanged(rows, method)
    known = user_key.with_signup(by_key, signups, method)
    facts_of_user = F.count("one").alias("facts")
    grouped = user_key.per_user(known, {"one": F.lit(1)}, [facts_of_user], method)
    columns = ("is_signed_up", "orphan_ids", "is_mixed", "facts")
    found = [(a, set(b), c, d) for a, b, c, d in grouped.select(*columns).collect()]
    return sorted(found, key=lambda group: (group[3], sorted(group[1])))


@pytest.mark.parametrize("method", [QUICK, SURE])
def test_users_of_different_hashes_are_groups_of_their_own(
    spark: SparkSession, method: Method
) -> None:
    facts = ["ann", "zoe", "zoe", "fay", "fay", "fay"]
    assert groups(spark, facts, ["ann", "bob", "fay"], method) == [
        (True, set(), False, 1),
        (None, {"zoe"}, False, 2),
        (False, set(), False, 3),
    ]


@pytest.mark.parametrize(
    ("facts", "signed_up", "expected"),
    [
        # A customer without facts is not taken for the owner of an orphan's.
        (["zoe"], ["ann"], (None, {"zoe"}, False, 1)),
        (["ann", "zoe"], ["ann"], (True, {"zoe"}, True, 2)),
        (["zoe", "fay"], ["fay"], (False, {"zoe"}, True, 2)),
        (["zoe", "yan", "yan"], ["ann"], (None, {"yan", "zoe"}, True, 3)),
        (["zoe", "yan"], [], (None, {"yan", "zoe"}, True, 2)),
    ],
)
def test_a_group_of_users_who_share_a_hash_says_so(
    spark: SparkSession,
    monkeypatch: pytest.MonkeyPatch,
    facts: list[str],
    signed_up: list[str],
    expected: Group,
) -> None:
    monkeypatch.setattr(user_key, "hash_of", seven)
    assert groups(spark, facts, signed_up, QUICK) == [expected]
    told_apart = groups(spark, facts, signed_up, SURE)
    assert len(told_apart) == len(set(facts))
    assert not any(is_mixed for _, __, is_mixed, ___ in told_apart)


def test_equal_hashes_of_keys_are_taken_for_duplicates_and_null_is_none(
    spark: SparkSession,
) -> None:
    rows = spark.createDataFrame(
        [("ann", 1), ("ann", 2), ("bob", 1), ("bob", 1), ("fay", None), ("fay", None)],
        "user_id string, key_hash bigint",
    )
    measure = user_key.duplicates_measure(rows)
    found = rows.groupBy("user_id").agg(measure).orderBy("user_id").collect()
    assert [row["has_duplicates"] for row in found] == [False, True, False]


def test_compared_rows_say_themselves_whether_they_have_duplicates(spark: SparkSession) -> None:
    rows = spark.createDataFrame(
        [("ann", 1, False), ("ann", 1, False), ("bob", 1, False), ("bob", 2, True)],
        "user_id string, key_hash bigint, has_duplicates boolean",
    )
    measure = user_key.duplicates_measure(rows)
    found = rows.groupBy("user_id").agg(measure).orderBy("user_id").collect()
    assert [row["has_duplicates"] for row in found] == [False, True]
    plain = rows.select("user_id")
    nothing = plain.groupBy("user_id").agg(user_key.duplicates_measure(plain)).collect()
    assert [row["has_duplicates"] for row in nothing] == [False, False]
