"""The staging tables of a made-up lottery operator: realistic, a little dirty, repeatable.

Every value is a hash of (seed, attribute, row), so the rows are the same whatever the
partitioning, and a cluster makes any number of them from one `spark.range` without a shuffle.

The model: customers sign up, many after a campaign touched them; most become players, who
visit at a pace of their own until they lose interest. A visit may top up the account, buy
tickets and leave a web event. Jackpot runs draw everybody in and make many buy the running
game. Times are epoch milliseconds until a table is laid out, money is in the table's unit.
"""

import argparse
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timezone

from pyspark.sql import Column, DataFrame, Observation, SparkSession
from pyspark.sql import functions as F

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
MONTH = 30 * DAY
YEAR = 365.25 * DAY
EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday, counted from Monday = 0
HISTORY = 730 * DAY
# The extract is taken after as_of: its last rows do not exist yet for that run.
EXTRACT_LAG = 2 * DAY

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

# How busy an hour is: the product of these, each relative to its own peak.
WEEKDAYS = (0.6, 0.58, 0.68, 0.7, 1.0, 1.0, 0.76)
MONTHS = (0.95, 0.85, 0.8, 0.78, 0.75, 0.68, 0.65, 0.65, 0.75, 0.85, 0.93, 1.0)
HOURS = (
    0.25, 0.15, 0.1, 0.08, 0.08, 0.12, 0.2, 0.35, 0.45, 0.5, 0.5, 0.55,
    0.65, 0.6, 0.55, 0.55, 0.6, 0.75, 0.9, 1.0, 1.0, 0.9, 0.7, 0.45,
)  # fmt: skip
CALM = 0.5  # outside a jackpot run, relative to the run's end
RUN_CYCLE = 35 * DAY  # each has one run, of a length and with a rest after it that vary
SHORTEST_RUN, LONGEST_RUN, LONGEST_REST = 0.2, 0.6, 0.35  # in cycles
TRIES = 5
PICKY = 0.6  # how busy a time must be to be kept for sure
START_PACE = 0.4  # signups and traffic when the history starts, relative to its end

MEDIAN_PACE, MAX_PACE = 2.3, 90.0  # visits a month of a player
IDLE_PACE = 0.4  # of those who never buy
MEDIAN_DELAY = 2.5 * DAY  # from signup to the first visit
MEAN_INTEREST = 120 * DAY  # from the first visit until a player churns, if ever
LOYAL = 0.22
MAX_VISITS = 3_000  # keeps one heavy player from holding up a task
BUYS = 0.8  # the share of a player's visits that end in a purchase
SEEN = 0.6  # the share of visits that leave a web event
MEDIAN_LINES, MAX_LINES = 0.8, 60.0  # per purchase
MEDIAN_FAVOURITES, MAX_FAVOURITES = 1.6, 12.0  # games
DEPOSITS_USD = (5, 10, 20, 30, 50, 100, 200, 300, 500, 1_000, 2_000, 5_000)
WINNINGS = 0.3  # the share of the spend that needs no deposit

MAX_TOUCHES = 3  # identified events before signup
ANONYMOUS_EVENTS = 13  # per customer
CAMPAIGN_TRAIL = 20 * DAY  # how long a quarter's campaign is still clicked after it
TOUCH_CAMPAIGNS, VISIT_CAMPAIGNS, ANONYMOUS_CAMPAIGNS = 0.9, 0.15, 0.35

GAMES = 40
PRICES_USD = (2.0, 1.0, 5.0, 3.0, 2.5, 10.0, 20.0)
MEAN_PRICE_USD = 5.0
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

# The shares of a source's rows that arrive broken, twice or changed.
DEFECTS = {
    "null key": 3e-4, "blank key": 3e-4, "null time": 3e-4, "ancient time": 3e-4,
    "redelivered": 1e-3, "restamped": 3e-4, "padded": 1e-3,
}  # fmt: skip
FACT_DEFECTS = {**DEFECTS, "orphan": 4e-4, "at as_of": 2e-4}
PAYMENT_DEFECTS = {
    **FACT_DEFECTS, "null owner": 3e-4, "blank owner": 3e-4, "null amount": 3e-4,
    "negative amount": 3e-4, "repriced": 3e-4, "before signup": 3e-4,
}  # fmt: skip
PURCHASE_DEFECTS = {**PAYMENT_DEFECTS, "unknown game": 5e-4}
SENT_AGAIN = ("redelivered", "restamped", "repriced")
# A customer whose only signup is unusable would make orphans of all their facts; here the
# operator notices and sends the good signup as well.
SIGNUP_SENT_AGAIN = tuple(DEFECTS.keys() - {"padded"})
# What a defect makes of a column, in SQL.
SPOILT = {
    "key": {"null key": "NULL", "blank key": "'  '", "padded": "concat(' ', key, ' ')"},
    "user_id": {
        "null owner": "NULL",
        "blank owner": "' '",
        "orphan": "concat('closed-', user_id)",
        "padded": "concat(user_id, ' ')",
    },
    "time": {
        "null time": "NULL",
        "ancient time": "0",
        "restamped": f"time + {HOUR}",
        "before signup": f"signup - (1 + pmod(hash(key), 72)) * {HOUR}",
        "at as_of": "as_of",
    },
    "amount": {"null amount": "NULL", "negative amount": "-amount", "repriced": "amount + 1"},
    "game_id": {"unknown game": "'g999'"},
}

