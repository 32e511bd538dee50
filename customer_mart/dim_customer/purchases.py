"""Ticket purchases per customer."""

from functools import reduce
from operator import add

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from customer_mart.durations import MICROSECONDS_PER_DAY, utc_day
from customer_mart.exact import cents
from customer_mart.staging.user_key import Method, of_keys, of_user, per_user, with_signup

SPEND_DAYS = (7, 30, 90)
KINDS = ("high_jackpot", "other", "unknown")


def purchases_per_customer(
    purchases: DataFrame,
    signups: DataFrame,
    games: DataFrame,
    high_jackpot_threshold_minor: int,
    method: Method,
) -> DataFrame:
    """One row per user with a purchase, orphans included, by the method's key.

    purchases: the used rows of stg_ticket_purchases, partitioned by user.
    signups: one row per user; games: one row per game. What was spent is in whole cents.
    """
    numbered = games.transform(_numbered, high_jackpot_threshold_minor)
    known = with_signup(purchases, signups, method)
    played = known.join(F.broadcast(numbered), on="game_id", how="left")
    signup, purchase = F.unix_micros("signup_timestamp"), F.unix_micros("purchase_timestamp")
    is_high = F.col("is_high_jackpot")
    columns = {
        "micros": purchase,
        "since_signup": purchase - signup,
        "cents": cents("purchase_amount_usd", method.cents),
        "game_number": F.col("game_number"),
        "is_high_jackpot": is_high,
        "unknown_game": F.when(is_high.isNull(), F.col("game_id")),
    }
    derived = {
        "day": utc_day(F.col("micros")),
        "high_jackpot_game": F.when(is_high, F.col("game_number")),
        "other_game": F.when(~is_high, F.col("game_number")),
    }
    per_customer = played.transform(per_user, columns, _measures(), method, derived)
    micros = F.col("micros")
    return per_customer.select(
        *of_user(method),
        F.size(micros).cast("bigint").alias("total_purchases"),
        "total_purchase_cents",
        F.timestamp_micros(micros[0]).alias("first_purchase_timestamp"),
        F.timestamp_micros(F.element_at(micros, -1)).alias("last_purchase_timestamp"),
        reduce(add, (F.col(f"{kind}_games") for kind in KINDS)).alias("unique_games_played"),
        F.col("high_jackpot_games").alias("high_jackpot_games_played"),
        "high_jackpot_cents",
        _longest_gap(micros).alias("longest_purchase_gap"),
        F.col("days").alias("purchase_days"),
        *(f"spend_first_{days}_days_cents" for days in SPEND_DAYS),
        "purchases_before_signup",
        "purchases_of_unknown_games",
        *of_keys(per_customer),
    )


def _numbered(games: DataFrame, threshold_minor: int) -> DataFrame:
    """One row per game: whether its jackpot estimate reaches the threshold, and a number.

    A set of numbers is cheaper than one of ids.
    """
    is_high = F.coalesce(F.col("jackpot_estimate_minor") >= threshold_minor, F.lit(False))
    # Any numbers will do, provided that they differ; they leave with the purchases.
    number = F.monotonically_increasing_id()
    return games.select("game_id", number.alias("game_number"), is_high.alias("is_high_jackpot"))


def _measures() -> list[Column]:
    """What is aggregated of a user's purchases.

    The times are collected and put in order a user at a time: to sort all purchases by user and
    time would take several times as long.
    """
    return [
        F.sort_array(F.collect_list("micros")).alias("micros"),
        # A game is in one of three sets; looking through one for its high ones takes longer.
        *(_distinct(f"{kind}_game") for kind in KINDS),
        _distinct("day"),
        _cents(F.lit(True)).alias("total_purchase_cents"),
        _cents(F.col("high_jackpot_game").isNotNull()).alias("high_jackpot_cents"),
        *(_cents(_within(days)).alias(f"spend_first_{days}_days_cents") for days in SPEND_DAYS),
        F.count_if(F.col("since_signup") < 0).alias("purchases_before_signup"),
        F.count_if(F.col("is_high_jackpot").isNull()).alias("purchases_of_unknown_games"),
    ]


def _longest_gap(micros: Column) -> Column:
    """The longest time between neighbours, in microseconds; NULL below two instants."""
    # One fewer than there are instants. Both sides are slices: the values of an array as it is in
    # a row are read through a getter that looks at the session's settings every time.
    gaps = F.size(micros) - 1
    earlier, later = F.slice(micros, F.lit(1), gaps), F.slice(micros, F.lit(2), gaps)
    return F.array_max(F.zip_with(earlier, later, lambda start, end: end - start))


def _distinct(column: str) -> Column:
    """The number of distinct values other than NULL, BIGINT, named in the plural."""
    return F.size(F.collect_set(column)).cast("bigint").alias(f"{column}s")


def _within(days: int) -> Column:
    """Whether a purchase fell in [signup, signup + days)."""
    since_signup = F.col("since_signup")
    return (since_signup >= 0) & (since_signup < days * MICROSECONDS_PER_DAY)


def _cents(is_counted: Column) -> Column:
    """What was spent where the condition holds, 0 when nothing was; an overflow is an error."""
    return F.sum(F.when(is_counted, F.col("cents")).otherwise(F.lit(0)))
