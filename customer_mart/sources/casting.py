"""Lossless casts from what a source delivers to what its contract says.

A type that can never be cast without loss is refused for the whole source. A type that may
or may not (text, a wider number) is cast row by row: a value that would lose anything
becomes NULL here, and the contract's rules then set the row aside with its reason. One loss is
accepted, that of what is finer than a microsecond of a time as text.
"""

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql import types as T

from customer_mart.contracts import ContractColumn

INTEGERS = (T.ByteType, T.ShortType, T.IntegerType, T.LongType)
NUMBERS = (*INTEGERS, T.DecimalType, T.FloatType, T.DoubleType)
TIMES = (T.TimestampType, T.TimestampNTZType, T.DateType, T.StringType)

DATE = r"^\s*\d{4}-\d{1,2}-\d{1,2}"
# What Spark takes for blank at the end of a time.
BLANKS = r"[\s\p{Cntrl}]*$"
# A date and a time of day with nothing after them: text that names no offset and no zone.
WITHOUT_OFFSET = DATE + r"([T ](\d{1,2}(:\d{1,2}(:\d{1,2}(\.\d*)?)?)?)?)?" + BLANKS
# A day and nothing more precise, which a date would lose.
WHOLE_DAY = DATE + r"([T ]00:00(:00(\.0*)?)?Z?)?" + BLANKS
WIDE, NEAREST_TO_ZERO = T.DecimalType(38, 18), 1e-18
# Text that the type above holds without rounding; a finer number is not silently rounded. Where
# the exponent is negative, nine of the eighteen places are its own and nine the digits'. A zero,
# which Java writes as 0E-18, has none to lose.
NUMBER = r"(\d+\.?\d{0,18}0*|\.\d{1,18}0*)([eE]\+?\d{1,2})?"
SCALED_DOWN = r"(\d+\.?\d{0,9}0*|\.\d{1,9}0*)[eE]-0?\d"
ZERO = r"(0+\.?0*|\.0+)[eE]-\d{1,2}"
PLAIN_NUMBER = rf"^\s*[+-]?({NUMBER}|{SCALED_DOWN}|{ZERO})\s*$"


def can_cast(found: T.DataType, column: ContractColumn) -> bool:
    """Whether a value of the found type can be the contract's without loss, at least by row."""
    if "id" in column.tags:
        whole_decimal = isinstance(found, T.DecimalType) and found.scale == 0
        return whole_decimal or isinstance(found, (T.StringType, T.NullType, *INTEGERS))
    accepted: dict[str, tuple[type[T.DataType], ...]] = {
        "string": (T.StringType, *INTEGERS),
        "timestamp": TIMES,
        "date": (T.DateType, T.StringType),
        "bigint": (T.StringType, *NUMBERS),
        "decimal(18,2)": (T.StringType, *NUMBERS),
    }
    return isinstance(found, (T.NullType, *accepted[column.type]))


def cast(values: Column, found: T.DataType, column: ContractColumn, time_zone: str) -> Column:
    """The values in the contract's type; NULL where a value cannot be cast without loss.

    Ids lose surrounding blanks and a blank one is NULL. A time without a zone is taken in
    time_zone.
    """
    if "id" in column.tags:
        trimmed = F.trim(values.cast("string"))
        return F.when(trimmed != "", trimmed)
    if column.type == "timestamp":
        return _timestamp(values, found, time_zone)
    if column.type in ("bigint", "decimal(18,2)"):
        return _number(values, found, column.type)
    if column.type == "date" and isinstance(found, T.StringType):
        # Spark would take a year alone as its first day, and drop whatever follows a day.
        return F.when(values.rlike(WHOLE_DAY), values.try_cast("date"))
    return values.cast(column.type)


def _timestamp(values: Column, found: T.DataType, time_zone: str) -> Column:
    """The instant; the session's zone is UTC, so a value without a zone is first read as UTC."""
    if isinstance(found, T.TimestampType):
        return values
    as_utc = values.try_cast("timestamp")
    if isinstance(found, T.StringType):
        # Spark would take a time of day alone as today's, by the wall clock.
        as_utc = F.when(values.rlike(DATE), as_utc)
    if time_zone == "UTC":
        return as_utc
    local = F.to_utc_timestamp(as_utc, time_zone)
    if isinstance(found, T.StringType):
        return F.when(values.rlike(WITHOUT_OFFSET), local).otherwise(as_utc)
    return local


def _number(values: Column, found: T.DataType, target: str) -> Column:
    """The number, or NULL when the target cannot hold it exactly."""
    exact_already = target == "bigint" and isinstance(found, INTEGERS)
    if exact_already or found == T.DecimalType(18, 2) == _decimal(target):
        return values.cast(target)
    wide, wide_type = _wide(values, found)
    narrow = wide.try_cast(target)
    # Compared in the wide type: by itself Spark would take one of 38 digits that holds the whole
    # part of either, and drop the last places of a fine one.
    is_exact = narrow.try_cast(wide_type) == wide
    if isinstance(found, (T.FloatType, T.DoubleType)):
        # Nearer to zero than the last place of the wide type, it would pass for zero.
        is_exact &= (values == 0) | (F.abs(values) >= NEAREST_TO_ZERO)
    return F.when(is_exact, narrow)


def _wide(values: Column, found: T.DataType) -> tuple[Column, T.DecimalType]:
    """The number as a decimal of that type; NULL when it is none, or is text too fine for it."""
    if isinstance(found, T.DecimalType):
        return values, found
    # NaN and infinity become NULL; a double becomes the shortest decimal that reads the same,
    # which is what whoever wrote 19.99 meant. A float does so as text, for Spark widens it first.
    if isinstance(found, T.FloatType):
        values = values.cast("string")
    wide = values.try_cast(WIDE)
    if isinstance(found, T.StringType):
        wide = F.when(values.rlike(PLAIN_NUMBER), wide)
    return wide, WIDE


def _decimal(target: str) -> T.DecimalType | None:
    return T.DecimalType(18, 2) if target == "decimal(18,2)" else None
