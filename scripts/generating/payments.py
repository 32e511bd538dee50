"""The money of visits: deposits in minor units, ticket purchases in US dollars."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from scripts.generating.chance import chance, long_tail, nth
from scripts.generating.customers import MAX_LINES
from scripts.generating.games import PRICES_USD, game_id, game_number
from scripts.generating.seasons import MINUTE

BUYS = 0.8  # the share of a player's visits that end in a purchase
DEPOSITS_USD = (5, 10, 20, 30, 50, 100, 200, 300, 500, 1_000, 2_000, 5_000)
WINNINGS = 0.3  # the share of the spend that needs no deposit
MEAN_PRICE_USD = 5.0


def deposits(visits: DataFrame, seed: int) -> DataFrame:
    """One row per deposit (key), shortly before the visit it pays for; amount in minor units."""
    is_payer = F.col("kind").isin("player", "depositor")
    is_due = (F.col("visit") - 1) % F.col("topup_every") == 0
    lag = chance(seed, "deposit lag", "id", "visit") * 30 * MINUTE
    spend = F.col("topup_every") * F.col("lines") * BUYS * MEAN_PRICE_USD
    need = spend * (1 - WINNINGS) * long_tail(chance(seed, "deposit", "id", "visit"), 1.0, 4)
    # People deposit round amounts.
    rounded = [F.when(need <= amount, amount) for amount in DEPOSITS_USD]
    amount = F.coalesce(*rounded, F.lit(DEPOSITS_USD[-1])).cast("bigint") * 100
    return visits.filter(is_payer & is_due).select(
        F.format_string("d%010d-%04d", "id", "visit").alias("key"),
        "user_id",
        "signup",
        F.greatest(F.col("signup") + MINUTE, F.col("time") - lag).cast("bigint").alias("time"),
        amount.alias("amount"),
    )


def purchases(visits: DataFrame, seed: int) -> DataFrame:
    """One row per ticket purchase (key); amount in US dollars."""
    is_bought = (F.col("visit") == 1) | (chance(seed, "buys", "id", "visit") < BUYS)
    is_player = F.col("kind") == "player"
    game = game_number(seed, F.col("time"))
    mood = long_tail(chance(seed, "mood", "id", "visit"), 1.0, 4)
    lines = F.ceil(F.least(F.col("lines") * mood, F.lit(MAX_LINES)))
    price = nth(PRICES_USD, F.col("game") % len(PRICES_USD))
    return (
        visits.filter(is_player & is_bought)
        .withColumn("game", game)
        .select(
            F.format_string("p%010d-%04d", "id", "visit").alias("key"),
            "user_id",
            "signup",
            "time",
            game_id(F.col("game")).alias("game_id"),
            (price * lines).cast("decimal(18,2)").alias("amount"),
        )
    )
