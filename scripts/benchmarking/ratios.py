"""Medians and spreads, and the ratios that have a target."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Spread:
    """The median of repeated measurements with the lowest and the highest."""

    median: float
    lowest: float
    highest: float


@dataclass(frozen=True)
class Target:
    """A ratio of two entries' seconds and what it may be at most, at scale 1."""

    name: str
    numerator: str
    denominator: str
    at_most: float | None = None
    aim: float | None = None

    def is_met(self, ratio: float) -> bool | None:
        """None where there is nothing to meet."""
        return None if self.at_most is None else ratio <= self.at_most


@dataclass(frozen=True)
class Ratio:
    """A target and what was measured; None when one of the two never finished."""

    target: Target
    measured: Spread | None

    def is_met(self, scale: float) -> bool | None:
        """Whether the median meets the target; None where there is none, or at other scales."""
        if self.measured is None or scale != 1:
            return None
        return self.target.is_met(self.measured.median)


# Seconds by repetition, by entry.
Timings = Mapping[str, Mapping[int, float]]

TARGETS: dict[str, tuple[Target, ...]] = {
    "base": (
        Target("dim_customer / plain translation", "dim_customer", "plain", 0.35),
        Target("dim_customer / DuckDB", "dim_customer", "duckdb", 4.0, aim=2.0),
        Target("deduplicated / declared unique", "dim_customer_deduplicated", "dim_customer", 1.6),
        Target("scoring / dim_customer", "customer_ltv_scoring", "dim_customer", 0.15),
        Target("dim_customer / bare scan", "dim_customer", "scan"),
    ),
    "doubled": (
        Target("twice the facts / once", "dim_customer_doubled", "dim_customer", 2.1),
        Target("dim_customer / DuckDB, twice the facts", "dim_customer_doubled", "duckdb_doubled"),
    ),
    "skewed": (
        Target("one heavy buyer / none", "dim_customer_skewed", "dim_customer"),
        Target(
            "adaptive execution off / on, one heavy buyer",
            "dim_customer_skewed_without_aqe",
            "dim_customer_skewed",
        ),
        Target(
            "dim_customer / plain translation, one heavy buyer",
            "dim_customer_skewed",
            "plain_skewed",
        ),
        Target("dim_customer / DuckDB, one heavy buyer", "dim_customer_skewed", "duckdb_skewed"),
    ),
    "redelivered": (
        Target(
            "deduplicated, of redelivered facts / declared unique, of clean ones",
            "dim_customer_redelivered",
            "dim_customer",
            1.6,
        ),
    ),
    "small-driver": (
        Target("2 GB driver / default", "dim_customer_2g", "dim_customer"),
        Target("both tables, 2 GB driver / dim_customer", "customer_mart_2g", "dim_customer"),
    ),
    "incremental": (
        Target("nothing changed / full build", "incremental_unchanged", "customer_mart", 0.05),
        Target("0.1 % touched / full build", "incremental_0.1_percent", "customer_mart", 0.15),
        Target("1 % touched / full build", "incremental_1_percent", "customer_mart", 0.2),
    ),
}


def spread(values: Iterable[float]) -> Spread | None:
    """The spread of the values; None when there are none."""
    listed = list(values)
    return Spread(median(listed), min(listed), max(listed)) if listed else None


def ratio(target: Target, seconds: Timings) -> Ratio:
    """The ratio within each repetition, so that a slow hour of the machine is in both."""
    over, under = seconds.get(target.numerator, {}), seconds.get(target.denominator, {})
    pairs = [over[repetition] / under[repetition] for repetition in over if repetition in under]
    return Ratio(target, spread(pairs))


def ratios(scenario: str, seconds: Timings) -> list[Ratio]:
    """The ratios of a scenario of which both sides took part."""
    return [
        ratio(target, seconds)
        for target in TARGETS[scenario]
        if target.numerator in seconds and target.denominator in seconds
    ]
