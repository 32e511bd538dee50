import json
from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from chispa import assert_df_equality
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from customer_mart.contracts import contract
from customer_mart.fingerprint import package_version
from customer_mart.publish.commit import commit_metadata, publish
from customer_mart.publish.history import (
    history,
    metadata_of_rows,
    newest_version,
    version_of_run,
)
from customer_mart.publish.target import Target
from tests.frames import by_name, utc
from tests.publish.conftest import CopyOf
from tests.publish.mart_rows import score

FIRST, SECOND = date(2024, 6, 1), date(2024, 6, 2)
BEST_FIRST = [("u5", "90.00"), ("u2", "40.50"), ("u4", "40.50"), ("u1", "9.75"), ("u3", "0.00")]
FILE_LIMIT = 1_000_000


def _scores(spark: SparkSession, rows: Sequence[tuple[str, date, str]]) -> DataFrame:
    """Scores by user, signup date and ltv_score, spread over four tasks."""
    scores = [
        score(user_id=user, signup_date=signup, ltv_score=Decimal(points))
        for user, signup, points in rows
    ]
    return by_name(spark, contract("customer_ltv_scoring").ddl, scores).repartition(4, "user_id")


def _commits_of_runs(spark: SparkSession, table: Target) -> list[tuple[int, dict[str, str]]]:
    """Versions that runs published, newest first, and what they said of themselves."""
    return [(c.version, c.metadata) for c in history(spark, table) if c.metadata]


def _publish(
    spark: SparkSession, rows: DataFrame, table: Target, run_id: str, limit: int = FILE_LIMIT
) -> int:
    metadata = commit_metadata(run_id, utc("2025-01-01 00:00:00"), "abc")
    order = [F.desc("ltv_score"), F.asc("user_id")]
    return publish(spark, rows, table, metadata, order=order, max_records_per_file=limit)


def _files_added(table: Target, version: int) -> dict[str, list[Path]]:
    """The files that a commit added, by signup_date and in the order they were written.

    A file's name ends in its number among those of its task: `.c000.snappy.parquet`.
    """
    folder = Path(table.place)
    lines = (folder / f"_delta_log/{version:020}.json").read_text(encoding="utf-8").splitlines()
    added = [json.loads(line)["add"] for line in lines if "add" in json.loads(line)]
    by_date: dict[str, list[Path]] = {}
    for file in sorted(added, key=lambda add: str(add["path"]).rpartition(".c")[2]):
        by_date.setdefault(file["partitionValues"]["signup_date"], []).append(
            folder / file["path"]
        )
    return by_date


def _in_file_order(file: Path) -> list[tuple[str, str]]:
    """The rows of one Parquet file as they lie in it: user and score."""
    with duckdb.connect() as connection:
        rows = connection.read_parquet(str(file)).project("user_id, ltv_score").fetchall()
    return [(user, str(points)) for user, points in rows]


def _assert_same_rows(published: DataFrame, rows: DataFrame) -> None:
    """Compares rows and types; a published column has a comment besides."""
    assert_df_equality(
        published, rows, ignore_nullable=True, ignore_row_order=True, ignore_metadata=True
    )


@pytest.fixture
def table(copy_of: CopyOf) -> Target:
    return copy_of("customer_ltv_scoring")


def test_rows_from_many_tasks_are_one_commit_and_one_ordered_file_a_date(
    spark: SparkSession, table: Target
) -> None:
    before = newest_version(spark, table)
    rows = _scores(
        spark,
        [
            ("u1", FIRST, "9.75"),
            ("u2", FIRST, "40.50"),
            ("u3", FIRST, "0.00"),
            ("u4", FIRST, "40.50"),
            ("u5", FIRST, "90.00"),
            ("u6", SECOND, "10.00"),
            ("u7", SECOND, "100.00"),
        ],
    )
    version = _publish(spark, rows, table, "run-1")
    assert version == before + 1 == newest_version(spark, table)
    files = _files_added(table, version)
    assert {day: len(of_day) for day, of_day in files.items()} == {
        "2024-06-01": 1,
        "2024-06-02": 1,
    }
    assert _in_file_order(files["2024-06-01"][0]) == BEST_FIRST
    assert _in_file_order(files["2024-06-02"][0]) == [("u7", "100.00"), ("u6", "10.00")]
    _assert_same_rows(table.read(spark, version), rows)


def test_rows_that_lie_by_date_are_ordered_where_they_are(
    spark: SparkSession, table: Target
) -> None:
    """As scores are, of the customers of a date."""
    rows = [(f"u{n}", FIRST, f"{n}.00") for n in range(3)] + [("u3", SECOND, "3.00")]
    _publish(spark, _scores(spark, rows), table, "run-1")
    metadata = commit_metadata("run-2", utc("2025-01-01 00:00:00"), "abc")
    worst_first = [F.asc("ltv_score"), F.asc("user_id")]
    version = publish(
        spark,
        table.read(spark).where("user_id != 'u1'"),
        table,
        metadata,
        order=worst_first,
        max_records_per_file=FILE_LIMIT,
        are_in_place=True,
    )
    files = _files_added(table, version)
    assert {day: [_in_file_order(file) for file in of_day] for day, of_day in files.items()} == {
        "2024-06-01": [[("u0", "0.00"), ("u2", "2.00")]],
        "2024-06-02": [[("u3", "3.00")]],
    }


