"""Ticket purchases per customer."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window

from customer_mart.durations import MICROSECONDS_PER_DAY, microseconds_between
from customer_mart.staging.dispositions import HAS_DUPLICATES

SPEND_DAYS = (7, 30, 90)


def purchases_per_customer(
    purchases: DataFrame,
    signups: DataFrame,
    games: DataFrame,
    high_jackpot_threshold_minor: int,
) -> DataFrame:
    """One row per user with a purchase, orphans included.

    purchases: the used rows of stg_ticket_purchases, partitioned by user_id.
    signups: one row per user; games: one row per game. Amounts are in US dollars.
    """
    # Signups are the small side of every partition: hashing them spares a sort of the facts.
    known = purchases.join(signups.hint("shuffle_hash"), on="user_id", how="left")
    timed = known.transform(_with_gaps).withColumn(
        "since_signup", microseconds_between("signup_timestamp", "purchase_timestamp")
    )
    per_game = timed.transform(_per_game)
    # Games are few; joined after the grouping they meet a fraction of the rows.
    played = per_game.join(
        F.broadcast(_with_high_jackpot(games, high_jackpot_threshold_minor)),
        on="game_id",
        how="left",
    )
    return played.transform(_per_customer)


def _with_gaps(purchases: DataFrame) -> DataFrame:
    """One row per purchase with the time of the same customer's purchase before it."""
    window = Window.partitionBy("user_id").orderBy("purchase_timestamp")
    previous = F.lag("purchase_timestamp").over(window)
    with_previous = purchases.withColumn("previous_timestamp", previous)
    gap = microseconds_between("previous_timestamp", "purchase_timestamp")
    # In time order, a purchase opens a new day unless the one before fell on the same day.
    is_same_day = F.to_date("previous_timestamp") == F.to_date("purchase_timestamp")
    opens_day = F.when(is_same_day, F.lit(0)).otherwise(F.lit(1))
    return with_previous.withColumns({"gap": gap, "opens_day": opens_day})


def _with_high_jackpot(games: DataFrame, threshold_minor: int) -> DataFrame:
    """One row per game: whether its jackpot estimate reaches the threshold."""
    is_high = F.coalesce(F.col("jackpot_estimate_minor") >= threshold_minor, F.lit(False))
    return games.select("game_id", is_high.alias("is_high_jackpot"))


def _per_game(purchases: DataFrame) -> DataFrame:
    """One row per user and game; a second, cheap grouping then counts distinct games.

    A `count(distinct)` beside the sums would expand every purchase into several rows.
    """
    return purchases.groupBy("user_id", "game_id").agg(
        F.count(F.lit(1)).alias("purchases"),
        F.sum("purchase_amount_usd").alias("amount_usd"),
        F.min("purchase_timestamp").alias("first_timestamp"),
        F.max("purchase_timestamp").alias("last_timestamp"),
        F.max("gap").alias("longest_gap"),
        F.sum("opens_day").alias("days"),
        *(F.sum(_within(days)).alias(f"spend_{days}") for days in SPEND_DAYS),
        F.count_if(F.col("since_signup") < 0).alias("before_signup"),
        F.bool_or("is_signed_up").alias("is_signed_up"),
        F.bool_or(HAS_DUPLICATES).alias(HAS_DUPLICATES),
    )


def _within(days: int) -> Column:
    """A purchase's amount when it fell in [signup, signup + days), else NULL."""
    since_signup = F.col("since_signup")
    is_within = (since_signup >= 0) & (since_signup < days * MICROSECONDS_PER_DAY)
    return F.when(is_within, F.col("purchase_amount_usd"))


def _per_customer(played: DataFrame) -> DataFrame:
    """One row per user, from one row per user and game."""
    is_high = F.col("is_high_jackpot")
    high_spend = F.coalesce(F.sum(F.when(is_high, F.col("amount_usd"))), F.lit(0))
    spends = {days: F.coalesce(F.sum(f"spend_{days}"), F.lit(0)) for days in SPEND_DAYS}
    unknown = F.when(F.col("is_high_jackpot").isNull(), F.col("purchases"))
    return played.groupBy("user_id").agg(
        F.bool_or("is_signed_up").alias("is_signed_up"),
        F.sum("purchases").alias("total_purchases"),
        _usd(F.sum("amount_usd")).alias("total_purchase_amount_usd"),
        F.min("first_timestamp").alias("first_purchase_timestamp"),
        F.max("last_timestamp").alias("last_purchase_timestamp"),
        F.count("game_id").alias("unique_games_played"),
        F.count_if(is_high).alias("high_jackpot_games_played"),
        _usd(high_spend).alias("high_jackpot_spend_usd"),
        F.max("longest_gap").alias("longest_purchase_gap"),
        F.sum("days").alias("purchase_days"),
        *(_usd(spend).alias(f"spend_first_{days}_days_usd") for days, spend in spends.items()),
        F.sum("before_signup").alias("purchases_before_signup"),
        F.coalesce(F.sum(unknown), F.lit(0)).alias("purchases_of_unknown_games"),
        F.bool_or(HAS_DUPLICATES).alias(HAS_DUPLICATES),
    )


def _usd(amount: Column) -> Column:
    """A sum of dollars in the mart's type; an overflow is an error in ANSI mode."""
    return amount.cast("decimal(28,2)")