# No web server, and the terminal for the summary.
LAPTOP = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
}
DELTA = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
}
CSV_OPTIONS = {
    "header": True,
    # Blanks around an id are part of the data.
    "ignoreLeadingWhiteSpace": False,
    "ignoreTrailingWhiteSpace": False,
}


def chance(seed: int, attribute: str, *row: str | Column) -> Column:
    """Uniform in [0, 1), fixed by the seed, the attribute's name and the row's columns."""
    bits = F.xxhash64(F.lit(seed).cast("bigint"), F.lit(attribute), *row)
    return F.shiftrightunsigned(bits, 11) * F.lit(2.0**-53)


def long_tail(roll: Column, median: float | Column, shape: float) -> Column:
    """Log-logistic: the given median, and a Pareto tail that is heavier for a smaller shape."""
    return F.pow(roll / (1 - roll), F.lit(1 / shape)) * median


def growing(roll: Column) -> Column:
    """A position in [0, 1) of a history whose traffic grows linearly from its start pace to 1."""
    floor = START_PACE**2
    return (F.sqrt(roll * (1 - floor) + floor) - START_PACE) / (1 - START_PACE)


def pick(roll: Column, shares: Mapping[str, float]) -> Column:
    """The name in whose share of [0, 1) the roll falls; NULL past the last share."""
    bounds = [sum(list(shares.values())[: n + 1]) for n in range(len(shares))]
    branches = zip(shares, bounds, strict=True)
    return F.coalesce(*(F.when(roll < bound, name) for name, bound in branches))


def value_of(name: str, values: Mapping[str, float]) -> Column:
    """The number that stands for the name in a column."""
    return F.coalesce(*(F.when(F.col(name) == key, value) for key, value in values.items()))


def nth(values: tuple[float | str, ...], position: Column) -> Column:
    """The value at a position counted from 0, a fraction as a decimal; NULL outside."""
    # A tuple reads the same in SQL; a literal each would cost a call to the JVM each.
    return F.get(F.expr(f"array{values}"), position.cast("int"))


def numbers(count: Column) -> Column:
    """A row each for 1, 2, ... up to the count; none when it is 0."""
    return F.explode(F.when(count > 0, F.sequence(F.lit(1), count.cast("int"))))


def run_progress(seed: int, time: Column) -> Column:
    """How far the jackpot run of that time has got, in [0, 1); NULL when there is none."""
    cycle = F.floor(time / RUN_CYCLE)
    length = chance(seed, "run length", cycle) * (LONGEST_RUN - SHORTEST_RUN) + SHORTEST_RUN
    rest = chance(seed, "rest", cycle) * LONGEST_REST
    left = cycle + 1 - rest - time / RUN_CYCLE
    return F.when((left > 0) & (left <= length), 1 - left / length)


def running_game(seed: int, time: Column) -> Column:
    """The number of the game that has the jackpot run in the cycle of that time."""
    roll = chance(seed, "run game", F.floor(time / RUN_CYCLE))
    nth_jackpot = F.floor(roll * (len(JACKPOTS_MINOR) - 1)) + 1
    return nth_jackpot * JACKPOT_STEP + JACKPOT_START


def busyness(seed: int, time: Column) -> Column:
    """How busy the operator is at that time, relative to the busiest possible, in (0, 1]."""
    month = nth(MONTHS, F.pmod(time, F.lit(YEAR)) * len(MONTHS) / YEAR)
    weekday = nth(WEEKDAYS, F.pmod(time / DAY + EPOCH_WEEKDAY, F.lit(7)))
    hour = nth(HOURS, F.pmod(time, F.lit(DAY)) / HOUR)
    run = F.coalesce(run_progress(seed, time), F.lit(0.0)) * (1 - CALM) + CALM
    return run * month * weekday * hour


