"""What a delivered value becomes; the expected ones are written as the mart shows them."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from chispa import assert_df_equality
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from customer_mart.contracts import ContractColumn, contract
from customer_mart.sources.casting import can_cast, cast
from tests.frames import utc

NAN, INFINITY = float("nan"), float("inf")


def _column(table: str, name: str) -> ContractColumn:
    return next(column for column in contract(table).columns if column.name == name)


ID = _column("stg_deposits", "deposit_id")
TIMESTAMP = _column("stg_deposits", "deposit_timestamp")
MINOR = _column("stg_deposits", "deposit_amount_minor")
USD = _column("stg_ticket_purchases", "purchase_amount_usd")
DAY = _column("stg_funnel_spend", "spend_date")
COUNTRY = _column("stg_signups", "country")


def _assert_cast(
    spark: SparkSession,
    column: ContractColumn,
    found: str,
    pairs: Sequence[tuple[Any, Any]],
    time_zone: str = "UTC",
) -> None:
    """Fails unless each delivered value of the found type becomes its expected one."""
    given = spark.createDataFrame([(value,) for value, _ in pairs], f"given {found}")
    values = cast(F.col("given"), given.schema["given"].dataType, column, time_zone)
    expected = spark.createDataFrame([(value,) for _, value in pairs], f"value {column.type}")
    assert_df_equality(given.select(values.alias("value")), expected, ignore_nullable=True)


def _usd(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def test_text_ids_lose_surrounding_blanks_and_blank_ones_are_null(spark: SparkSession) -> None:
    pairs = [
        ("d1", "d1"),
        ("  d1 ", "d1"),
        ("d 1", "d 1"),
        ("007", "007"),
        ("D1", "D1"),
        ("", None),
        ("   ", None),
        (None, None),
    ]
    _assert_cast(spark, ID, "string", pairs)


@pytest.mark.parametrize("found", ["int", "bigint", "decimal(20,0)"])
def test_whole_numbers_become_ids_as_text(spark: SparkSession, found: str) -> None:
    number = Decimal if found.startswith("decimal") else int
    _assert_cast(spark, ID, found, [(number(7), "7"), (number(-1), "-1"), (None, None)])


def test_long_whole_numbers_keep_every_digit_as_ids(spark: SparkSession) -> None:
    _assert_cast(spark, ID, "bigint", [(9223372036854775807, "9223372036854775807")])
    longest = [(Decimal(99999999999999999999), "99999999999999999999")]
    _assert_cast(spark, ID, "decimal(20,0)", longest)


def test_timestamps_stay_the_instants_they_are_in_any_zone(spark: SparkSession) -> None:
    pairs = [(utc("2024-03-31 01:30:00.000001"), utc("2024-03-31 01:30:00.000001")), (None, None)]
    _assert_cast(spark, TIMESTAMP, "timestamp", pairs, "UTC")
    _assert_cast(spark, TIMESTAMP, "timestamp", pairs, "Europe/Berlin")


def test_times_without_a_zone_are_utc_by_default(spark: SparkSession) -> None:
    local = [(datetime(2024, 3, 31, 2, 30), utc("2024-03-31 02:30:00")), (None, None)]  # noqa: DTZ001
    _assert_cast(spark, TIMESTAMP, "timestamp_ntz", local)
    _assert_cast(spark, TIMESTAMP, "date", [(date(2024, 7, 1), utc("2024-07-01 00:00:00"))])


def test_times_without_a_zone_follow_the_configured_one(spark: SparkSession) -> None:
    # The clocks skip 02:00-03:00 on 31 March 2024 and show 02:00-03:00 twice on 27 October. A
    # time in the gap counts with the offset before it, one that was twice is the first.
    local = [
        ("2024-01-15 12:00:00", "2024-01-15 11:00:00"),
        ("2024-07-15 12:00:00", "2024-07-15 10:00:00"),
        ("2024-03-31 01:59:59", "2024-03-31 00:59:59"),
        ("2024-03-31 02:30:00", "2024-03-31 01:30:00"),
        ("2024-03-31 03:00:00", "2024-03-31 01:00:00"),
        ("2024-10-27 01:59:59", "2024-10-26 23:59:59"),
        ("2024-10-27 02:30:00", "2024-10-27 00:30:00"),
        ("2024-10-27 03:00:00", "2024-10-27 02:00:00"),
    ]
    as_text = [(given, utc(expected)) for given, expected in local]
    _assert_cast(spark, TIMESTAMP, "string", as_text, "Europe/Berlin")
    as_times = [(datetime.fromisoformat(given), utc(expected)) for given, expected in local]
    _assert_cast(spark, TIMESTAMP, "timestamp_ntz", as_times, "Europe/Berlin")


def test_a_date_as_a_timestamp_is_its_midnight_in_the_configured_zone(spark: SparkSession) -> None:
    pairs = [
        (date(2024, 1, 15), utc("2024-01-14 23:00:00")),
        (date(2024, 7, 15), utc("2024-07-14 22:00:00")),
        (None, None),
    ]
    _assert_cast(spark, TIMESTAMP, "date", pairs, "Europe/Berlin")


def test_text_with_an_offset_or_a_zone_is_that_instant_whatever_is_configured(
    spark: SparkSession,
) -> None:
    pairs = [
        ("2024-07-01T10:30:00Z", utc("2024-07-01 10:30:00")),
        ("2024-07-01 10:30:00.25Z", utc("2024-07-01 10:30:00.250000")),
        ("2024-07-01T10:30:00+02:00", utc("2024-07-01 08:30:00")),
        ("2024-07-01 10:30:00-0330", utc("2024-07-01 14:00:00")),
        ("2024-07-01 10:30:00 America/New_York", utc("2024-07-01 14:30:00")),
        ("2024-07-01 10:30:00 UTC", utc("2024-07-01 10:30:00")),
    ]
    _assert_cast(spark, TIMESTAMP, "string", pairs, "UTC")
    _assert_cast(spark, TIMESTAMP, "string", pairs, "Europe/Berlin")


@pytest.mark.parametrize("time_zone", ["UTC", "Europe/Berlin"])
def test_what_is_finer_than_a_microsecond_is_cut_off_text(
    spark: SparkSession, time_zone: str
) -> None:
    pairs = [
        ("2024-07-01T10:30:59.1234567Z", utc("2024-07-01 10:30:59.123456")),
        ("2024-07-01 10:30:59.999999999Z", utc("2024-07-01 10:30:59.999999")),
    ]
    _assert_cast(spark, TIMESTAMP, "string", pairs, time_zone)


def test_text_without_an_offset_is_in_the_configured_zone_however_short(
    spark: SparkSession,
) -> None:
    pairs = [
        ("2024-07-01T10:30:00.5", utc("2024-07-01 08:30:00.500000")),
        ("2024-07-01 10:30:00 ", utc("2024-07-01 08:30:00")),
        (" 2024-07-01 10:30", utc("2024-07-01 08:30:00")),
        ("2024-07-01 10:30\x00", utc("2024-07-01 08:30:00")),
        ("2024-07-01 10", utc("2024-07-01 08:00:00")),
        ("2024-7-1", utc("2024-06-30 22:00:00")),
        ("2024-07-01", utc("2024-06-30 22:00:00")),
    ]
    _assert_cast(spark, TIMESTAMP, "string", pairs, "Europe/Berlin")


@pytest.mark.parametrize("time_zone", ["UTC", "Europe/Berlin"])
def test_text_that_is_no_timestamp_is_null(spark: SparkSession, time_zone: str) -> None:
    texts = [
        "garbage",
        "",
        " ",
        "12:30",
        "T12:30:00",
        "12:30:00Z",
        "now",
        "today",
        "2024",
        "2024-07",
        "20240701",
        "1720000000",
        "2024-02-30",
        "2024-13-01 00:00:00",
        "2024-07-01 25:00:00",
        "01.07.2024",
        "2024/07/01",
        "2024-07-01 10:30:00 Mars/Base",
        None,
    ]
    _assert_cast(spark, TIMESTAMP, "string", [(text, None) for text in texts], time_zone)


def test_text_that_is_a_day_becomes_a_date_and_nothing_else_does(spark: SparkSession) -> None:
    pairs = [
        ("2024-07-01", date(2024, 7, 1)),
        (" 2024-7-1 ", date(2024, 7, 1)),
        ("2024-07-01 00:00:00", date(2024, 7, 1)),
        ("2024-07-01T00:00:00.000Z", date(2024, 7, 1)),
        ("2024-07-01 10:30:00", None),
        ("2024-07-01 garbage", None),
        ("2024", None),
        ("2024-07", None),
        ("2024-02-30", None),
        ("12:30", None),
        ("", None),
        (None, None),
    ]
    _assert_cast(spark, DAY, "string", pairs)


def test_a_date_stays_a_date(spark: SparkSession) -> None:
    _assert_cast(spark, DAY, "date", [(date(2024, 7, 1), date(2024, 7, 1)), (None, None)])


def test_other_text_stays_as_it_is(spark: SparkSession) -> None:
    _assert_cast(spark, COUNTRY, "string", [(" SE ", " SE "), ("", ""), (None, None)])
    _assert_cast(spark, COUNTRY, "int", [(46, "46"), (None, None)])


@pytest.mark.parametrize("found", ["tinyint", "smallint", "int", "bigint"])
def test_whole_numbers_are_exact_amounts(spark: SparkSession, found: str) -> None:
    _assert_cast(spark, USD, found, [(7, _usd("7.00")), (-7, _usd("-7.00")), (None, None)])
    _assert_cast(spark, MINOR, found, [(7, 7), (0, 0), (None, None)])


def test_a_whole_number_beyond_the_amount_s_digits_is_null(spark: SparkSession) -> None:
    pairs = [
        (9_999_999_999_999_999, _usd("9999999999999999.00")),
        (10_000_000_000_000_000, None),
        (-10_000_000_000_000_000, None),
    ]
    _assert_cast(spark, USD, "bigint", pairs)


def test_decimals_are_amounts_when_nothing_is_finer_than_a_cent(spark: SparkSession) -> None:
    pairs = [
        ("12.50", "12.50"),
        ("12.500000000", "12.50"),
        ("-0.01", "-0.01"),
        ("12.505", None),
        ("0.000000001", None),
        ("9999999999999999.99", "9999999999999999.99"),
        ("9999999999999999.995", None),
        ("10000000000000000", None),
        (None, None),
    ]
    wide = [(_usd(given), _usd(expected)) for given, expected in pairs]
    _assert_cast(spark, USD, "decimal(38,9)", wide)


def test_a_decimal_of_the_contract_s_own_type_is_taken_as_it_is(spark: SparkSession) -> None:
    pairs = [(Decimal("9999999999999999.99"), Decimal("9999999999999999.99")), (None, None)]
    _assert_cast(spark, USD, "decimal(18,2)", pairs)


def test_a_decimal_of_fractions_alone_is_null_rather_than_an_overflow(spark: SparkSession) -> None:
    pairs = [(Decimal("0.99"), Decimal("0.99")), (Decimal("0.999"), None)]
    _assert_cast(spark, USD, "decimal(38,38)", pairs)


def test_decimals_are_minor_units_when_they_are_whole(spark: SparkSession) -> None:
    pairs = [
        (Decimal("9223372036854775807.000"), 9223372036854775807),
        (Decimal("9223372036854775808.000"), None),
        (Decimal("99.000"), 99),
        (Decimal("99.001"), None),
        (None, None),
    ]
    _assert_cast(spark, MINOR, "decimal(38,3)", pairs)


SCALE_22, SCALE_30, SCALE_38 = "decimal(38,22)", "decimal(38,30)", "decimal(38,38)"


@pytest.mark.parametrize(
    ("found", "pairs"),
    [
        (
            SCALE_22,
            [
                ("9999999999999999.99", "9999999999999999.99"),
                ("9999999999999999.9900000000000000000001", None),
                ("9999999999999999.9999999999999999999999", None),
                ("-9999999999999999.9900000000000000000001", None),
            ],
        ),
        (
            SCALE_30,
            [
                ("0", "0.00"),
                ("19.99", "19.99"),
                ("19.990000000000000000000000000001", None),
                ("-19.99", "-19.99"),
                ("-19.990000000000000000000000000001", None),
                ("0.000000000000000000000000000001", None),
                ("99999999.99", "99999999.99"),
                ("99999999.999999999999999999999999999999", None),
            ],
        ),
        (
            SCALE_38,
            [
                ("0.99", "0.99"),
                ("0.99999999999999999999999999999999999999", None),
                ("-0.00000000000000000000000000000000000001", None),
            ],
        ),
    ],
)
def test_a_decimal_of_any_scale_is_an_amount_only_to_its_last_place(
    spark: SparkSession, found: str, pairs: list[tuple[str, str | None]]
) -> None:
    _assert_cast(spark, USD, found, [(_usd(given), _usd(expected)) for given, expected in pairs])


@pytest.mark.parametrize(
    ("found", "pairs"),
    [
        (
            "decimal(38,20)",
            [
                ("5", 5),
                ("5.00000000000000000001", None),
                ("-5", -5),
                ("-5.00000000000000000001", None),
                ("999999999999999999", 999999999999999999),
                ("999999999999999999.99999999999999999999", None),
            ],
        ),
        (
            "decimal(38,19)",
            [
                ("9223372036854775807", 9223372036854775807),
                ("9223372036854775808", None),
                ("-9223372036854775808", -9223372036854775808),
                ("-9223372036854775808.0000000000000000001", None),
            ],
        ),
        (SCALE_38, [("0", 0), ("0.99999999999999999999999999999999999999", None)]),
    ],
)
def test_a_decimal_of_any_scale_is_minor_units_only_when_it_is_whole_to_its_last_place(
    spark: SparkSession, found: str, pairs: list[tuple[str, int | None]]
) -> None:
    _assert_cast(spark, MINOR, found, [(Decimal(given), expected) for given, expected in pairs])


@pytest.mark.parametrize("found", ["float", "double"])
def test_binary_fractions_are_the_amounts_they_read_as(spark: SparkSession, found: str) -> None:
    pairs = [
        (19.99, _usd("19.99")),
        (0.1, _usd("0.10")),
        (0.5, _usd("0.50")),
        (-3.0, _usd("-3.00")),
        (12.505, None),
        (0.001, None),
        (NAN, None),
        (INFINITY, None),
        (-INFINITY, None),
        (1e20, None),
        (1e16, None),
        (0.0, _usd("0.00")),
        (-0.0, _usd("0.00")),
        (1e-20, None),
        (-1e-20, None),
        (None, None),
    ]
    _assert_cast(spark, USD, found, pairs)


def test_a_double_that_arithmetic_left_finer_than_a_cent_is_null(spark: SparkSession) -> None:
    _assert_cast(spark, USD, "double", [(0.1 + 0.2, None), (0.3, _usd("0.30"))])


@pytest.mark.parametrize("found", ["float", "double"])
def test_binary_fractions_are_minor_units_when_they_are_whole(
    spark: SparkSession, found: str
) -> None:
    pairs = [(1999.0, 1999), (1999.5, None), (NAN, None), (INFINITY, None), (1e19, None), (0.0, 0)]
    _assert_cast(spark, MINOR, found, pairs)


def test_text_is_an_amount_when_it_is_a_number_of_cents(spark: SparkSession) -> None:
    pairs = [
        ("12.50", "12.50"),
        (" 7 ", "7.00"),
        ("1e3", "1000.00"),
        ("1.5E+2", "150.00"),
        (".5", "0.50"),
        ("5.", "5.00"),
        ("+5", "5.00"),
        ("-5", "-5.00"),
        ("0012.5", "12.50"),
        ("12.50000000000000000000", "12.50"),
        ("9999999999999999.99", "9999999999999999.99"),
        ("1999e-2", "19.99"),
        ("-1999E-02", "-19.99"),
        ("1990e-3", "1.99"),
        ("1.999000e+01", "19.99"),
        ("5.000000e-02", "0.05"),
        ("1.50000000000000000000e-1", "0.15"),
        (".5e-0", "0.50"),
        ("10000000e-9", "0.01"),
        ("999999999999999999e-2", "9999999999999999.99"),
        ("0E-18", "0.00"),
        ("0.00e-38", "0.00"),
    ]
    _assert_cast(spark, USD, "string", [(text, _usd(usd)) for text, usd in pairs])


def test_text_that_is_no_number_of_cents_is_null(spark: SparkSession) -> None:
    texts = [
        "12.505",
        "12.50000000000000000001",
        "abc",
        "",
        " ",
        "1e",
        "1e99",
        "1e-",
        "1999e-3",
        "-1999e-3",
        "1.000000001e-9",
        "1e-9",
        "1e-10",
        "1e-19",
        "1e-99",
        "1e-400",
        "1e-2147483648",
        "1.0000000000000000001e-2",
        "1000000000000000000e-2",
        "1,000",
        "1_000",
        "$5",
        "5 USD",
        "12f",
        "0x10",
        "NaN",
        "Infinity",
        "10000000000000000",
        "1" * 39,
        None,
    ]
    _assert_cast(spark, USD, "string", [(text, None) for text in texts])


def test_text_is_a_number_of_minor_units_when_it_is_whole(spark: SparkSession) -> None:
    pairs = [
        ("1250", 1250),
        ("1250.00", 1250),
        ("1e3", 1000),
        ("500e-2", 5),
        ("-500e-2", -5),
        ("5e-1", None),
        ("1e-400", None),
        ("0E-18", 0),
        ("9223372036854775807", 9223372036854775807),
        ("9223372036854775808", None),
        ("12.5", None),
        ("1250.00000000000000000001", None),
        ("abc", None),
        ("", None),
        (None, None),
    ]
    _assert_cast(spark, MINOR, "string", pairs)


@pytest.mark.parametrize("column", [ID, TIMESTAMP, MINOR, USD, DAY, COUNTRY])
@pytest.mark.parametrize(
    "found", ["boolean", "binary", "array<int>", "map<string,int>", "struct<a:int>"]
)
def test_a_type_that_holds_something_else_is_refused(column: ContractColumn, found: str) -> None:
    assert not can_cast(T.DataType.fromDDL(found), column)


@pytest.mark.parametrize("column", [ID, TIMESTAMP, MINOR, USD, DAY, COUNTRY])
def test_text_and_nothing_at_all_can_be_any_column(column: ContractColumn) -> None:
    assert can_cast(T.StringType(), column)
    assert can_cast(T.NullType(), column)


@pytest.mark.parametrize(
    ("column", "found"),
    [
        (ID, T.DoubleType()),
        (ID, T.FloatType()),
        (ID, T.DecimalType(20, 1)),
        (ID, T.DateType()),
        (TIMESTAMP, T.LongType()),
        (TIMESTAMP, T.DoubleType()),
        (DAY, T.TimestampType()),
        (DAY, T.IntegerType()),
        (MINOR, T.TimestampType()),
        (USD, T.DateType()),
        (COUNTRY, T.DoubleType()),
    ],
)
def test_a_type_that_can_lose_something_in_every_row_is_refused(
    column: ContractColumn, found: T.DataType
) -> None:
    assert not can_cast(found, column)
