"""Who signs up, what brought them, and when they come back."""

from datetime import datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from scripts.generating.chance import chance, long_tail, numbers, pick, value_of
from scripts.generating.seasons import (
    DAY,
    HISTORY,
    MINUTE,
    MONTH,
    at_busy_times,
    extract_span,
    growing,
)

# The operator sells from Europe, whose evenings are close to UTC's. What the shares leave
# over has no country.
COUNTRIES = {
    "GB": 0.26, "DE": 0.15, "IE": 0.09, "ES": 0.08, "NL": 0.07, "SE": 0.06, "CA": 0.06,
    "US": 0.05, "PT": 0.05, "ZA": 0.05, "BR": 0.04, "FI": 0.03, " ": 0.004,
}  # fmt: skip
CHANNELS = {"search_brand": 0.45, "social_video": 0.33, "affiliate_jackpot": 0.22}
# Brand search brings players who stay busy, affiliates those who chase a jackpot.
PACES = {"search_brand": 1.25, "social_video": 0.7, "affiliate_jackpot": 0.95}
APPETITES = {"search_brand": 0.3, "social_video": 0.2, "affiliate_jackpot": 0.6}
# What the shares leave over never comes back after signing up.
KINDS = {"player": 0.65, "depositor": 0.04, "browser": 0.14}

MEDIAN_PACE, MAX_PACE = 2.3, 90.0  # visits a month of a player
IDLE_PACE = 0.4  # of those who never buy
MEDIAN_DELAY = 2.5 * DAY  # from signup to the first visit
MEAN_INTEREST = 120 * DAY  # from the first visit until a player churns, if ever
LOYAL = 0.22
MAX_VISITS = 3_000  # keeps one heavy player from holding up a task
MEDIAN_LINES, MAX_LINES = 0.8, 60.0  # per purchase
MEDIAN_FAVOURITES, MAX_FAVOURITES = 1.6, 12.0  # games


def customers(ids: DataFrame, seed: int, as_of: datetime) -> DataFrame:
    """One row per id: who signed up when and where, what brought them, and their habits.

    `pace` is in visits per month, `lines` in ticket lines per purchase, `topup_every` in visits
    per deposit; `appetite` is the chance to prefer the running jackpot at its peak.
    """
    pace = long_tail(chance(seed, "pace", "id"), value_of("channel", PACES) * MEDIAN_PACE, 1.05)
    lines = long_tail(chance(seed, "lines", "id"), MEDIAN_LINES, 2.1)
    favourites = long_tail(chance(seed, "favourites", "id"), MEDIAN_FAVOURITES, 1.6)
    appetite = value_of("channel", APPETITES) + chance(seed, "appetite", "id") * 0.3
    signups = at_busy_times(ids, seed, "signup", ["id"], extract_span(as_of), spread=growing)
    return signups.select(
        "id",
        F.format_string("u%010d", "id").alias("user_id"),
        F.col("time").alias("signup"),
        pick(chance(seed, "country", "id"), COUNTRIES).alias("country"),
        pick(chance(seed, "channel", "id"), CHANNELS).alias("channel"),
        pick(chance(seed, "kind", "id"), KINDS).alias("kind"),
    ).select(
        "*",
        F.least(pace, F.lit(MAX_PACE)).alias("pace"),
        F.least(lines, F.lit(MAX_LINES)).alias("lines"),
        F.ceil(F.least(favourites, F.lit(MAX_FAVOURITES))).alias("favourites"),
        appetite.alias("appetite"),
        F.floor(chance(seed, "topup", "id") * 8 + 3).alias("topup_every"),
    )


def visitors(customers: DataFrame, seed: int, as_of: datetime) -> DataFrame:
    """One row per customer who came back: with `first` and `last`, between which they visit."""
    _, extract = extract_span(as_of)
    delay = long_tail(chance(seed, "delay", "id"), MEDIAN_DELAY, 0.8)
    first = F.col("signup") + 3 * MINUTE + F.least(delay, F.lit(float(HISTORY)))
    interest = F.log(1 - chance(seed, "interest", "id")) * -MEAN_INTEREST
    is_loyal = chance(seed, "loyal", "id") < LOYAL
    last = F.when(is_loyal, extract).otherwise(F.least(F.col("first") + interest, extract))
    return (
        customers.filter(F.col("kind").isNotNull())
        .withColumn("first", first.cast("bigint"))
        .filter(F.col("first") < extract)
        .withColumn("last", last)
    )


def visits(visitors: DataFrame, seed: int) -> DataFrame:
    """One row per (id, visit); visit 1 is the earliest."""
    pace = F.when(F.col("kind") == "player", F.col("pace")).otherwise(IDLE_PACE)
    months = (F.col("last") - F.col("first")) / MONTH
    later_visits = F.floor(pace * months + chance(seed, "later", "id"))
    count = F.least(later_visits + 1, F.lit(MAX_VISITS))
    end = F.when(F.col("visit") > 1, F.col("last")).otherwise(F.col("first"))
    rows = visitors.withColumn("visit", numbers(count))
    return at_busy_times(rows, seed, "visit", ["id", "visit"], (F.col("first"), end))
