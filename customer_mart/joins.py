"""Joins of many rows with what is small as a rule: users in doubt, users who were touched."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

# Up to so many users, by their ids, go to the rows, whole, and these through no exchange. One
# job may have ten such joins at a time.
MOST_IDS = 250_000


def small_side(rows: DataFrame, number: int) -> DataFrame:
    """The small side of a join, so marked that the engine does not have to guess its size.

    number: of its rows. More than MOST_IDS are hashed by partition.
    """
    return F.broadcast(rows) if number <= MOST_IDS else rows.hint("shuffle_hash")


def flagged(rows: DataFrame, users: DataFrame, number: int, flag: str) -> DataFrame:
    """The same rows with a flag, True for those of the users, else NULL.

    users: one row per user. number: of the users.
    """
    few = small_side(users.withColumn(flag, F.lit(True)), number)
    return rows.join(few, "user_id", "left")
