"""The staging tables as they are delivered."""

from datetime import datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from scripts.generating.chance import chance
from scripts.generating.customers import customers, visitors, visits
from scripts.generating.defects import (
    DEFECTS,
    FACT_DEFECTS,
    PAYMENT_DEFECTS,
    PURCHASE_DEFECTS,
    SIGNUP_SENT_AGAIN,
    delivered,
)
from scripts.generating.events import anonymous_events, touches, visit_events
from scripts.generating.games import stg_games
from scripts.generating.payments import deposits, purchases


def stg_signups(customers: DataFrame, seed: int, as_of: datetime) -> DataFrame:
    """One row per delivered signup."""
    rows = customers.select(
        F.col("user_id").alias("key"), F.col("signup").alias("time"), "country"
    )
    roll = chance(seed, "signup defect", "key")
    return delivered(rows, roll, as_of, DEFECTS, SIGNUP_SENT_AGAIN).select(
        F.col("key").alias("user_id"),
        F.timestamp_millis("time").alias("signup_timestamp"),
        "country",
    )


def stg_deposits(visits: DataFrame, seed: int, as_of: datetime) -> DataFrame:
    """One row per delivered deposit, in minor units."""
    roll = chance(seed, "deposit defect", "key")
    rows = visits.transform(deposits, seed)
    return delivered(rows, roll, as_of, PAYMENT_DEFECTS).select(
        F.col("key").alias("deposit_id"),
        "user_id",
        F.timestamp_millis("time").alias("deposit_timestamp"),
        F.col("amount").alias("deposit_amount_minor"),
    )


def stg_ticket_purchases(visits: DataFrame, seed: int, as_of: datetime) -> DataFrame:
    """One row per delivered ticket purchase, in US dollars."""
    roll = chance(seed, "purchase defect", "key")
    rows = visits.transform(purchases, seed)
    return delivered(rows, roll, as_of, PURCHASE_DEFECTS).select(
        F.col("key").alias("purchase_id"),
        "user_id",
        "game_id",
        F.timestamp_millis("time").alias("purchase_timestamp"),
        F.col("amount").cast("decimal(18,2)").alias("purchase_amount_usd"),
    )


def stg_web_events(
    customers: DataFrame, visits: DataFrame, seed: int, as_of: datetime
) -> DataFrame:
    """One row per delivered web event; an anonymous one has no user_id."""
    roll = chance(seed, "event defect", "key")
    rows = (
        visits.transform(visit_events, seed)
        .unionByName(customers.transform(touches, seed))
        .unionByName(customers.select("id").transform(anonymous_events, seed, as_of))
    )
    return delivered(rows, roll, as_of, FACT_DEFECTS).select(
        F.col("key").alias("event_id"),
        "user_id",
        F.timestamp_millis("time").alias("event_timestamp"),
        "utm_campaign",
    )


def staging_tables(
    ids: DataFrame, games: DataFrame, seed: int, as_of: datetime
) -> dict[str, DataFrame]:
    """The tables by name, from a range of customer ids and a range of game numbers."""
    signed_up = customers(ids, seed, as_of)
    came = visits(visitors(signed_up, seed, as_of), seed)
    return {
        "stg_signups": stg_signups(signed_up, seed, as_of),
        "stg_deposits": stg_deposits(came, seed, as_of),
        "stg_ticket_purchases": stg_ticket_purchases(came, seed, as_of),
        "stg_web_events": stg_web_events(signed_up, came, seed, as_of),
        "stg_games": stg_games(games, seed),
    }
