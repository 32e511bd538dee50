import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from chispa import assert_df_equality
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from customer_mart.errors import DataError
from customer_mart.settings import Source
from customer_mart.sources.files import MALFORMED
from customer_mart.sources.location import Location, locate, read_location
from tests.frames import staging

ROWS = [("g1", "Mega", 500_000_000), ("g2", "Daily", None)]
AS_TEXT = [("g1", "Mega", "500000000"), ("g2", "Daily", None)]
TEXT = "game_id string, game_name string, jackpot_estimate_minor string"
CSV = "game_id,game_name,jackpot_estimate_minor\ng1,Mega,500000000\ng2,Daily,\n"
FIRST_COMMIT = "_delta_log/00000000000000000000.json"


@pytest.fixture(scope="module")
def games(spark: SparkSession) -> DataFrame:
    return staging(spark, "stg_games", ROWS).coalesce(1)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, games: DataFrame) -> Path:
    """A folder with the games as a Delta table and as Parquet files."""
    folder = tmp_path_factory.mktemp("formats")
    games.write.format("delta").save(str(folder / "delta"))
    games.write.parquet(str(folder / "parquet"))
    return folder


@pytest.fixture
def delta(shared: Path, tmp_path: Path) -> Path:
    """A Delta table of the test's own, to write to or to damage."""
    table = tmp_path / "stg_games"
    shutil.copytree(shared / "delta", table, ignore=shutil.ignore_patterns("*.crc"))
    return table


@pytest.fixture(scope="module")
def schema(spark: SparkSession, games: DataFrame) -> Iterator[str]:
    """A schema of a catalog with the games as a Delta table, as Parquet and as a view."""
    spark.sql("CREATE SCHEMA located")
    games.write.format("delta").saveAsTable("located.games_delta")
    games.write.format("parquet").saveAsTable("located.games_parquet")
    spark.sql("CREATE VIEW located.games_view AS SELECT * FROM located.games_parquet")
    yield "located"
    spark.sql("DROP SCHEMA located CASCADE")


def _found(spark: SparkSession, source: Source) -> Location:
    location = locate(spark, "stg_games", source)
    assert location is not None
    return location


def _id(spark: SparkSession, table: str) -> str:
    return str(spark.sql(f"DESCRIBE DETAIL {table}").collect()[0]["id"])


def _assert_rows(spark: SparkSession, location: Location, expected: DataFrame) -> None:
    rows = read_location(spark, location, {}).drop(MALFORMED)
    assert_df_equality(rows, expected, ignore_nullable=True, ignore_row_order=True)


def test_a_delta_table_is_read_at_the_version_it_was_found_at(
    spark: SparkSession, delta: Path, games: DataFrame
) -> None:
    location = _found(spark, Source(path=str(delta)))
    delta_id = _id(spark, f"delta.`{delta}`")
    assert replace(location, commit="") == Location(
        "stg_games", "delta", str(delta), is_table=False, version=0, table_id=delta_id
    )
    committed_at = (delta / FIRST_COMMIT).stat().st_mtime_ns // 1_000_000
    assert re.fullmatch(f"[0-9a-f]{{12}} {committed_at}", location.commit)
    games.limit(1).write.format("delta").mode("append").save(str(delta))
    _assert_rows(spark, location, games)
    assert _found(spark, Source(path=str(delta))).version == 1


def test_parquet_files_in_a_folder_are_read(
    spark: SparkSession, shared: Path, games: DataFrame
) -> None:
    place = str(shared / "parquet")
    location = _found(spark, Source(path=place))
    assert location == Location("stg_games", "parquet", place, is_table=False, version=None)
    _assert_rows(spark, location, games)


def test_parquet_files_in_folders_named_by_a_column_have_that_column(
    spark: SparkSession, tmp_path: Path, games: DataFrame
) -> None:
    place = str(tmp_path / "stg_games")
    games.write.partitionBy("game_name").parquet(place)
    location = _found(spark, Source(path=place))
    assert location.format == "parquet"
    named = read_location(spark, location, {}).select(*games.columns)
    assert_df_equality(named, games, ignore_nullable=True, ignore_row_order=True)


def test_a_single_parquet_file_is_found_by_its_suffix(
    spark: SparkSession, shared: Path, tmp_path: Path, games: DataFrame
) -> None:
    [file] = (shared / "parquet").glob("*.parquet")
    shutil.copy(file, tmp_path / "stg_games.parquet")
    location = _found(spark, Source(path=str(tmp_path / "stg_games")))
    assert (location.format, location.place) == ("parquet", str(tmp_path / "stg_games.parquet"))
    _assert_rows(spark, location, games)


