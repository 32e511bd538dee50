"""Draws that are the same whatever the partitioning: hashes of (seed, attribute, row)."""

from collections.abc import Mapping

from pyspark.sql import Column
from pyspark.sql import functions as F


def chance(seed: int, attribute: str, *row: str | Column) -> Column:
    """Uniform in [0, 1), fixed by the seed, the attribute's name and the row's columns."""
    bits = F.xxhash64(F.lit(seed).cast("bigint"), F.lit(attribute), *row)
    return F.shiftrightunsigned(bits, 11) * F.lit(2.0**-53)


def long_tail(roll: Column, median: float | Column, shape: float) -> Column:
    """Log-logistic: the given median, and a Pareto tail that is heavier for a smaller shape."""
    return F.pow(roll / (1 - roll), F.lit(1 / shape)) * median


def pick(roll: Column, shares: Mapping[str, float]) -> Column:
    """The name in whose share of [0, 1) the roll falls; NULL past the last share."""
    bounds = [sum(list(shares.values())[: n + 1]) for n in range(len(shares))]
    branches = zip(shares, bounds, strict=True)
    return F.coalesce(*(F.when(roll < bound, name) for name, bound in branches))


def value_of(name: str, values: Mapping[str, float]) -> Column:
    """The number that stands for the name in a column."""
    return F.coalesce(*(F.when(F.col(name) == key, value) for key, value in values.items()))


def nth(values: tuple[float | str, ...], position: Column) -> Column:
    """The value at a position counted from 0, a fraction as a decimal; NULL outside."""
    # A tuple reads the same in SQL; a literal each would cost a call to the JVM each.
    return F.get(F.expr(f"array{values}"), position.cast("int"))


def numbers(count: Column) -> Column:
    """A row each for 1, 2, ... up to the count; none when it is 0."""
    return F.explode(F.when(count > 0, F.sequence(F.lit(1), count.cast("int"))))
