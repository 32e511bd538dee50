"""Ticket purchases per customer."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window

from customer_mart.dim_customer.distinct import distinct
from customer_mart.durations import MICROSECONDS_PER_DAY, microseconds_between, utc_day
from customer_mart.staging.dispositions import HAS_DUPLICATES
from customer_mart.staging.user_order import BY_USER, USER_HASH, with_user_hash

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
    timed = with_user_hash(purchases).transform(_with_gaps)
    # Signups are the small side of every partition: hashing them keeps the facts in their order.
    known = timed.join(signups.hint("shuffle_hash"), on="user_id", how="left").withColumn(
        "since_signup", microseconds_between("signup_timestamp", "purchase_timestamp")
    )
    high_jackpot = games.transform(_with_high_jackpot, high_jackpot_threshold_minor)
    played = known.join(F.broadcast(high_jackpot), on="game_id", how="left")
    return played.transform(_per_customer)


def _with_gaps(purchases: DataFrame) -> DataFrame:
    """One row per purchase with the time since the same customer's purchase before it."""
    window = Window.partitionBy(*BY_USER).orderBy("purchase_timestamp")
    previous = F.lag("purchase_timestamp").over(window)
    with_previous = purchases.withColumn("previous_timestamp", previous)
    gap = microseconds_between("previous_timestamp", "purchase_timestamp")
    # In time order, a purchase opens a new day unless the one before fell on the same day.
    is_same_day = utc_day("previous_timestamp") == utc_day("purchase_timestamp")
    opens_day = F.when(is_same_day, F.lit(0)).otherwise(F.lit(1))
    return with_previous.withColumns({"gap": gap, "opens_day": opens_day})


def _with_high_jackpot(games: DataFrame, threshold_minor: int) -> DataFrame:
    """One row per game: whether its jackpot estimate reaches the threshold."""
    is_high = F.coalesce(F.col("jackpot_estimate_minor") >= threshold_minor, F.lit(False))
    return games.select("game_id", is_high.alias("is_high_jackpot"))


def _per_customer(played: DataFrame) -> DataFrame:
    """One row per user, from purchases in the order of users.

    In that order the rows stream through one aggregate, a customer at a time.
    """
    is_high = F.col("is_high_jackpot")
    per_customer = played.groupBy(*BY_USER).agg(
        F.bool_or("is_signed_up").alias("is_signed_up"),
        F.count(F.lit(1)).alias("total_purchases"),
        _usd(F.lit(True)).alias("total_purchase_amount_usd"),
        F.min("purchase_timestamp").alias("first_purchase_timestamp"),
        F.max("purchase_timestamp").alias("last_purchase_timestamp"),
        distinct("game_id").alias("unique_games_played"),
        distinct(F.when(is_high, F.col("game_id"))).alias("high_jackpot_games_played"),
        _usd(is_high).alias("high_jackpot_spend_usd"),
        F.max("gap").alias("longest_purchase_gap"),
        F.sum("opens_day").alias("purchase_days"),
        *(_usd(_within(days)).alias(f"spend_first_{days}_days_usd") for days in SPEND_DAYS),
        F.count_if(F.col("since_signup") < 0).alias("purchases_before_signup"),
        F.count_if(is_high.isNull()).alias("purchases_of_unknown_games"),
        F.bool_or(HAS_DUPLICATES).alias(HAS_DUPLICATES),
    )
    return per_customer.drop(USER_HASH)


def _within(days: int) -> Column:
    """Whether a purchase fell in [signup, signup + days)."""
    since_signup = F.col("since_signup")
    return (since_signup >= 0) & (since_signup < days * MICROSECONDS_PER_DAY)


def _usd(is_counted: Column) -> Column:
    """What was spent where the condition holds, 0 when nothing was; an overflow is an error."""
    spent = F.sum(F.when(is_counted, F.col("purchase_amount_usd")))
    return F.coalesce(spent, F.lit(0)).cast("decimal(28,2)")
