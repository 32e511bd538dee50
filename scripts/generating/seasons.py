"""When things happen: the history, how busy an hour is, and the jackpot runs.

Times are epoch milliseconds.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from scripts.generating.chance import chance, nth

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
MONTH = 30 * DAY
YEAR = 365.25 * DAY
EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday, counted from Monday = 0
HISTORY = 730 * DAY
# The extract is taken after as_of: its last rows do not exist yet for that run.
EXTRACT_LAG = 2 * DAY

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


def growing(roll: Column) -> Column:
    """A position in [0, 1) of a history whose traffic grows linearly from its start pace to 1."""
    floor = START_PACE**2
    return (F.sqrt(roll * (1 - floor) + floor) - START_PACE) / (1 - START_PACE)


def run_progress(seed: int, time: Column) -> Column:
    """How far the jackpot run of that time has got, in [0, 1); NULL when there is none."""
    cycle = F.floor(time / RUN_CYCLE)
    length = chance(seed, "run length", cycle) * (LONGEST_RUN - SHORTEST_RUN) + SHORTEST_RUN
    rest = chance(seed, "rest", cycle) * LONGEST_REST
    left = cycle + 1 - rest - time / RUN_CYCLE
    return F.when((left > 0) & (left <= length), 1 - left / length)


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
