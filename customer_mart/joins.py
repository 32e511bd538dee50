"""Joins of many rows with what is small as a rule: users in doubt, users who were touched."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

# Up to so many users, by their ids, go to the rows, whole, and these through no exchange. One
# job may have ten such joins at a time.
MOST_IDS = 250_000
# Up to so many, where it is a hash by which they are joined, a number each.
MOST_HASHES = 1_000_000


def are_few(number: int, *, hashed: bool = False) -> bool:
    """Whether so many go to the rows, rather than the rows to them.

    hashed: whether they are joined by a hash, not by ids.
    """
    return number <= (MOST_HASHES if hashed else MOST_IDS)


def small_side(rows: DataFrame, number: int, *, hashed: bool = False) -> DataFrame:
    """The small side of a join, so marked that the engine does not have to guess its size.

    number: of its rows; if these are not few they are hashed by partition.
    """
    return F.broadcast(rows) if are_few(number, hashed=hashed) else rows.hint("shuffle_hash")


def flagged(rows: DataFrame, few: DataFrame, number: int, flag: str) -> DataFrame:
    """The same rows with a flag, True for those whose user, or whose key, is among the few.

    few: a user_id or a key_hash each, one row per value; number of them. The flag is NULL for
    other rows.
    """
    [on] = few.columns
    side = small_side(few.withColumn(flag, F.lit(True)), number, hashed=on != "user_id")
    return rows.join(side, on, "left")
