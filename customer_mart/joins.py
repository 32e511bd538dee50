"""Joins of many rows with what is small as a rule: users in doubt, users who were touched."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

# Up to so many users, by their ids, go to the rows, whole, and these through no exchange. One
# job may have ten such joins at a time.
MOST_IDS = 250_000


def small_side(rows: DataFrame, number: int, most: int | None = None) -> DataFrame:
    """The small side of a join, so marked that the engine does not have to guess its size.

    number: of its rows. More than the most, MOST_IDS unless told, are hashed by partition.
    """
    limit = MOST_IDS if most is None else most
    return F.broadcast(rows) if number <= limit else rows.hint("shuffle_hash")
