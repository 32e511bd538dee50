"""The games on sale, and which of them a visitor plays."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from scripts.generating.chance import chance, nth
from scripts.generating.seasons import RUN_CYCLE, run_progress

GAMES = 40
PRICES_USD = (2.0, 1.0, 5.0, 3.0, 2.5, 10.0, 20.0)
FAMILIES = (
    "Lucky Clover", "Golden Reel", "Sapphire Bay", "Wild Comet", "Pirate Cove", "Silver Fox",
    "Cash Garden", "Diamond Dash",
)  # fmt: skip
FORMATS = ("Scratch", "Daily Five", "Keno", "Bingo", "Raffle")
# Games 3, 10, 17, ... have a jackpot; that of the first sits exactly on the usual threshold,
# and only the others have runs.
JACKPOT_STEP, JACKPOT_START = 7, 3
JACKPOT_NAMES = ("Ten Grand", "Grand Six", "Aurora", "Continental", "Atlas", "Zenith")
JACKPOTS_MINOR = (1_000_000, 150_000_000, 450_000_000, 1_200_000_000, 6_500_000_000, 32 * 10**9)
MAX_PRIZE_MINOR = 900_000  # of the other games


def game_id(number: Column) -> Column:
    return F.format_string("g%03d", number + 1)


def running_game(seed: int, time: Column) -> Column:
    """The number of the game that has the jackpot run in the cycle of that time."""
    roll = chance(seed, "run game", F.floor(time / RUN_CYCLE))
    nth_jackpot = F.floor(roll * (len(JACKPOTS_MINOR) - 1)) + 1
    return nth_jackpot * JACKPOT_STEP + JACKPOT_START


def game_number(seed: int, time: Column) -> Column:
    """The game that a visitor plays: the running jackpot, the likelier the higher, or a favourite.

    The favourites are the customer's own, taken from the games by popularity.
    """
    is_lured = chance(seed, "lured", "id", "visit") < F.col("appetite") * run_progress(seed, time)
    slot = F.floor(F.pow(chance(seed, "slot", "id", "visit"), F.lit(1.5)) * F.col("favourites"))
    favourite = F.floor(F.pow(chance(seed, "favourite", "id", slot), F.lit(2.0)) * GAMES)
    return F.coalesce(F.when(is_lured, running_game(seed, time)), favourite)


def stg_games(games: DataFrame, seed: int) -> DataFrame:
    """One row per game number; the jackpot or the highest prize in minor units. Never spoilt."""
    number = F.col("id")
    nth_jackpot = F.floor(number / JACKPOT_STEP)
    has_jackpot = number % JACKPOT_STEP == JACKPOT_START
    family = nth(FAMILIES, number % len(FAMILIES))
    plain_name = F.concat_ws(" ", family, nth(FORMATS, F.floor(number / len(FAMILIES))))
    name = F.coalesce(F.when(has_jackpot, nth(JACKPOT_NAMES, nth_jackpot)), plain_name)
    prize = F.ceil((1 - chance(seed, "prize", "id")) * (MAX_PRIZE_MINOR // 10_000)) * 10_000
    estimate = F.coalesce(F.when(has_jackpot, nth(JACKPOTS_MINOR, nth_jackpot)), prize)
    return games.select(
        game_id(number).alias("game_id"),
        name.alias("game_name"),
        estimate.cast("bigint").alias("jackpot_estimate_minor"),
    )
