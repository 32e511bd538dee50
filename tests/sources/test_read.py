from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from chispa import assert_df_equality
from pyspark.sql import DataFrame, SparkSession

from customer_mart.contracts import contract
from customer_mart.errors import DataError
from customer_mart.settings import Source
from customer_mart.sources import SourceTable, open_source
from tests.frames import staging, utc

DELIVERED = Source(table="delivered")


@pytest.fixture(autouse=True, scope="module")
def _forgotten(spark: SparkSession) -> Iterator[None]:
    """Takes the view away after the last of these tests."""
    yield
    spark.catalog.dropTempView("delivered")


def _opened(
    frame: DataFrame, name: str, source: Source = DELIVERED, time_zone: str = "UTC"
) -> SourceTable:
    """The source that a view of the frame is."""
    frame.createOrReplaceTempView("delivered")
    opened = open_source(frame.sparkSession, name, source, time_zone)
    assert opened is not None
    return opened


def test_a_source_as_its_contract_says_is_read_as_it_is(spark: SparkSession) -> None:
    signups = staging(
        spark,
        "stg_signups",
        [("u1", utc("2024-01-01 00:00:00"), "SE"), (None, None, None)],
    )
    opened = _opened(signups, "stg_signups")
    assert opened.extra_columns == []
    assert_df_equality(opened.typed(), signups, ignore_nullable=True)


@pytest.mark.parametrize(
    ("name", "may_share_keys"),
    [("stg_signups", False), ("stg_deposits", True), ("stg_games", False)],
)
def test_users_may_share_the_keys_of_facts_unless_these_are_declared_unique(
    spark: SparkSession, name: str, may_share_keys: bool
) -> None:
    rows = staging(spark, name, [])
    opened = _opened(rows, name)
    assert opened.may_share_keys is may_share_keys
    assert opened.is_unique is (name == "stg_games")
    unique = _opened(rows, name, Source(table="delivered", unique=True))
    assert (unique.may_share_keys, unique.is_unique) == (False, True)


def test_columns_are_found_in_any_order_and_case_and_extra_ones_are_reported(
    spark: SparkSession,
) -> None:
    delivered = spark.createDataFrame(
        [("web", 250, "u1", "2024-01-01 10:00:00", "d1", "x")],
        "Source string, DEPOSIT_AMOUNT_MINOR int, User_Id string, deposit_timestamp string, "
        "deposit_id string, `loaded.at` string",
    )
    opened = _opened(delivered, "stg_deposits")
    expected = [("d1", "u1", utc("2024-01-01 10:00:00"), 250)]
    assert opened.extra_columns == ["Source", "loaded.at"]
    assert_df_equality(
        opened.typed(), staging(spark, "stg_deposits", expected), ignore_nullable=True
    )


def test_columns_are_found_under_the_names_that_the_settings_give(spark: SparkSession) -> None:
    delivered = spark.createDataFrame(
        [("d1", "u1", utc("2024-01-01 10:00:00"), 250, 9)],
        "deposit_id string, `customer.no` string, deposit_timestamp timestamp, "
        "Deposit_Amount_InMinor bigint, user_id int",
    )
    mapped = {"deposit_amount_minor": "deposit_amount_inminor", "user_id": "customer.no"}
    source = Source(table="delivered", columns=mapped)
    opened = _opened(delivered, "stg_deposits", source)
    expected = [("d1", "u1", utc("2024-01-01 10:00:00"), 250)]
    assert opened.extra_columns == ["user_id"]
    assert_df_equality(
        opened.typed(), staging(spark, "stg_deposits", expected), ignore_nullable=True
    )


def test_values_that_cannot_be_cast_without_loss_are_null(spark: SparkSession) -> None:
    delivered = spark.createDataFrame(
        [
            (" p1 ", 7, "", "2024-07-01 10:30", "12.50"),
            ("p2", 8, "g1", "12:30", "12.505"),
        ],
        "purchase_id string, user_id bigint, game_id string, purchase_timestamp string, "
        "purchase_amount_usd string",
    )
    opened = _opened(delivered, "stg_ticket_purchases", time_zone="Europe/Berlin")
    expected = staging(
        spark,
        "stg_ticket_purchases",
        [
            ("p1", "7", None, utc("2024-07-01 08:30:00"), Decimal("12.50")),
            ("p2", "8", "g1", None, None),
        ],
    )
    assert_df_equality(opened.typed(), expected, ignore_nullable=True)


