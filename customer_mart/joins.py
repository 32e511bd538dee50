"""Joins of many rows with what is small as a rule: users in doubt, users who were touched."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

# Up to so many rows the small side goes to the others, whole, and these through no exchange.
MOST_BROADCAST = 1_000_000


def small_side(rows: DataFrame, number: int) -> DataFrame:
    """The small side of a join, so marked that the engine does not have to guess its size.

    number: of its rows. Too many to be sent to every task are hashed partition by partition.
    """
    return F.broadcast(rows) if number <= MOST_BROADCAST else rows.hint("shuffle_hash")