def at_busy_times(
    rows: DataFrame,
    seed: int,
    what: str,
    key: Sequence[str],
    span: tuple[Column, Column],
    *,
    spread: Callable[[Column], Column] = lambda roll: roll,
) -> DataFrame:
    """The rows with a `time` in the half-open span: the busier a time, the likelier it is kept.

    The last try is always kept, which flattens the seasons a little and bounds the work.
    """
    start, end = span
    tries = {
        f"try_{n}": start + spread(chance(seed, f"{what} time {n}", *key)) * (end - start)
        for n in range(TRIES)
    }
    *rejectable, last = tries
    kept = [
        F.when(
            chance(seed, f"{what} {name}", *key) * PICKY < busyness(seed, F.col(name)), F.col(name)
        )
        for name in rejectable
    ]
    # The tries are columns of their own, so that Spark does not work them out at each mention.
    tried = rows.withColumns(tries)
    return tried.withColumn("time", F.coalesce(*kept, last).cast("bigint")).drop(*tries)


def millis(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000


def extract_span(as_of: datetime) -> tuple[Column, Column]:
    """The start of the history, and the moment of the extract, which no row reaches."""
    return F.lit(millis(as_of) - HISTORY), F.lit(millis(as_of) + EXTRACT_LAG)


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


def game_id(number: Column) -> Column:
    return F.format_string("g%03d", number + 1)


def game_number(seed: int, time: Column) -> Column:
    """The game that a visitor plays: the running jackpot, the likelier the higher, or a favourite.

    The favourites are the customer's own, taken from the games by popularity.
    """
    is_lured = chance(seed, "lured", "id", "visit") < F.col("appetite") * run_progress(seed, time)
    slot = F.floor(F.pow(chance(seed, "slot", "id", "visit"), F.lit(1.5)) * F.col("favourites"))
    favourite = F.floor(F.pow(chance(seed, "favourite", "id", slot), F.lit(2.0)) * GAMES)
    return F.coalesce(F.when(is_lured, running_game(seed, time)), favourite)


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


def delivered(
    rows: DataFrame,
    roll: Column,
    as_of: datetime,
    defects: Mapping[str, float],
    sent_again: Sequence[str] = SENT_AGAIN,
) -> DataFrame:
    """The rows as they arrive: a few spoilt; of those sent again, the second one is spoilt."""
    is_sent_again = F.col("defect").isin(*sent_again)
    deliveries = F.when(is_sent_again, 2).otherwise(1)
    is_intact = is_sent_again & (F.col("delivery") == 1)
    arrived = (
        rows.withColumns({"defect": pick(roll, defects), "as_of": F.lit(millis(as_of))})
        .withColumn("delivery", numbers(deliveries))
        .withColumn("defect", F.when(~is_intact, F.col("defect")))
    )
    spoilt = {name: spoilt_column(name, defects) for name in SPOILT if name in rows.columns}
    return arrived.withColumns(spoilt)


def spoilt_column(column: str, defects: Collection[str]) -> Column:
    """The column, except in rows with one of the defects."""
    value = F.col(column)
    for defect in filter(defects.__contains__, SPOILT[column]):
        value = F.when(F.col("defect") == defect, F.expr(SPOILT[column][defect])).otherwise(value)
    return value


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


def spark_session(file_format: str) -> SparkSession:
    """The session that is there or that spark-submit prepared, else a local one."""
    builder = SparkSession.builder.appName("generate_data")
    builder = builder.config("spark.sql.session.timeZone", "UTC")
    # Whole-stage code of these expressions is too long for the JVM to compile: twice the time.
    builder = builder.config("spark.sql.codegen.wholeStage", "false")
    is_running = SparkSession.getActiveSession() is not None
    if is_running or "PYSPARK_GATEWAY_PORT" in os.environ:
        return builder.getOrCreate()
    builder = builder.master("local[*]")
    for name, value in LAPTOP.items():
        builder = builder.config(name, value)
    if file_format == "delta":
        from delta import configure_spark_with_delta_pip  # noqa: PLC0415 - not on every cluster

        for name, value in DELTA.items():
            builder = builder.config(name, value)
        builder = configure_spark_with_delta_pip(builder)
    return builder.getOrCreate()


def written_rows(table: DataFrame, path: str, file_format: str) -> int:
    """The number of rows written to the path, counted on the way."""
    written = Observation()
    observed = table.observe(written, F.count(F.lit(1)).alias("rows"))
    options = CSV_OPTIONS if file_format == "csv" else {}
    observed.write.mode("overwrite").format(file_format).options(**options).save(path)
    return int(written.get["rows"])


def instant(text: str) -> datetime:
    """The instant an ISO 8601 text names; without an offset it is UTC's."""
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", required=True, help="directory or URI that gets the tables")
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--as-of", type=instant, default="2025-01-01T00:00:00Z")
    parser.add_argument("--format", choices=("parquet", "delta", "csv"), default="parquet")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    spark = spark_session(args.format)
    ids, games = spark.range(args.customers), spark.range(GAMES)
    for name, table in staging_tables(ids, games, args.seed, args.as_of).items():
        rows = written_rows(table, f"{args.out}/{name}", args.format)
        print(f"{name}: {rows:,} rows")


if __name__ == "__main__":
    main()
