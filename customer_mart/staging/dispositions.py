"""What becomes of a delivered row: used, or set aside for exactly one reason.

A row meets the questions in this order, and the first that applies decides: is it stamped at
or after the as-of instant (then it does not exist yet), does it break a rule of its contract,
is it an anonymous visitor's, is it a duplicate, is its user unknown.
"""

from datetime import datetime

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window

from customer_mart.contracts import Contract
from customer_mart.staging.user_key import HAS_DUPLICATES, KEY_HASH, USER_HASH, hash_of_key

DISPOSITION = "disposition"
# Which rows of a key do not compete, where that is told by more than what has become of them.
APART = "apart"
# Whether the first of the rows that compete for a row's key is another user's.
IS_ANOTHERS = "is_anothers"

USED = "used"
NOT_YET = "not_yet"
ANONYMOUS = "anonymous"
DEDUPLICATED = "deduplicated"
DUPLICATE_KEY = "DUPLICATE_KEY"
ORPHAN_USER = "ORPHAN_USER"


def early_dispositions(table: Contract) -> list[str]:
    """What a row of the table can become by its own values alone, other than used."""
    reasons = [rule.name for rule in table.rules_of("quarantine")]
    return [NOT_YET, *reasons, *([ANONYMOUS] if _anonymous_column(table) else [])]


def with_early_disposition(
    rows: DataFrame, table: Contract, as_of: datetime, rule_values: dict[str, str]
) -> DataFrame:
    """One row per delivered row, with what its own values make of it."""
    decided = F.when(F.lit(False), F.lit(None).cast("string"))
    event_time = table.tagged("event_time")
    if event_time:
        decided = decided.when(F.col(event_time) >= F.lit(as_of), F.lit(NOT_YET))
    for rule in table.rules_of("quarantine"):
        decided = decided.when(F.expr(rule.sql(rule_values)), F.lit(rule.name))
    anonymous = _anonymous_column(table)
    if anonymous:
        decided = decided.when(F.col(anonymous).isNull(), F.lit(ANONYMOUS))
    return rows.withColumn(DISPOSITION, decided.otherwise(F.lit(USED)))


def with_duplicates(
    rows: DataFrame, table: Contract, *, as_delivered: Column | None = None
) -> DataFrame:
    """One row per given row, with what its key makes of those that were used so far.

    Of the rows of one key, whosever they are, the earliest is used, ties by the remaining columns.
    A row equal to another in every column is its redelivery; one that differs conflicts.

    as_delivered: what tells rows apart that are equal in every column of the contract, where it
    matters which of them is kept.
    """
    is_candidate = F.col(DISPOSITION) == USED
    is_redelivery = is_candidate & (F.col("key_number") > F.col("key_rank"))
    is_conflict = is_candidate & (F.col("key_rank") > 1)
    duplicate = F.when(is_redelivery, F.lit(DEDUPLICATED)).when(is_conflict, F.lit(DUPLICATE_KEY))
    kept = [name for name in rows.columns if name != DISPOSITION]
    return rows.transform(_in_order_of_key, table, as_delivered).select(
        *kept,
        F.coalesce(duplicate, F.col(DISPOSITION)).alias(DISPOSITION),
        F.col("key_next").isNotNull().alias(HAS_DUPLICATES),
        IS_ANOTHERS,
    )


def _in_order_of_key(rows: DataFrame, table: Contract, as_delivered: Column | None) -> DataFrame:
    """The same rows, each with its place among those that compete for its key."""
    order = _content_order(table)
    # Rows whose key is their user are partitioned by the user's hash where they have one.
    by_user = [USER_HASH] if table.is_by_user and USER_HASH in rows.columns else []
    # Only like rows compete: one that is set aside already takes no key.
    apart = APART if APART in rows.columns else DISPOSITION
    # A sort compares numbers first: the hash of the key decides nearly always.
    window = Window.partitionBy(KEY_HASH, *by_user, *table.key, apart).orderBy(*order)
    # Rows equal in every column share a rank, and only the first of them has it as its number.
    numbered = window if as_delivered is None else window.orderBy(*order, as_delivered)
    is_own = F.first("user_id").over(window).eqNullSafe(F.col("user_id"))
    return rows.withColumn(KEY_HASH, hash_of_key(table.key)).withColumns(
        {
            "key_number": F.row_number().over(numbered),
            "key_rank": F.rank().over(window),
            "key_next": F.lead(F.lit(1)).over(window),
            IS_ANOTHERS: ~is_own if table.has_user else F.lit(False),
        }
    )


def with_user_disposition(rows: DataFrame, signups: DataFrame) -> DataFrame:
    """One row per given row, with what its user's signup makes of those that were used so far.

    signups: one row per user; `is_signed_up` tells whether the signup lies before the as-of.
    """
    states = signups.select("user_id", "is_signed_up")
    known = rows.join(states, on="user_id", how="left")
    by_user = F.when(F.col(DISPOSITION) == USED, user_disposition("is_signed_up"))
    final = F.coalesce(by_user, F.col(DISPOSITION))
    return known.withColumn(DISPOSITION, final).drop("is_signed_up")


def user_disposition(is_signed_up: str) -> Column:
    """What a user's signup makes of the user's facts; without one they are orphans."""
    signed_up = F.col(is_signed_up)
    return (
        F.when(signed_up, F.lit(USED))
        .when(~signed_up, F.lit(NOT_YET))
        .when(signed_up.isNull(), F.lit(ORPHAN_USER))
    )


def _anonymous_column(table: Contract) -> str | None:
    """The user's column, where the contract allows it to be NULL."""
    return next(
        (c.name for c in table.columns if "user" in c.tags and not c.required),
        None,
    )


def _content_order(table: Contract) -> list[Column]:
    """Every column but the key, the event's time first: a total order up to equal rows."""
    event_time = table.tagged("event_time")
    rest = [name for name in table.column_names if name not in table.key]
    ordered = sorted(rest, key=lambda name: name != event_time)
    return [F.col(name).asc_nulls_last() for name in ordered] or [F.lit(True).asc()]
