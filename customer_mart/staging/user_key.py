"""What the rows of one user are grouped by: a number in place of the id.

Text is dear to sort: every comparison reads two ids, which often begin alike (`user_00...`). A
64-bit hash of the id is one number, by which Spark sorts without comparing (radix). On 20 M
purchases the stage after the exchange takes about half as long.

Two users may have the same hash. So nothing is taken on trust: a fact belongs to a signup only if
their ids are equal, and a group that holds rows of more than one user says so (`is_mixed`). A run
that meets one stages everything again with the id beside the hash.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

USER_HASH = "user_hash"
KEY_HASH = "key_hash"
# The hashes of a user's keys, where these have not been compared yet.
KEY_HASHES = "key_hashes"
HAS_DUPLICATES = "has_duplicates"
IS_MIXED = "is_mixed"
# The ids of a group's users who have no signup.
ORPHAN_IDS = "orphan_ids"
SIGNUP_USER_ID, ORPHAN_ID = "signup_user_id", "orphan_id"


@dataclass(frozen=True)
class Method:
    """How rows of one user are grouped, and the type in which cents and minor units add up."""

    key: tuple[str, ...]
    cents: str


# Quick unless two users share a hash or a sum exceeds BIGINT, both of which are noticed.
QUICK = Method((USER_HASH,), "bigint")
SURE = Method((USER_HASH, "user_id"), "decimal(20,0)")


def with_user_hash(rows: DataFrame) -> DataFrame:
    """The same rows with the hash of their user."""
    if USER_HASH in rows.columns:
        return rows
    return rows.withColumn(USER_HASH, hash_of(F.col("user_id")))


def hash_of(user_id: Column) -> Column:
    """64 bits of a user's id, BIGINT."""
    return F.xxhash64(user_id)


def hash_of_key(key: Sequence[str]) -> Column:
    """64 bits of a row's own key, BIGINT, of the columns that it is made of."""
    return F.xxhash64(*key)


def exchanged(rows: DataFrame, method: Method) -> DataFrame:
    """The same rows with the hash of their user, those of one user in one partition.

    The hash is computed again behind the exchange, which is cheaper than to carry it through: it
    does not compress.
    """
    user_hash = hash_of(F.col("user_id"))
    by = [user_hash if name == USER_HASH else F.col(name) for name in method.key]
    # The engine takes rows that are exchanged by an expression for exchanged by its alias.
    return rows.repartition(*by).withColumn(USER_HASH, user_hash)


def with_signup(facts: DataFrame, signups: DataFrame, method: Method) -> DataFrame:
    """One row per fact with its user's signup, all NULL for an orphan, whose `orphan_id` is set.

    facts: partitioned by the hash of their user. signups: one row per key of the method.
    """
    ids = with_user_hash(signups).withColumn(SIGNUP_USER_ID, F.col("user_id"))
    customers = ids if "user_id" in method.key else ids.drop("user_id")
    # Signups are the small side of every partition: hashing them spares a sort of the facts.
    known = with_user_hash(facts).join(customers.hint("shuffle_hash"), list(method.key), "left")
    is_theirs = F.coalesce(F.col("user_id") == F.col(SIGNUP_USER_ID), F.lit(False))
    told = [name for name in signups.columns if name not in ("user_id", USER_HASH)]
    return known.withColumns(
        {
            **{name: F.when(is_theirs, F.col(name)) for name in told},
            ORPHAN_ID: F.when(~is_theirs, F.col("user_id")),
        }
    ).drop(SIGNUP_USER_ID)


def per_user(
    facts: DataFrame,
    columns: dict[str, Column],
    measures: Sequence[Column],
    method: Method,
    derived: dict[str, Column] | None = None,
) -> DataFrame:
    """One row per user: the measures, and what every such frame has (`of_user`).

    facts: with their user's signup. columns: what the measures need of each. derived: what they
    need besides, which is computed of the columns once these have been sorted.
    """
    narrow = facts.transform(_side_by_side, columns, method)
    if derived:  # Spark Connect takes no empty set of columns.
        narrow = narrow.withColumns(derived)
    grouped = narrow.groupBy(*method.key).agg(
        F.bool_or("is_signed_up").alias("is_signed_up"),
        F.collect_set(ORPHAN_ID).alias(ORPHAN_IDS),
        duplicates_measure(narrow),
        *([_key_hashes().alias(KEY_HASHES)] if KEY_HASH in narrow.columns else []),
        *measures,
    )
    users = F.size(ORPHAN_IDS) + F.when(F.col("is_signed_up").isNull(), 0).otherwise(1)
    return grouped.withColumn(IS_MIXED, users > 1)


def of_user(method: Method) -> tuple[str, ...]:
    """The columns that say whose a row of per_user is."""
    return (*method.key, "is_signed_up", ORPHAN_IDS, IS_MIXED)


def of_keys(per_customer: DataFrame) -> tuple[str, ...]:
    """The columns of a frame of per_user that say what is known of its users' keys."""
    return (HAS_DUPLICATES, *(name for name in per_customer.columns if name == KEY_HASHES))


def _side_by_side(facts: DataFrame, columns: dict[str, Column], method: Method) -> DataFrame:
    """The columns of every fact, rows of one user side by side.

    Rows are as narrow as they can be, for they are copied to be sorted. In this order they flow
    through one aggregate, a user at a time: Spark cannot hash aggregates of text and of sets.
    """
    marks = [name for name in (HAS_DUPLICATES, KEY_HASH) if name in facts.columns]
    kept = (*method.key, "is_signed_up", ORPHAN_ID, *marks)
    narrow = facts.select(*kept, *(column.alias(name) for name, column in columns.items()))
    return narrow.sortWithinPartitions(*method.key)


def duplicates_measure(rows: DataFrame) -> Column:
    """Over the rows of a group: whether some of them have the same key.

    rows: marked if they have been compared. If not, those that may have duplicates have the hash
    of their key, and equal hashes are taken for equal keys.
    """
    has_duplicates = F.lit(False)
    if HAS_DUPLICATES in rows.columns:
        has_duplicates = F.bool_or(HAS_DUPLICATES)
    elif KEY_HASH in rows.columns:
        has_duplicates = F.size(_key_hashes()) < F.count(KEY_HASH)
    return has_duplicates.alias(HAS_DUPLICATES)


def _key_hashes() -> Column:
    """The different hashes of a group's keys: one set, however often it is asked for."""
    return F.collect_set(KEY_HASH)
