"""Web events: touches before signup, visits, and visitors nobody knows."""

from collections.abc import Sequence
from datetime import datetime

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from scripts.generating.chance import chance, long_tail, numbers, pick
from scripts.generating.customers import CHANNELS
from scripts.generating.seasons import DAY, MINUTE, at_busy_times, extract_span, growing

SEEN = 0.6  # the share of visits that leave a web event
MAX_TOUCHES = 3  # identified events before signup
ANONYMOUS_EVENTS = 13  # per customer
CAMPAIGN_TRAIL = 20 * DAY  # how long a quarter's campaign is still clicked after it
TOUCH_CAMPAIGNS, VISIT_CAMPAIGNS, ANONYMOUS_CAMPAIGNS = 0.9, 0.15, 0.35


def campaign(seed: int, row: Sequence[str], share: float, channel: Column) -> Column:
    """The campaign that brought an event: the channel's of the quarter, which trails a little."""
    trail = chance(seed, "trail", *row) * CAMPAIGN_TRAIL
    booked = F.timestamp_millis((F.col("time") - trail).cast("bigint"))
    name = F.format_string("%d_q%d_%s", F.year(booked), F.quarter(booked), channel)
    return F.when(chance(seed, "campaign", *row) < share, name)


def touches(customers: DataFrame, seed: int) -> DataFrame:
    """One row per identified event before signup (key), mostly from the customer's channel."""
    row = ["id", "touch"]
    count = F.floor(chance(seed, "touches", "id") * (MAX_TOUCHES + 1))
    ahead = F.least(long_tail(chance(seed, "ahead", *row), 0.5 * DAY, 0.9), F.lit(30.0 * DAY))
    return (
        customers.filter(F.col("kind").isNotNull())
        .withColumn("touch", numbers(count))
        .withColumn("time", (F.col("signup") - MINUTE - ahead).cast("bigint"))
        .select(
            F.format_string("e%010d-t%d", *row).alias("key"),
            "user_id",
            "time",
            campaign(seed, row, TOUCH_CAMPAIGNS, F.col("channel")).alias("utm_campaign"),
        )
    )


def visit_events(visits: DataFrame, seed: int) -> DataFrame:
    """One row per identified event (key), just before the visit it belongs to."""
    row = ["id", "visit"]
    landed = F.col("time") - chance(seed, "landing", *row) * 2 * MINUTE
    channel = pick(chance(seed, "visit channel", *row), CHANNELS)
    return (
        visits.filter(chance(seed, "seen", *row) < SEEN)
        .withColumn("time", landed.cast("bigint"))
        .select(
            F.format_string("e%010d-v%04d", *row).alias("key"),
            "user_id",
            "time",
            campaign(seed, row, VISIT_CAMPAIGNS, channel).alias("utm_campaign"),
        )
    )


def anonymous_events(ids: DataFrame, seed: int, as_of: datetime) -> DataFrame:
    """One row per event (key) of a visitor nobody knows: a fixed number of them per customer."""
    row = ["id", "event"]
    channel = pick(chance(seed, "anonymous channel", *row), CHANNELS)
    events = ids.withColumn("event", numbers(F.lit(ANONYMOUS_EVENTS)))
    return at_busy_times(events, seed, "event", row, extract_span(as_of), spread=growing).select(
        F.format_string("e%010d-a%02d", *row).alias("key"),
        F.lit(None).cast("string").alias("user_id"),
        "time",
        campaign(seed, row, ANONYMOUS_CAMPAIGNS, channel).alias("utm_campaign"),
    )