def test_a_date_is_several_files_only_beyond_the_limit_and_a_publication_replaces_the_last(
    spark: SparkSession, table: Target
) -> None:
    first = _publish(spark, _scores(spark, [("gone", SECOND, "1.00")]), table, "run-1")
    rows = _scores(
        spark,
        [
            ("u1", FIRST, "9.75"),
            ("u2", FIRST, "40.50"),
            ("u3", FIRST, "0.00"),
            ("u4", FIRST, "40.50"),
            ("u5", FIRST, "90.00"),
            ("u6", SECOND, "10.00"),
            ("u7", SECOND, "100.00"),
        ],
    )
    second = _publish(spark, rows, table, "run-2", limit=2)
    files = _files_added(table, second)
    assert [_in_file_order(file) for file in files["2024-06-01"]] == [
        BEST_FIRST[:2],
        BEST_FIRST[2:4],
        BEST_FIRST[4:],
    ]
    assert len(files["2024-06-02"]) == 1
    _assert_same_rows(table.read(spark), rows)
    assert [row["user_id"] for row in table.read(spark, first).collect()] == ["gone"]
    assert _commits_of_runs(spark, table) == [
        (second, commit_metadata("run-2", utc("2025-01-01 00:00:00"), "abc")),
        (first, commit_metadata("run-1", utc("2025-01-01 00:00:00"), "abc")),
    ]
    assert version_of_run(spark, table, "run-1") == first
    assert metadata_of_rows(history(spark, table)) == _commits_of_runs(spark, table)[0][1]


def test_a_date_without_rows_is_left_out_also_where_a_session_overwrites_by_date(
    spark: SparkSession, copy_of: CopyOf
) -> None:
    table = copy_of("customer_ltv_scoring")
    _publish(spark, _scores(spark, [("u1", FIRST, "1.00"), ("u2", SECOND, "2.00")]), table, "r1")
    spark.conf.set("spark.sql.sources.partitionOverwriteMode", "dynamic")
    try:
        _publish(spark, _scores(spark, [("u1", FIRST, "1.00")]), table, "r2")
    finally:
        spark.conf.unset("spark.sql.sources.partitionOverwriteMode")
    assert [row["user_id"] for row in table.read(spark).collect()] == ["u1"]


def test_restored_rows_are_those_of_their_own_run(spark: SparkSession, table: Target) -> None:
    first = _publish(spark, _scores(spark, [("u1", FIRST, "1.00")]), table, "run-1")
    _publish(spark, _scores(spark, [("u2", FIRST, "2.00")]), table, "run-2")
    spark.sql(f"RESTORE TABLE {table.identifier} TO VERSION AS OF {first}")
    said = metadata_of_rows(history(spark, table))
    assert said == commit_metadata("run-1", utc("2025-01-01 00:00:00"), "abc")


def test_a_publication_of_no_rows_on_an_empty_table_is_a_commit_all_the_same(
    spark: SparkSession, table: Target
) -> None:
    assert _commits_of_runs(spark, table) == []
    assert metadata_of_rows(history(spark, table)) is None
    created = newest_version(spark, table)
    for later, run_id in enumerate(("run-1", "run-2"), 1):
        assert _publish(spark, _scores(spark, []), table, run_id) == created + later
        said = metadata_of_rows(history(spark, table))
        assert said == commit_metadata(run_id, utc("2025-01-01 00:00:00"), "abc")
    assert table.read(spark).isEmpty()


def test_what_has_been_added_under_a_name_is_not_added_again(
    spark: SparkSession, copy_of: CopyOf
) -> None:
    table = copy_of("customer_tier_changes")
    move = {"user_id": "u1", "as_of": utc("2025-01-01 00:00:00"), "run_id": "run-2"}
    rows = by_name(spark, table.contract.ddl, [{**move, "new_vip_tier": "Standard"}])
    for run_id, moves in [("run-1", rows.limit(0)), ("run-1", rows), ("run-2", rows)] * 2:
        table.append_once(moves.write, {"run_id": run_id}, f"moves of {run_id}", 7)
    assert table.read(spark).count() == 1
    assert [said["run_id"] for _, said in _commits_of_runs(spark, table)] == ["run-2", "run-1"]


def test_metadata_tells_the_run_the_instant_and_the_settings() -> None:
    as_of = datetime(2025, 1, 1, 9, tzinfo=timezone(timedelta(hours=9)))
    assert commit_metadata("run-1", as_of, "abc") == {
        "run_id": "run-1",
        "as_of": "2025-01-01T00:00:00+00:00",
        "settings_hash": "abc",
        "package_version": package_version(),
    }