@pytest.mark.parametrize(
    ("found", "pairs"),
    [
        (
            "string",
            [("1,500,000", True), ("1.5", True), ("500", False), (" ", False), (None, False)],
        ),
        (
            "decimal(38,1)",
            [
                (Decimal("9223372036854775808.0"), True),
                (Decimal("0.5"), True),
                (Decimal("7.0"), False),
                (None, False),
            ],
        ),
        ("bigint", [(2**63 - 1, False), (None, False)]),
    ],
)
def test_a_value_is_unreadable_that_is_there_and_cannot_be_cast(
    spark: SparkSession, found: str, pairs: list[tuple[Any, bool]]
) -> None:
    rows = [(str(n), "Keno", value) for n, (value, _) in enumerate(pairs)]
    delivered = spark.createDataFrame(rows, f"game_id string, game_name string, jackpot {found}")
    mapped = {"jackpot_estimate_minor": "jackpot"}
    opened = _opened(delivered, "stg_games", Source(table="delivered", columns=mapped))
    is_it = opened.is_unreadable("jackpot_estimate_minor").alias("is_it")
    told = {row["game_id"]: bool(row["is_it"]) for row in opened.typed(is_it).collect()}
    assert told == {str(n): expected for n, (_, expected) in enumerate(pairs)}


def test_the_row_as_read_is_kept_whole_as_text(spark: SparkSession) -> None:
    delivered = spark.sql(
        "SELECT ' g1 ' AS Game_Id, CAST(NULL AS STRING) AS game_name,"
        " 1.5D AS jackpot_estimate_minor, TIMESTAMP'2024-01-01 10:00:00Z' AS `loaded.at`,"
        " X'CAFE' AS raw, named_struct('a', 1) AS nested, array(1, 2) AS many"
    )
    opened = _opened(delivered, "stg_games")
    [row] = opened.typed(opened.as_read).collect()
    assert row.asDict() == {
        "game_id": "g1",
        "game_name": None,
        "jackpot_estimate_minor": None,
        "as_read": {
            "Game_Id": " g1 ",
            "game_name": None,
            "jackpot_estimate_minor": "1.5",
            "loaded.at": "2024-01-01 10:00:00",
            "raw": "CAFE",
            "nested": '{"a":1}',
            "many": "[1,2]",
        },
    }


def test_a_missing_column_is_named_with_its_type_and_with_what_is_there(
    spark: SparkSession,
) -> None:
    delivered = spark.createDataFrame([], "user_id string, signed_up timestamp, country string")
    with pytest.raises(DataError) as refused:
        _opened(delivered, "stg_signups")
    assert str(refused.value) == (
        "Source stg_signups at delivered has no column signup_timestamp (timestamp expected); "
        "it has user_id, signed_up, country"
    )


def test_a_missing_column_is_named_as_the_settings_call_it(spark: SparkSession) -> None:
    delivered = spark.createDataFrame([], contract("stg_games").ddl)
    source = Source(table="delivered", columns={"game_id": "id"})
    with pytest.raises(DataError, match=r"has no column id \(string expected\)"):
        _opened(delivered, "stg_games", source)


@pytest.mark.parametrize(
    ("column", "expected", "found", "shown"),
    [
        ("deposit_id", "string", "double", "double"),
        ("deposit_id", "string", "boolean", "boolean"),
        ("user_id", "string", "binary", "binary"),
        ("deposit_timestamp", "timestamp", "bigint", "bigint"),
        ("deposit_timestamp", "timestamp", "boolean", "boolean"),
        ("deposit_amount_minor", "bigint", "binary", "binary"),
        ("deposit_amount_minor", "bigint", "array<bigint>", "array<bigint>"),
        ("deposit_amount_minor", "bigint", "struct<cents: bigint>", "struct<cents:bigint>"),
    ],
)
def test_a_type_that_would_lose_data_is_refused_by_name(
    spark: SparkSession, column: str, expected: str, found: str, shown: str
) -> None:
    types = {c.name: c.type for c in contract("stg_deposits").columns} | {column: found}
    ddl = ", ".join(f"{name} {kind}" for name, kind in types.items())
    with pytest.raises(DataError) as refused:
        _opened(spark.createDataFrame([], ddl), "stg_deposits")
    assert str(refused.value) == (
        f"Source stg_deposits at delivered has column {column} of type {shown}, which cannot be "
        f"cast to {expected} without loss"
    )


def test_a_missing_source_is_named_with_its_place(spark: SparkSession, tmp_path: Path) -> None:
    place = str(tmp_path / "stg_games")
    with pytest.raises(DataError, match=f"^Source stg_games is missing: nothing is at {place}$"):
        open_source(spark, "stg_games", Source(path=place), "UTC")
    with pytest.raises(DataError, match=r"nothing is at no_such_table$"):
        open_source(spark, "stg_games", Source(table="no_such_table"), "UTC")


def test_an_optional_source_may_be_missing(spark: SparkSession, tmp_path: Path) -> None:
    source = Source(path=str(tmp_path / "stg_funnel_spend"))
    assert open_source(spark, "stg_funnel_spend", source, "UTC", optional=True) is None


