"""Time as numbers: fractional days between two instants."""

from pyspark.sql import Column
from pyspark.sql import functions as F

MICROSECONDS_PER_DAY = 86_400_000_000


def microseconds_between(start: Column | str, end: Column | str) -> Column:
    """Whole microseconds from start to end, BIGINT; negative when end comes first."""
    return F.unix_micros(end) - F.unix_micros(start)


def days_between(start: Column | str, end: Column | str) -> Column:
    """Fractional days from start to end, DOUBLE; NULL when either is missing."""
    return in_days(microseconds_between(start, end))


def in_days(microseconds: Column) -> Column:
    """Microseconds as fractional days of 86 400 s, DOUBLE, rounded once."""
    return microseconds.cast("double") / F.lit(float(MICROSECONDS_PER_DAY))


def utc_day(micros: Column) -> Column:
    """The first microsecond of the UTC day that an instant, in microseconds, falls on; BIGINT.

    The engine's own dates go through the calendar, which takes many times as long and tells no
    more where days are only compared.
    """
    return micros - F.pmod(micros, F.lit(MICROSECONDS_PER_DAY))
