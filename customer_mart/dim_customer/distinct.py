"""Distinct values of a customer."""

from pyspark.sql import Column
from pyspark.sql import functions as F


def distinct(values: Column | str) -> Column:
    """The number of distinct values other than NULL, BIGINT; for rows in the order of users.

    In that order a set holds the values of one customer at a time; `count(distinct)` would expand
    every row into several.
    """
    return F.size(F.collect_set(values)).cast("bigint")
