from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest
from chispa import assert_df_equality
from pyspark.sql import DataFrame, SparkSession

from customer_mart.publish.staging_area import StagingArea, clear_abandoned, staging_area
from customer_mart.session_setting import session_setting
from customer_mart.settings.settings import Mart
from tests.frames import utc


@pytest.fixture
def rows(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame(
        [("u1", utc("2024-06-01 00:00:00.000001"), Decimal("1.50")), ("u2", None, None)],
        "user_id string, time timestamp, amount decimal(28,2)",
    )


@pytest.fixture
def schema(spark: SparkSession) -> Iterator[str]:
    spark.sql("CREATE SCHEMA staged")
    yield "staged"
    spark.sql("DROP SCHEMA staged CASCADE")


def _tables(spark: SparkSession, schema: str) -> list[str]:
    """The schema's tables; Spark lists the session's temporary views with them."""
    tables = spark.sql(f"SHOW TABLES IN {schema}").where("NOT isTemporary").collect()
    return [row["tableName"].lower() for row in tables]


def test_rows_staged_in_a_folder_are_read_back_and_leave_nothing_behind(
    spark: SparkSession, tmp_path: Path, rows: DataFrame
) -> None:
    area = staging_area(spark, Mart(location=str(tmp_path)), "run-1")
    staged = area.stage("stg_deposits", rows)
    assert_df_equality(staged, rows, ignore_nullable=True, ignore_row_order=True)
    assert [path.name for path in tmp_path.glob("_staging/run-1/*")] == ["stg_deposits"]
    area.clear()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.classic("reads the physical plan")
def test_what_is_staged_is_not_computed_again(
    spark: SparkSession, tmp_path: Path, rows: DataFrame
) -> None:
    area = staging_area(spark, Mart(location=str(tmp_path)), "run-1")
    staged = area.stage("random", rows.selectExpr("user_id", "rand() AS number"))
    assert_df_equality(staged, staged.select("*"), ignore_row_order=True)
    assert "Rand" not in str(staged._jdf.queryExecution().toString())


def test_no_rows_keep_their_columns_and_types(
    spark: SparkSession, tmp_path: Path, rows: DataFrame
) -> None:
    area = staging_area(spark, Mart(location=str(tmp_path)), "run-1")
    none = rows.where("false")
    assert_df_equality(area.stage("none", none), none, ignore_nullable=True)


def test_another_run_s_rows_are_left_alone(
    spark: SparkSession, tmp_path: Path, rows: DataFrame
) -> None:
    mart = Mart(location=str(tmp_path))
    mine, other = staging_area(spark, mart, "run-1"), staging_area(spark, mart, "run-2")
    mine.stage("stg_games", rows)
    kept = other.stage("stg_games", rows)
    mine.clear()
    assert_df_equality(kept, rows, ignore_nullable=True, ignore_row_order=True)


def test_a_run_that_staged_nothing_clears_nothing(spark: SparkSession, tmp_path: Path) -> None:
    staging_area(spark, Mart(location=str(tmp_path / "mart")), "run-1").clear()
    assert list(tmp_path.iterdir()) == []


def test_rows_go_to_the_folder_that_the_settings_name(spark: SparkSession, tmp_path: Path) -> None:
    scratch = str(tmp_path / "scratch")
    for mart in (
        Mart(location="/mart", staging=scratch),
        Mart.model_validate({"schema": "lottery", "staging": scratch}),
    ):
        area = staging_area(spark, mart, "run-1")
        assert (area.place, area.is_table) == (f"{scratch}/run-1", False)


def test_the_folder_that_the_settings_name_stays(
    spark: SparkSession, tmp_path: Path, rows: DataFrame
) -> None:
    scratch = tmp_path / "scratch"
    area = staging_area(spark, Mart(location="/mart", staging=str(scratch)), "run-1")
    area.stage("stg_games", rows)
    area.clear()
    assert list(scratch.iterdir()) == []


@pytest.mark.classic("deletes a folder through the engine's own process")
def test_rows_behind_a_uri_leave_nothing_behind(
    spark: SparkSession, tmp_path: Path, rows: DataFrame
) -> None:
    area = staging_area(spark, Mart(location=tmp_path.as_uri()), "run-1")
    assert_df_equality(area.stage("a", rows), rows, ignore_nullable=True, ignore_row_order=True)
    area.clear()
    assert list(tmp_path.glob("_staging/*")) == []


def test_rows_behind_a_uri_are_emptied_where_no_jvm_deletes_a_folder(
    spark: SparkSession, tmp_path: Path, rows: DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("customer_mart.publish.staging_area.has_jvm", lambda _session: False)
    area = staging_area(spark, Mart(location=tmp_path.as_uri()), "run-1")
    assert_df_equality(area.stage("a", rows), rows, ignore_nullable=True, ignore_row_order=True)
    area.clear()
    left = spark.read.schema(rows.schema).parquet(f"{tmp_path.as_uri()}/_staging/run-1/a")
    assert left.isEmpty()


def test_rows_staged_as_tables_of_a_catalog_are_dropped(
    spark: SparkSession, schema: str, rows: DataFrame
) -> None:
    area = staging_area(spark, Mart.model_validate({"schema": schema}), "20250101T000000Z_ab12")
    staged = area.stage("stg_deposits", rows)
    assert_df_equality(staged, rows, ignore_nullable=True, ignore_row_order=True)
    assert _tables(spark, schema) == ["_staging_20250101t000000z_ab12_stg_deposits"]
    area.clear()
    assert _tables(spark, schema) == []


class Refusing:
    """A session whose server does not answer any more, and what was asked of it."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def sql(self, statement: str) -> None:
        self.asked.append(statement)
        raise ConnectionError(statement)

    def range(self, end: int) -> None:
        self.asked.append(f"range({end})")
        raise ConnectionError

    def area(self, place: str, staged: dict[str, DataFrame], *, is_table: bool) -> StagingArea:
        return StagingArea(cast("SparkSession", self), place, is_table, staged)


def test_tables_that_cannot_be_dropped_do_not_hide_what_the_run_ended_with() -> None:
    session, nothing = Refusing(), cast("DataFrame", None)
    area = session.area("crm._staging_x", {"a": nothing, "b": nothing}, is_table=True)
    with pytest.raises(ValueError, match="the run's own"):
        _failed_and_cleared(area)
    assert session.asked == [
        "DROP TABLE IF EXISTS `crm`.`_staging_x_a`",
        "DROP TABLE IF EXISTS `crm`.`_staging_x_b`",
    ]


def test_folders_that_cannot_be_emptied_do_not_hide_what_the_run_ended_with(
    rows: DataFrame,
) -> None:
    session = Refusing()
    area = session.area("s3a://lake/_staging/x", {"a": rows, "b": rows}, is_table=False)
    with pytest.raises(ValueError, match="the run's own"):
        _failed_and_cleared(area)
    assert session.asked == ["range(0)", "range(0)"]


def _failed_and_cleared(area: StagingArea) -> None:
    try:
        raise ValueError("the run's own")
    finally:
        area.clear()


def test_tables_that_killed_runs_staged_are_dropped_and_no_others(
    spark: SparkSession, schema: str, rows: DataFrame
) -> None:
    mart = Mart.model_validate({"schema": schema})
    staging_area(spark, mart, "20250101T000000Z_0a1b2c3d").stage("stg_deposits", rows)
    for name in ("_staging_of_somebody_else", "xstaging_20250101T000000Z_0a1b2c3d_a"):
        rows.write.saveAsTable(f"{schema}.{name}")
    clear_abandoned(spark, mart)
    left = ["_staging_of_somebody_else", "xstaging_20250101t000000z_0a1b2c3d_a"]
    assert _tables(spark, schema) == left


def test_what_is_staged_again_may_have_other_columns_also_where_tables_are_delta(
    spark: SparkSession, schema: str
) -> None:
    area = StagingArea(spark, f"{schema}._staging_again", is_table=True)
    with session_setting(spark, "spark.sql.sources.default", "delta"):
        area.stage("numbers", spark.range(2))
        again = area.stage("numbers", spark.createDataFrame([("a", 1)], "name string, id int"))
        assert [tuple(row) for row in again.collect()] == [("a", 1)]
        area.clear()
    assert _tables(spark, schema) == []


def test_what_is_staged_may_have_any_name_also_where_tables_are_delta(
    spark: SparkSession, schema: str
) -> None:
    area = StagingArea(spark, f"{schema}._staging_named", is_table=True)
    rows = spark.range(1).selectExpr("id AS `a, b`", "named_struct('first name', 'x') AS `c;d`")
    with session_setting(spark, "spark.sql.sources.default", "delta"):
        named = area.stage("names", rows)
        assert [row.asDict(recursive=True) for row in named.collect()] == [
            {"a, b": 0, "c;d": {"first name": "x"}}
        ]
        area.clear()


def test_only_what_killed_runs_left_beside_the_mart_is_cleared(
    spark: SparkSession, tmp_path: Path
) -> None:
    beside, named = tmp_path / "mart" / "_staging", tmp_path / "shared"
    for folder in (beside, named):
        (folder / "20250101T000000Z_killed").mkdir(parents=True)
    (named / "somebody else's").touch()
    clear_abandoned(spark, Mart(location=str(tmp_path / "mart"), staging=str(named)))
    assert sorted(path.name for path in named.iterdir()) == [
        "20250101T000000Z_killed",
        "somebody else's",
    ]
    clear_abandoned(spark, Mart(location=str(tmp_path / "mart")))
    assert not beside.exists()
