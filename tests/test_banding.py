"""Scales as columns."""

from decimal import Decimal
from math import inf, nextafter

from chispa import assert_df_equality
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from customer_mart.banding import label, score_at_least, score_at_most
from customer_mart.settings import AtLeastScale, AtMostScale, LabelScale
from customer_mart.settings.scales import LabelBand

LABELS = LabelScale(
    bands=(
        LabelBand(at_least=Decimal(10), label="high"),
        LabelBand(at_least=Decimal("2.5"), label="middle"),
    ),
    otherwise="low",
)
AT_LEAST = AtLeastScale(at_least={5: Decimal(10), 3: Decimal("0.1")})
AT_MOST = AtMostScale(at_most={5: Decimal("0.1"), 3: Decimal(10)})


def test_a_label_is_that_of_the_first_band_whose_bound_is_reached(spark: SparkSession) -> None:
    expected = spark.createDataFrame(
        [
            (11, Decimal("10.0001"), "high", "high"),
            (10, Decimal("10.0000"), "high", "high"),
            (9, Decimal("9.9999"), "middle", "middle"),
            (3, Decimal("2.5000"), "middle", "middle"),
            (2, Decimal("2.4999"), "low", "low"),
            (None, None, "low", "low"),
        ],
        "count bigint, amount decimal(28,4), of_count string, of_amount string",
    )
    actual = expected.select(
        "count",
        "amount",
        label(F.col("count"), LABELS).alias("of_count"),
        label(F.col("amount"), LABELS).alias("of_amount"),
    )
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


def test_a_score_is_the_highest_whose_lower_bound_is_reached(spark: SparkSession) -> None:
    expected = spark.createDataFrame(
        [
            (nextafter(10.0, inf), Decimal("10.0001"), 5, 5),
            (10.0, Decimal("10.0000"), 5, 5),
            (nextafter(10.0, 0), Decimal("9.9999"), 3, 3),
            (0.1, Decimal("0.1000"), 3, 3),
            (nextafter(0.1, 0), Decimal("0.0999"), 1, 1),
            (None, None, 1, 1),
        ],
        "rate double, amount decimal(28,4), of_rate int, of_amount int",
    )
    actual = expected.select(
        "rate",
        "amount",
        score_at_least(F.col("rate"), AT_LEAST).alias("of_rate"),
        score_at_least(F.col("amount"), AT_LEAST).alias("of_amount"),
    )
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


def test_a_score_is_the_highest_whose_upper_bound_is_not_exceeded(spark: SparkSession) -> None:
    expected = spark.createDataFrame(
        [
            (-1.0, 5),
            (0.1, 5),
            (nextafter(0.1, inf), 3),
            (10.0, 3),
            (nextafter(10.0, inf), 1),
            (None, 1),
        ],
        "days double, score int",
    )
    actual = expected.select("days", score_at_most(F.col("days"), AT_MOST).alias("score"))
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


def test_a_scale_may_lack_cut_offs_give_others_more_and_write_its_bounds_with_an_exponent(
    spark: SparkSession,
) -> None:
    nobody = LabelScale(bands=(), otherwise="anyone")
    generous = AtLeastScale(at_least={4: Decimal("1E+1"), 3: Decimal("1E-2")}, otherwise=2)
    expected = spark.createDataFrame(
        [
            (10.0, "anyone", 4, 1),
            (nextafter(10.0, 0), "anyone", 3, 1),
            (0.01, "anyone", 3, 1),
            (0.0, "anyone", 2, 1),
            (None, "anyone", 2, 1),
        ],
        "measure double, label string, generous int, bare int",
    )
    measure = F.col("measure")
    actual = expected.select(
        "measure",
        label(measure, nobody).alias("label"),
        score_at_least(measure, generous).alias("generous"),
        score_at_most(measure, AtMostScale(at_most={})).alias("bare"),
    )
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)