def test_csv_files_in_a_folder_are_read_as_text(spark: SparkSession, tmp_path: Path) -> None:
    folder = tmp_path / "stg_games"
    folder.mkdir()
    (folder / "2024.CSV").write_text(CSV)
    location = _found(spark, Source(path=str(folder)))
    as_text = spark.createDataFrame(AS_TEXT, TEXT)
    assert location == Location(
        "stg_games", "csv", str(folder), is_table=False, version=None, header=as_text.schema
    )
    _assert_rows(spark, location, as_text)


def test_a_single_csv_file_is_found_by_its_suffix(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "stg_games.csv").write_text(CSV)
    location = _found(spark, Source(path=str(tmp_path / "stg_games")))
    assert (location.format, location.place) == ("csv", str(tmp_path / "stg_games.csv"))
    _assert_rows(spark, location, spark.createDataFrame(AS_TEXT, TEXT))


def test_csv_doubles_a_quote_inside_a_quoted_field_and_takes_the_source_s_options(
    spark: SparkSession, tmp_path: Path
) -> None:
    lines = 'game_id;game_name;jackpot_estimate_minor\ng1;"The ""Big; One""";5\n'
    (tmp_path / "games.csv").write_text(lines)
    options = {"sep": ";"}
    location = _found(spark, Source(path=str(tmp_path / "games.csv"), options=options))
    rows = read_location(spark, location, options).drop(MALFORMED)
    expected = spark.createDataFrame([("g1", 'The "Big; One"', "5")], TEXT)
    assert_df_equality(rows, expected, ignore_nullable=True)


def test_a_csv_line_with_more_or_fewer_fields_than_the_header_comes_with_the_line(
    spark: SparkSession, tmp_path: Path
) -> None:
    lines = ["g2,Mega, Millions,5", "g3,Daily", 'g4,"Two', 'Lines",5', ",,,,"]
    header = "game_id,game_name,jackpot_estimate_minor"
    (tmp_path / "games.csv").write_text("\n".join([header, 'g1,"Mega, Millions",5', *lines]))
    rows = read_location(spark, _found(spark, Source(path=str(tmp_path / "games.csv"))), {})
    assert [row[MALFORMED] for row in rows.collect()] == [None, *lines]
    # Whatever is asked of a row.
    some = rows.select("game_id", MALFORMED).where(F.col(MALFORMED).isNull())
    assert [row["game_id"] for row in some.collect()] == ["g1"]
    assert rows.count() == 6


@pytest.mark.parametrize(
    ("files", "told"),
    [
        (["a.csv", "2024/b.csv"], "2024/b.csv and a.csv"),
        (["2023/a.csv", "2024/b.csv"], "2023/a.csv"),
        (["year=2024/b.csv", "a.csv"], "a.csv and year=2024/b.csv"),
        (["year=2023/a.csv", "year=2024/month=1/b.csv"], "year=2023/a.csv and year=2024/month=1"),
    ],
)
def test_files_in_folders_where_some_would_be_left_out_are_refused(
    spark: SparkSession, tmp_path: Path, files: list[str], told: str
) -> None:
    folder = tmp_path / "stg_games"
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(CSV)
    with pytest.raises(DataError, match=f"has files in different folders, such as {told}"):
        locate(spark, "stg_games", Source(path=str(folder)))
    no_option = Source(path=str(folder), options={"recursiveFileLookup": "false"})
    with pytest.raises(DataError, match="has files in different folders"):
        locate(spark, "stg_games", no_option)
    everywhere = {"recursiveFileLookup": "true"}
    location = _found(spark, Source(path=str(folder), options=everywhere))
    assert read_location(spark, location, everywhere).count() == 2 * len(files)


def test_files_without_a_suffix_are_refused_all_the_same(
    spark: SparkSession, tmp_path: Path
) -> None:
    (tmp_path / "games" / "2024").mkdir(parents=True)
    for file in ("part-0", "2024/part-0"):
        (tmp_path / "games" / file).write_text(CSV)
    with pytest.raises(DataError, match="has files in different folders"):
        locate(spark, "stg_games", Source(path=str(tmp_path / "games"), format="csv"))


