"""The data sets: what the customers of a lottery operator did, by hash and so repeatable.

Clean on purpose: no orphans, no bad amounts, and duplicates only where they are asked for, so that
every contender has the same rows to use. A few rows are stamped at or after the as-of instant, and
nobody may use them.
"""

import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

AS_OF = datetime(2025, 1, 1, tzinfo=timezone.utc)

CUSTOMERS = 1_000_000
DEPOSITS = 5_000_000
PURCHASES = 20_000_000
WEB_EVENTS = 30_000_000
GAMES = 200
BYTES_PER_FACT = 20  # in Parquet, all sources together

FIRST_MICROS = 1_672_531_200_000_000  # 2023-01-01
# 731 days until the as-of instant and one after it, in milliseconds.
HISTORY_MILLIS = 732 * 86_400_000
COUNTRIES = ("UK", "DE", "FR", "IE", "ES")
CAMPAIGNS = 60
IDENTIFIED = 0.6
FROM_CAMPAIGN = 0.4
# The others never do anything.
ACTIVE = 0.75
HEAVY_BUYER_SHARE = 0.3
REDELIVERED = 0.005

# More files than cores, fewer than tasks: neither Spark nor DuckDB waits for a single file.
FILES = 8
STEPS = 1 << 31


class SpaceError(Exception):
    """A disk that is too small for a data set, in one sentence."""


@dataclass(frozen=True)
class DataSet:
    """How many rows each source has.

    With a heavy buyer, one customer holds 30 % of purchases. With redeliveries, one fact in two
    hundred is there once more, beyond these numbers.
    """

    customers: int
    deposits: int
    purchases: int
    web_events: int
    has_heavy_buyer: bool = False
    has_redeliveries: bool = False

    @property
    def facts(self) -> int:
        return self.deposits + self.purchases + self.web_events

    @property
    def name(self) -> str:
        """The folder's name: the same rows have the same."""
        return f"{self.used}_redelivered" if self.has_redeliveries else self.used

    @property
    def used(self) -> str:
        """The rows that are left of it without duplicates: of the same, results are the same."""
        suffix = "_heavy_buyer" if self.has_heavy_buyer else ""
        return f"customers_{self.customers}_facts_{self.facts}{suffix}"


def data_set(scale: float, *, has_heavy_buyer: bool = False) -> DataSet:
    """The data set of a scale: below 1 fewer customers, above 1 more facts for the same ones."""
    return DataSet(
        round(CUSTOMERS * min(scale, 1)),
        round(DEPOSITS * scale),
        round(PURCHASES * scale),
        round(WEB_EVENTS * scale),
        has_heavy_buyer,
    )


def doubled(base: DataSet) -> DataSet:
    """Twice the facts over the same customers."""
    return DataSet(base.customers, 2 * base.deposits, 2 * base.purchases, 2 * base.web_events)


def redelivered(base: DataSet) -> DataSet:
    """The same rows, some of the facts delivered twice."""
    return replace(base, has_redeliveries=True)


def chance(salt: str) -> Column:
    """A number in [0, 1) for each id, another one for each salt."""
    return F.pmod(F.xxhash64(F.lit(salt), "id"), F.lit(STEPS)) / STEPS


def up_to(salt: str, bound: int) -> Column:
    """A whole number in [0, bound) for each id."""
    return F.pmod(F.xxhash64(F.lit(salt), "id"), F.lit(bound))


def user_id(number: Column) -> Column:
    return F.format_string("user_%09d", number.cast("bigint"))


def actor(salt: str, customers: int) -> Column:
    """The user of a fact: the square makes the first customers the busiest."""
    return user_id(F.floor(F.pow(chance(salt), 2) * round(customers * ACTIVE)))


def instant(salt: str) -> Column:
    return F.timestamp_micros(F.lit(FIRST_MICROS) + up_to(salt, HISTORY_MILLIS) * 1_000)


def stg_signups(ids: DataFrame) -> DataFrame:
    """One row per customer; one in six has no country."""
    names = F.array(*map(F.lit, COUNTRIES))
    return ids.select(
        user_id(F.col("id")).alias("user_id"),
        instant("signup").alias("signup_timestamp"),
        F.get(names, up_to("country", len(COUNTRIES) + 1).cast("int")).alias("country"),
    )


