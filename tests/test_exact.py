"""Exact quotients, rounded half up once."""

from decimal import Decimal
from fractions import Fraction

import pytest
from chispa import assert_df_equality
from pyspark.errors import ArithmeticException
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from customer_mart.exact import average, divide_half_up, dollars

LARGEST_CENTS = Decimal(10**28 - 1)


def test_a_quotient_is_rounded_half_up_and_only_once(spark: SparkSession) -> None:
    expected = spark.createDataFrame(
        [
            (0, 7, Decimal("0.0000")),
            (1, 3, Decimal("0.3333")),
            (2, 3, Decimal("0.6667")),
            # 0.00005 is a tie; 0.00004999999996 becomes one when it is first rounded to 0.000050.
            (1, 20_000, Decimal("0.0001")),
            (1_249_999_999, 25_000_000_000_000, Decimal("0.0000")),
            (1_250_000_000, 25_000_000_000_000, Decimal("0.0001")),
            (1_250_000_001, 25_000_000_000_000, Decimal("0.0001")),
            (9_223_372_036_854_775_807, 1, Decimal("9223372036854775807.0000")),
            (9_223_372_036_854_775_806, 9_223_372_036_854_775_807, Decimal("1.0000")),
            (1, 9_223_372_036_854_775_807, Decimal("0.0000")),
            (None, 3, None),
            (3, None, None),
        ],
        "numerator bigint, denominator bigint, quotient decimal(38,4)",
    )
    quotient = divide_half_up(F.col("numerator"), F.col("denominator"), scale=4)
    actual = expected.select("numerator", "denominator", quotient.alias("quotient"))
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


def test_a_quotient_far_larger_than_any_amount_is_still_exact(spark: SparkSession) -> None:
    largest = Decimal(9999999999999999999999999999)
    expected = spark.createDataFrame(
        [
            (largest, Decimal(1), Decimal("9999999999999999999999999999.00")),
            (largest, Decimal(3), Decimal("3333333333333333333333333333.00")),
            # Half a cent below 50 followed by 24 zeros.
            (largest, Decimal(200), Decimal("50000000000000000000000000.00")),
            (largest, Decimal(201), Decimal("49751243781094527363184079.60")),
            (Decimal(1), Decimal(200), Decimal("0.01")),
            (Decimal(999), Decimal(200_000), Decimal("0.00")),
        ],
        "numerator decimal(38,0), denominator decimal(38,0), quotient decimal(38,2)",
    )
    quotient = divide_half_up(F.col("numerator"), F.col("denominator"), scale=2)
    actual = expected.select("numerator", "denominator", quotient.alias("quotient"))
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


def test_an_average_of_minor_units_is_rounded_half_up_and_0_of_nothing(
    spark: SparkSession,
) -> None:
    expected = spark.createDataFrame(
        [
            (0, 0, Decimal("0.0000")),
            (0, 3, Decimal("0.0000")),
            (1501, 2, Decimal("750.5000")),
            (1, 20_000, Decimal("0.0001")),
            (1_249_999_999, 25_000_000_000_000, Decimal("0.0000")),
            (9_223_372_036_854_775_807, 1, Decimal("9223372036854775807.0000")),
            (9_223_372_036_854_775_807, 2, Decimal("4611686018427387903.5000")),
        ],
        "total bigint, count bigint, average decimal(28,4)",
    )
    mean = average(F.col("total"), F.col("count"))
    actual = expected.select("total", "count", mean.alias("average"))
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


def test_an_average_of_dollars_is_rounded_half_up_and_0_of_nothing(spark: SparkSession) -> None:
    expected = spark.createDataFrame(
        [
            (Decimal(0), 0, Decimal("0.0000")),
            (Decimal(3004), 3, Decimal("10.0133")),
            # 49.99995 and 0.00005 are ties; the second is one cent in 200 purchases.
            (Decimal(99_999_900), 20_000, Decimal("50.0000")),
            (Decimal(1), 200, Decimal("0.0001")),
            (Decimal(1_249_999_999), 250_000_000_000, Decimal("0.0000")),
            (Decimal(10**26 - 1), 1, Decimal("999999999999999999999999.9900")),
            (LARGEST_CENTS, 3_000_000, Decimal("33333333333333333333.3333")),
            (LARGEST_CENTS, 100, Decimal("999999999999999999999999.9999")),
        ],
        "cents decimal(28,0), count bigint, average decimal(28,4)",
    )
    mean = average(F.col("cents"), F.col("count"), units=100)
    actual = expected.select("cents", "count", mean.alias("average"))
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