def test_files_that_an_option_leaves_out_are_not_looked_at(
    spark: SparkSession, tmp_path: Path
) -> None:
    folder = tmp_path / "stg_games"
    (folder / "old").mkdir(parents=True)
    (folder / "old" / "2023.csv.bak").write_text(CSV)
    (folder / "a.csv").write_text(CSV)
    chosen = {"pathGlobFilter": "*.csv"}
    location = _found(spark, Source(path=str(folder), options=chosen))
    assert read_location(spark, location, chosen).count() == 2


def test_files_in_folders_of_partitions_are_read(spark: SparkSession, tmp_path: Path) -> None:
    folder = tmp_path / "stg_games"
    for year in ("2023", "2024"):
        (folder / f"year={year}").mkdir(parents=True)
        (folder / f"year={year}" / "a.csv").write_text(CSV)
    location = _found(spark, Source(path=str(folder)))
    assert read_location(spark, location, {}).count() == 4


def test_the_columns_of_folders_are_those_below_the_place(
    spark: SparkSession, tmp_path: Path
) -> None:
    folder = tmp_path / "game_id=7" / "stg_games"
    for year in ("2023", "2024"):
        (folder / f"year={year}" / "month=01").mkdir(parents=True)
        (folder / f"year={year}" / "month=01" / "a.csv").write_text(CSV)
    assert _found(spark, Source(path=str(folder))).partitions == ("year", "month")
    within = folder / "year=2024"
    assert _found(spark, Source(path=str(within))).partitions == ("month",)
    file = within / "month=01" / "a.csv"
    assert _found(spark, Source(path=str(file))).partitions == ()
    whole = {"basePath": str(folder)}
    assert _found(spark, Source(path=str(within), options=whole)).partitions == ("year", "month")
    everywhere = {"recursiveFileLookup": "true"}
    assert _found(spark, Source(path=str(folder), options=everywhere)).partitions == ()


def test_a_folder_s_name_above_the_place_is_no_column(
    spark: SparkSession, tmp_path: Path, games: DataFrame
) -> None:
    numbered = games.selectExpr("1 AS game_id", "game_name", "jackpot_estimate_minor")
    place = str(tmp_path / "game_id=007" / "stg_games")
    numbered.write.parquet(place)
    _assert_rows(spark, _found(spark, Source(path=place)), numbered)


def test_a_format_that_is_named_needs_no_suffix(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "export").write_text(CSV)
    location = _found(spark, Source(path=str(tmp_path / "export"), format="csv"))
    _assert_rows(spark, location, spark.createDataFrame(AS_TEXT, TEXT))


@pytest.mark.parametrize(
    ("named", "file", "held"),
    [
        ("csv", "stg_games/part-0.parquet", "Parquet"),
        ("csv", "stg_games.parquet", "Parquet"),
        ("delta", "stg_games/part-0.snappy.parquet", "Parquet"),
        ("delta", "stg_games.csv", "CSV"),
        ("parquet", "stg_games/2024.CSV", "CSV"),
    ],
)
def test_a_format_that_is_named_is_not_taken_for_another(
    spark: SparkSession, tmp_path: Path, named: str, file: str, held: str
) -> None:
    # Found out by their names: what is in them does not matter.
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(CSV)
    source = Source.model_validate({"path": str(tmp_path / "stg_games"), "format": named})
    with pytest.raises(DataError) as refused:
        locate(spark, "stg_games", source)
    place = tmp_path / Path(file).parts[0]
    assert str(refused.value) == (
        f"Source stg_games at {place} holds {held} files, but sources.stg_games.format is "
        f"{named}: correct the format"
    )


def test_a_format_that_is_named_decides_between_two_that_lie_side_by_side(
    spark: SparkSession, tmp_path: Path
) -> None:
    for suffix in ("parquet", "csv"):
        (tmp_path / f"stg_games.{suffix}").write_text(CSV)
    location = _found(spark, Source(path=str(tmp_path / "stg_games"), format="csv"))
    assert location.place == str(tmp_path / "stg_games.csv")


def test_a_delta_table_of_a_catalog_is_pinned(
    spark: SparkSession, schema: str, games: DataFrame
) -> None:
    location = _found(spark, Source(table=f"{schema}.games_delta"))
    table = f"{schema}.games_delta"
    assert replace(location, commit="") == Location(
        "stg_games", "table", table, is_table=True, version=0, table_id=_id(spark, table)
    )
    spark.sql(f"DELETE FROM {schema}.games_delta")
    _assert_rows(spark, location, games)


@pytest.mark.parametrize("table", ["games_parquet", "games_view"])
def test_any_other_table_or_view_of_a_catalog_is_read_as_it_is(
    spark: SparkSession, schema: str, games: DataFrame, table: str
) -> None:
    location = _found(spark, Source(table=f"spark_catalog.{schema}.{table}"))
    assert location.version is None
    _assert_rows(spark, location, games)