def stg_deposits(ids: DataFrame, depositor: Column) -> DataFrame:
    """One row per deposit, in minor units."""
    return ids.select(
        F.format_string("d%012d", "id").alias("deposit_id"),
        depositor.alias("user_id"),
        instant("deposit").alias("deposit_timestamp"),
        up_to("deposit amount", 10_000).alias("deposit_amount_minor"),
    )


def buyers(rows: DataSet) -> Column:
    """The user of a purchase."""
    buyer = actor("buyer", rows.customers)
    if not rows.has_heavy_buyer:
        return buyer
    return F.when(chance("heavy") < HEAVY_BUYER_SHARE, user_id(F.lit(0))).otherwise(buyer)


def visitors(rows: DataSet) -> Column:
    """The user of a web event, NULL for an anonymous one."""
    return F.when(chance("identified") < IDENTIFIED, actor("visitor", rows.customers))


def stg_ticket_purchases(ids: DataFrame, buyer: Column) -> DataFrame:
    """One row per ticket purchase, in US dollars."""
    cents = up_to("purchase amount", 10_000)
    return ids.select(
        F.format_string("p%012d", "id").alias("purchase_id"),
        buyer.alias("user_id"),
        F.format_string("g%03d", up_to("game", GAMES)).alias("game_id"),
        instant("purchase").alias("purchase_timestamp"),
        (cents / 100).cast("decimal(18,2)").alias("purchase_amount_usd"),
    )


def stg_web_events(ids: DataFrame, visitor: Column) -> DataFrame:
    """One row per web event; 40 % come from a campaign."""
    campaign = F.format_string("campaign_%02d", up_to("campaign", CAMPAIGNS))
    return ids.select(
        F.format_string("e%012d", "id").alias("event_id"),
        visitor.alias("user_id"),
        instant("event").alias("event_timestamp"),
        F.when(chance("from campaign") < FROM_CAMPAIGN, campaign).alias("utm_campaign"),
    )


def stg_games(ids: DataFrame) -> DataFrame:
    """One row per game; the upper half is high-jackpot, the first of it at the very threshold."""
    return ids.select(
        F.format_string("g%03d", "id").alias("game_id"),
        F.format_string("Game %03d", "id").alias("game_name"),
        (F.col("id") * 10_000).alias("jackpot_estimate_minor"),
    )


def source_tables(spark: SparkSession, rows: DataSet) -> Iterator[tuple[str, DataFrame]]:
    """The sources by name."""

    def ids(count: int, files: int = FILES) -> DataFrame:
        return spark.range(0, count, 1, files)

    def delivered(count: int) -> DataFrame:
        once = ids(count)
        again = once.where(chance("redelivered") < REDELIVERED)
        return once.union(again) if rows.has_redeliveries else once

    depositor = actor("depositor", rows.customers)
    yield "stg_signups", ids(rows.customers).transform(stg_signups)
    yield "stg_deposits", delivered(rows.deposits).transform(stg_deposits, depositor)
    yield (
        "stg_ticket_purchases",
        delivered(rows.purchases).transform(stg_ticket_purchases, buyers(rows)),
    )
    yield "stg_web_events", delivered(rows.web_events).transform(stg_web_events, visitors(rows))
    yield "stg_games", ids(GAMES, files=1).transform(stg_games)


def write_sources(
    spark: SparkSession, rows: DataSet, folder: Path, file_format: str = "parquet"
) -> None:
    """Writes every source below the folder; it gets its name only once it is complete."""
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    for name, table in source_tables(spark, rows):
        table.write.format(file_format).save(str(partial / name))
    partial.rename(folder)


def require_space(rows: DataSet, folder: Path) -> None:
    """Refuses a data set that would fill the disk, outputs and shuffles included.

    Raises:
        SpaceError: if less is free than six times the data set.
    """
    folder.mkdir(parents=True, exist_ok=True)
    needed, free = 6 * rows.facts * BYTES_PER_FACT, shutil.disk_usage(folder).free
    if free < needed:
        raise SpaceError(
            f"The data set {rows.name} needs {needed / 1e9:.1f} GB of disk with what is made of "
            f"it, and {free / 1e9:.1f} GB are free in {folder}"
        )


def described(rows: DataSet) -> dict[str, int | bool]:
    """The data set as JSON holds it."""
    return asdict(rows)
