"""Exact quotients of decimals, rounded half up once.

Spark's own decimal division rounds at a scale it derives from the operands; rounding that
again to the scale of a column can move a value across a half. Here the quotient is taken
in whole numbers, so that the one rounding is the last step.
"""

from pyspark.sql import Column
from pyspark.sql import functions as F

INTEGER = "decimal(38,0)"


def divide_half_up(numerator: Column, denominator: Column, scale: int) -> Column:
    """The quotient rounded half up, DECIMAL(38, scale); the scale is at least 1.

    Both are non-negative whole numbers (BIGINT or DECIMAL with scale 0) and the
    denominator is positive. Overflow beyond 38 digits is an error in ANSI mode.
    """
    doubled = numerator.cast(INTEGER) * F.lit(2 * 10**scale).cast(INTEGER)
    twice_denominator = (denominator.cast(INTEGER) * F.lit(2)).cast(INTEGER)
    shifted = (doubled.cast(INTEGER) + denominator.cast(INTEGER)).cast(INTEGER)
    # shifted minus its remainder is a multiple of the divisor: that quotient has no fraction
    # to round, whatever scale the engine gives it.
    multiple = (shifted - shifted % twice_denominator).cast(INTEGER)
    units = (multiple / twice_denominator).cast(INTEGER)
    unit = F.lit(f"1e-{scale}").cast(f"decimal({scale},{scale})")
    return (units.cast(f"decimal({37 - scale},0)") * unit).cast(f"decimal(38,{scale})")


def average(total: Column, count: Column, total_scale: int, scale: int = 4) -> Column:
    """The average, rounded half up at scale, or 0 when the count is 0; DECIMAL(28, scale).

    The total has total_scale decimals (0 for minor units, 2 for dollars).
    """
    units = (total * F.lit(10**total_scale).cast("decimal(10,0)")).cast(INTEGER)
    divisor = (count.cast("decimal(20,0)") * F.lit(10**total_scale).cast("decimal(10,0)")).cast(
        INTEGER
    )
    nothing = F.lit(0).cast(f"decimal(28,{scale})")
    # The divisor is replaced before dividing: ANSI mode evaluates a division by zero eagerly.
    safe_divisor = F.when(divisor == 0, F.lit(1).cast(INTEGER)).otherwise(divisor)
    quotient = divide_half_up(units, safe_divisor, scale).cast(f"decimal(28,{scale})")
    return F.when(count == 0, nothing).otherwise(quotient)