@pytest.mark.parametrize("table", ["no_such_table", "no_such_schema.games", "located.games"])
def test_a_table_that_is_missing_is_not_found(
    spark: SparkSession, schema: str, table: str
) -> None:
    assert schema
    assert locate(spark, "stg_games", Source(table=table)) is None


def test_a_table_that_the_catalog_cannot_look_up_is_an_error(spark: SparkSession) -> None:
    with pytest.raises(DataError, match=r"Source stg_games: the table no\.such\.games cannot"):
        locate(spark, "stg_games", Source(table="no.such.games"))


def test_a_path_with_nothing_there_is_not_found(spark: SparkSession, tmp_path: Path) -> None:
    for named in ("auto", "delta", "parquet", "csv"):
        nowhere = Source.model_validate({"path": str(tmp_path / "stg_games"), "format": named})
        assert locate(spark, "stg_games", nowhere) is None
    assert locate(spark, "stg_games", Source()) is None


def test_a_folder_without_data_is_not_found(spark: SparkSession, tmp_path: Path) -> None:
    folder = tmp_path / "stg_games"
    folder.mkdir()
    assert locate(spark, "stg_games", Source(path=str(folder))) is None
    (folder / "_SUCCESS").touch()
    assert locate(spark, "stg_games", Source(path=str(folder))) is None


def test_files_of_no_known_format_are_an_error(spark: SparkSession, tmp_path: Path) -> None:
    folder = tmp_path / "stg_games"
    folder.mkdir()
    (folder / "games.json").write_text("{}")
    with pytest.raises(DataError, match=r"stg_games at .* is neither a Delta table nor Parquet"):
        locate(spark, "stg_games", Source(path=str(folder)))


def _garble(table: Path) -> None:
    (table / FIRST_COMMIT).write_text('{"commitInfo": {')


def _empty(table: Path) -> None:
    (table / FIRST_COMMIT).write_text("")


def _lose_first_commit(table: Path) -> None:
    (table / FIRST_COMMIT).rename(table / FIRST_COMMIT.replace("0.json", "1.json"))


def _lose_every_commit(table: Path) -> None:
    (table / FIRST_COMMIT).unlink()


def _lose_the_files_of_the_log(table: Path) -> None:
    shutil.rmtree(table / "_delta_log")
    (table / "_delta_log").mkdir()


@pytest.mark.parametrize(
    "damage",
    [_garble, _empty, _lose_first_commit, _lose_every_commit, _lose_the_files_of_the_log],
)
def test_a_delta_table_with_a_damaged_log_is_an_error_and_never_read_as_parquet(
    spark: SparkSession, delta: Path, damage: object
) -> None:
    assert callable(damage)
    damage(delta)
    with pytest.raises(DataError, match=r"^Source stg_games.* Delta ") as refused:
        locate(spark, "stg_games", Source(path=str(delta)))
    assert str(delta) in str(refused.value)
    assert "An error occurred while calling" not in str(refused.value)


@pytest.mark.parametrize("named", ["parquet", "csv"])
def test_the_files_of_a_delta_table_are_not_read_under_another_format(
    spark: SparkSession, shared: Path, named: str
) -> None:
    source = Source.model_validate({"path": str(shared / "delta"), "format": named})
    with pytest.raises(DataError, match=f"is to be read as {named}"):
        locate(spark, "stg_games", source)


@pytest.mark.parametrize("file_format", ["delta", "parquet"])
def test_a_folder_may_be_named_from_where_the_process_is(
    spark: SparkSession, shared: Path, monkeypatch: pytest.MonkeyPatch, file_format: str
) -> None:
    monkeypatch.chdir(shared)
    found = locate(spark, "stg_games", Source(path=file_format))
    assert found is not None
    assert (found.format, found.place) == (file_format, str(shared / file_format))


def test_csv_files_whose_columns_are_in_another_order_are_not_read_by_position(
    spark: SparkSession, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text(CSV, encoding="utf-8")
    (tmp_path / "b.csv").write_text(
        "game_name,game_id,jackpot_estimate_minor\nDaily,g3,\n", encoding="utf-8"
    )
    found = locate(spark, "stg_games", Source(path=str(tmp_path)))
    assert found is not None
    with pytest.raises(Exception, match=r"b\.csv"):
        read_location(spark, found, {}).collect()
