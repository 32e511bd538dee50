"""Exact arithmetic of money: quotients rounded half up once, cents and dollars.

Spark's own decimal division rounds at a scale it derives from the operands; rounding that
again to the scale of a column can move a value across a half. Here the quotient is taken
in whole numbers, so that the one rounding is the last step.
"""

from pyspark.sql import Column
from pyspark.sql import functions as F

INTEGER = "decimal(38,0)"
# Below this many dollars a DOUBLE tells every cent from the next, and a hundred times it as well.
DOUBLE_IS_EXACT_BELOW = 1e13


def divide_half_up(numerator: Column, denominator: Column, scale: int) -> Column:
    """The quotient rounded half up, DECIMAL(38, scale); the scale is at least 1.

    Both are non-negative whole numbers (BIGINT or DECIMAL with scale 0) and the
    denominator is positive. Overflow beyond 38 digits is an error in ANSI mode.
    """
    largest = _largest_for_bigint(scale)
    are_small = numerator.between(0, largest) & (denominator <= largest)
    by_bigint = _bigint_quotient(numerator.cast("bigint"), denominator.cast("bigint"), scale)
    return F.when(are_small, by_bigint).otherwise(_decimal_quotient(numerator, denominator, scale))


def average(total: Column, count: Column, units: int = 1, scale: int = 4) -> Column:
    """The average, rounded half up at scale, or 0 when the count is 0; DECIMAL(28, scale).

    total: a whole number (BIGINT or DECIMAL with scale 0), of which units are one of the average:
    100 for a total in cents and an average in dollars.
    """
    # The divisor is replaced before dividing: ANSI mode evaluates a division by zero eagerly.
    divisor = F.when(count == 0, F.lit(1)).otherwise(count)
    per_whole = (divisor.cast("decimal(20,0)") * F.lit(units).cast("decimal(10,0)")).cast(INTEGER)
    largest = _largest_for_bigint(scale) // units
    are_small = total.between(0, largest) & (count <= largest)
    by_bigint = _bigint_quotient(total.cast("bigint"), divisor * units, scale)
    by_decimal = _decimal_quotient(total, per_whole, scale)
    quotient = F.when(are_small, by_bigint).otherwise(by_decimal).cast(f"decimal(28,{scale})")
    return F.when(count == 0, F.lit(0).cast(f"decimal(28,{scale})")).otherwise(quotient)


def _largest_for_bigint(scale: int) -> int:
    """Up to here, numbers are small enough for _bigint_quotient to stay within BIGINT."""
    largest: int = (2**63 - 1) // (2 * 10**scale + 1)
    return largest


def _bigint_quotient(numerator: Column, denominator: Column, scale: int) -> Column:
    """The quotient by BIGINT, many times as fast as by decimals; both have to be small enough."""
    shifted = numerator * (2 * 10**scale) + denominator
    return _with_decimals(F.call_function("div", shifted, denominator * 2), scale)


def _decimal_quotient(numerator: Column, denominator: Column, scale: int) -> Column:
    doubled = numerator.cast(INTEGER) * F.lit(2 * 10**scale).cast(INTEGER)
    twice_denominator = (denominator.cast(INTEGER) * F.lit(2)).cast(INTEGER)
    shifted = (doubled.cast(INTEGER) + denominator.cast(INTEGER)).cast(INTEGER)
    # shifted minus its remainder is a multiple of the divisor: that quotient has no fraction
    # to round, whatever scale the engine gives it.
    multiple = (shifted - shifted % twice_denominator).cast(INTEGER)
    return _with_decimals((multiple / twice_denominator).cast(INTEGER), scale)


def _with_decimals(units: Column, scale: int) -> Column:
    """Whole units of the last decimal as DECIMAL(38, scale)."""
    unit = F.lit(f"1e-{scale}").cast(f"decimal({scale},{scale})")
    return (units.cast(f"decimal({37 - scale},0)") * unit).cast(f"decimal(38,{scale})")


def cents(amount: str, cents_type: str) -> Column:
    """An amount in dollars as whole cents, exactly; an overflow is an error.

    amount: the name of a DECIMAL with 2 decimals. cents_type: BIGINT or a DECIMAL with none.
    Multiplying decimals takes many times as long as multiplying doubles, so that amounts for which
    both are exact take the latter.
    """
    double = F.col(amount).cast("double")
    by_double = F.rint(double * 100).cast(cents_type)
    by_decimal = (F.col(amount) * 100).cast(cents_type)
    return F.when(F.abs(double) < DOUBLE_IS_EXACT_BELOW, by_double).otherwise(by_decimal)


def dollars(whole_cents: Column) -> Column:
    """Whole cents as dollars, DECIMAL(28,2); an overflow is an error."""
    hundredth = F.lit("0.01").cast("decimal(2,2)")
    return (whole_cents.cast("decimal(28,0)") * hundredth).cast("decimal(28,2)")