def test_a_file_that_cannot_be_read_is_named_with_its_source(
    spark: SparkSession, tmp_path: Path
) -> None:
    file = tmp_path / "stg_games.parquet"
    file.write_text("this is no Parquet")
    with pytest.raises(DataError) as refused:
        open_source(spark, "stg_games", Source(path=str(tmp_path / "stg_games")), "UTC")
    message = str(refused.value)
    assert message.startswith(f"Source stg_games at {file} cannot be read as parquet: ")
    assert "An error occurred while calling" not in message
    assert "\n" not in message


@pytest.mark.parametrize("named", ["auto", "delta", "csv"])
def test_a_place_that_cannot_be_reached_is_named_with_its_source(
    spark: SparkSession, named: str
) -> None:
    place = "nosuchstore://raw/stg_games"
    source = Source.model_validate({"path": place, "format": named})
    with pytest.raises(DataError) as refused:
        open_source(spark, "stg_games", source, "UTC")
    message = str(refused.value)
    assert message.startswith("Source stg_games")
    assert place in message
    assert "An error occurred while calling" not in message


def test_a_file_without_a_byte_counts_as_missing(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "stg_games.csv").touch()
    with pytest.raises(DataError, match="Source stg_games is missing: nothing is at "):
        open_source(spark, "stg_games", Source(path=str(tmp_path / "stg_games")), "UTC")


def test_a_file_with_a_header_alone_is_an_empty_source(
    spark: SparkSession, tmp_path: Path
) -> None:
    (tmp_path / "stg_games.csv").write_text("game_id,game_name,jackpot_estimate_minor\n")
    opened = open_source(spark, "stg_games", Source(path=str(tmp_path / "stg_games")), "UTC")
    assert opened is not None
    assert opened.typed().isEmpty()


def test_csv_is_cast_from_text_to_the_contract_s_types(
    spark: SparkSession, tmp_path: Path
) -> None:
    (tmp_path / "stg_signups.csv").write_text(
        "user_id,signup_timestamp,country\n"
        " u1 ,2024-01-01T10:00:00Z,SE\n"
        ",2024-01-01 10:00:00,\n"
        'u3,yesterday,"Korea, South"\n'
    )
    opened = open_source(spark, "stg_signups", Source(path=str(tmp_path / "stg_signups")), "UTC")
    assert opened is not None
    expected = staging(
        spark,
        "stg_signups",
        [
            ("u1", utc("2024-01-01 10:00:00"), "SE"),
            (None, utc("2024-01-01 10:00:00"), None),
            ("u3", None, "Korea, South"),
        ],
    )
    assert_df_equality(opened.typed(), expected, ignore_nullable=True)


@pytest.mark.parametrize("file_format", ["parquet", "csv"])
def test_what_folders_are_named_is_read_as_text(
    spark: SparkSession, tmp_path: Path, file_format: str
) -> None:
    rows = [
        ("p1", "u1", "007", "2024-07-01 10:30:00", "12.50"),
        ("p2", "u1", "8", "2024-07-01", "7"),
        ("p3", "u1", None, "2024-07-01", "7"),
    ]
    names = ["purchase_id", "user_id", "game_id", "purchase_timestamp", "purchase_amount_usd"]
    frame = spark.createDataFrame(rows, ", ".join(f"{name} string" for name in names))
    place = str(tmp_path / "stg_ticket_purchases")
    writer = frame.write.partitionBy("game_id", "purchase_timestamp", "purchase_amount_usd")
    writer.option("header", "true").format(file_format).save(place)
    opened = open_source(spark, "stg_ticket_purchases", Source(path=place), "Europe/Berlin")
    assert opened is not None
    expected = staging(
        spark,
        "stg_ticket_purchases",
        [
            ("p1", "u1", "007", utc("2024-07-01 08:30:00"), Decimal("12.50")),
            ("p2", "u1", "8", utc("2024-06-30 22:00:00"), Decimal("7.00")),
            ("p3", "u1", None, utc("2024-06-30 22:00:00"), Decimal("7.00")),
        ],
    )
    assert_df_equality(opened.typed(), expected, ignore_nullable=True, ignore_row_order=True)


@pytest.mark.parametrize("column", ["spend_date", "spend_minor"])
def test_a_day_or_a_number_that_folders_name_is_still_one(
    spark: SparkSession, tmp_path: Path, column: str
) -> None:
    rows = [(date(2024, 1, 1), "spring", "search", 100)]
    spend = staging(spark, "stg_funnel_spend", rows)
    place = str(tmp_path / "stg_funnel_spend")
    spend.write.partitionBy(column).parquet(place)
    opened = open_source(spark, "stg_funnel_spend", Source(path=place), "UTC")
    assert opened is not None
    assert_df_equality(opened.typed(), spend, ignore_nullable=True)