@pytest.mark.parametrize("scale", [1, 2, 4, 6])
def test_quotients_agree_where_bigint_ends_to_be_wide_enough(
    spark: SparkSession, scale: int
) -> None:
    # What twice the number shifted by the scale, and the divisor once more, is still a BIGINT for.
    largest = (2**63 - 1) // (2 * 10**scale + 1)
    numbers = [largest - 1, largest, largest + 1]
    given = [(n, d) for n in (*numbers, 7) for d in (*numbers, 3)]
    step = Decimal(1).scaleb(-scale)
    expected = spark.createDataFrame(
        [
            (n, d, ((Fraction(n, d) * 10**scale + Fraction(1, 2)).__floor__()) * step)
            for n, d in given
        ],
        f"numerator bigint, denominator bigint, quotient decimal(38,{scale})",
    )
    quotient = divide_half_up(F.col("numerator"), F.col("denominator"), scale=scale)
    actual = expected.select("numerator", "denominator", quotient.alias("quotient"))
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


@pytest.mark.parametrize("units", [1, 100])
@pytest.mark.parametrize("cents_type", ["bigint", "decimal(28,0)"])
def test_averages_agree_where_bigint_ends_to_be_wide_enough(
    spark: SparkSession, units: int, cents_type: str
) -> None:
    largest = (2**63 - 1) // (2 * 10**4 + 1) // units
    given = [(n, d) for n in (largest, largest + 1, 5) for d in (largest, largest + 1, 7)]
    exact = [(Fraction(n, d * units) * 10_000 + Fraction(1, 2)).__floor__() for n, d in given]
    expected = spark.createDataFrame(
        [(n, d, q * Decimal("0.0001")) for (n, d), q in zip(given, exact, strict=True)],
        "cents bigint, count bigint, average decimal(28,4)",
    )
    mean = average(F.col("cents").cast(cents_type), F.col("count"), units=units)
    actual = expected.select("cents", "count", mean.alias("average"))
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


@pytest.mark.parametrize("count", [1, 99])
def test_an_average_too_large_for_its_type_is_an_error(spark: SparkSession, count: int) -> None:
    totals = spark.createDataFrame([(LARGEST_CENTS, count)], "cents decimal(28,0), count bigint")
    averages = totals.select(average(F.col("cents"), F.col("count"), units=100))
    with pytest.raises(ArithmeticException, match="NUMERIC_VALUE_OUT_OF_RANGE"):
        averages.collect()


def test_a_quotient_beyond_38_digits_is_an_error(spark: SparkSession) -> None:
    numerators = spark.createDataFrame([(Decimal("1E+36"),)], "numerator decimal(38,0)")
    quotients = numerators.select(divide_half_up(F.col("numerator"), F.lit(7), scale=4))
    with pytest.raises(ArithmeticException, match="NUMERIC_VALUE_OUT_OF_RANGE"):
        quotients.collect()


def test_whole_cents_are_dollars_exactly(spark: SparkSession) -> None:
    expected = spark.createDataFrame(
        [
            (LARGEST_CENTS, Decimal("99999999999999999999999999.99")),
            (Decimal(2**63 - 1), Decimal("92233720368547758.07")),
            (Decimal(0), Decimal("0.00")),
            (None, None),
        ],
        "cents decimal(30,0), dollars decimal(28,2)",
    )
    actual = expected.select("cents", dollars(F.col("cents")).alias("dollars"))
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)
    by_bigint = expected.where("cents < 1e19")
    actual = by_bigint.select("cents", dollars(F.col("cents").cast("bigint")).alias("dollars"))
    assert_df_equality(actual, by_bigint, ignore_row_order=True, ignore_nullable=True)


def test_cents_of_more_dollars_than_the_type_holds_are_an_error(spark: SparkSession) -> None:
    cents = spark.createDataFrame([(LARGEST_CENTS + 1,)], "cents decimal(30,0)")
    with pytest.raises(ArithmeticException, match="NUMERIC_VALUE_OUT_OF_RANGE"):
        cents.select(dollars(F.col("cents"))).collect()
