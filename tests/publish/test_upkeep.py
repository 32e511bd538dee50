import json
import os
import re
import shutil
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from customer_mart.contracts import contract
from customer_mart.maintain import last_run_too_old
from customer_mart.publish.history import newest_version
from customer_mart.publish.target import Target
from customer_mart.publish.upkeep import (
    compact,
    crowded_partitions,
    keep_deleted_files,
    size,
    vacuum,
)
from customer_mart.settings import load_settings
from tests.frames import by_name
from tests.publish.mart_rows import customer


@pytest.fixture(scope="module")
def crowded(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Target:
    """A table of two dates; the later one has five files, the earlier one a single one."""
    table = contract("dim_customer")
    target = Target(table, str(tmp_path_factory.mktemp("dim") / "dim_customer"), is_table=False)
    early = by_name(spark, table.ddl, [customer(user_id="u0")]).coalesce(1)
    early.write.format("delta").partitionBy("signup_date").save(target.place)
    later = F.date_add("signup_date", 1)
    for number in range(5):
        row = by_name(spark, table.ddl, [customer(user_id=f"later{number}")]).coalesce(1)
        target.append(row.withColumn("signup_date", later).write.partitionBy("signup_date"))
    return target


@pytest.fixture
def dim(crowded: Target, tmp_path: Path) -> Target:
    """A copy of it for the test alone."""
    shutil.copytree(crowded.place, tmp_path / "dim_customer")
    return replace(crowded, place=str(tmp_path / "dim_customer"))


def _rows(spark: SparkSession, target: Target) -> list[str]:
    return sorted(row["user_id"] for row in target.read(spark).collect())


def test_only_a_crowded_partition_is_compacted(spark: SparkSession, dim: Target) -> None:
    before = _rows(spark, dim)
    assert compact(spark, dim, max_files=5) == 0
    [crowded] = crowded_partitions(dim, dim.read(spark).inputFiles(), 4)
    early = [file for file in dim.read(spark).inputFiles() if crowded[0] not in file]
    assert compact(spark, dim, max_files=4) == 1
    assert size(spark, dim).files == 2
    assert set(early) < set(dim.read(spark).inputFiles())
    assert _rows(spark, dim) == before


def test_many_crowded_partitions_are_named_a_few_at_a_time(
    spark: SparkSession, dim: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("customer_mart.publish.upkeep.MOST_PARTITIONS_NAMED", 1)
    row = by_name(spark, dim.contract.ddl, [customer(user_id="u1")]).coalesce(1)
    dim.append(row.write.partitionBy("signup_date"))
    before = _rows(spark, dim)
    assert compact(spark, dim, max_files=1) == 2
    assert size(spark, dim).files == 2
    assert _rows(spark, dim) == before
    optimized = spark.sql(f"DESCRIBE HISTORY {dim.identifier}").where("operation = 'OPTIMIZE'")
    assert optimized.count() == 2


def test_where_the_platform_names_no_files_the_whole_table_is_compacted(
    spark: SparkSession, dim: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_rows: DataFrame) -> list[str]:
        raise PySparkException("no files here")

    before = _rows(spark, dim)
    with monkeypatch.context() as platform:
        platform.setattr(type(dim.read(spark)), "inputFiles", refused)
        compact(spark, dim, max_files=1)
    assert size(spark, dim).files == 2
    assert _rows(spark, dim) == before


def test_compacted_files_have_statistics(spark: SparkSession, dim: Target) -> None:
    compact(spark, dim, max_files=1)
    [*_, log] = sorted(Path(dim.place, "_delta_log").glob("*.json"))
    actions = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    [stats] = [json.loads(action["add"]["stats"]) for action in actions if "add" in action]
    assert stats["numRecords"] == 5
    assert stats["minValues"]["country"] == stats["maxValues"]["country"] == "SE"


def _hours_later(table: Target, copy: Path, hours: int) -> Target:
    """A copy of the table as it will be then: its files written and deleted so much earlier."""
    shutil.copytree(table.place, copy)
    earlier = timedelta(hours=hours)
    for log in copy.glob("_delta_log/*.json"):
        text = re.sub(
            r'"deletionTimestamp":(\d+)',
            lambda at: f'"deletionTimestamp":{int(at[1]) - earlier // timedelta(milliseconds=1)}',
            log.read_text("utf-8"),
        )
        log.write_text(text, "utf-8")
        log.with_name(f".{log.name}.crc").unlink()
    for file in copy.rglob("*.parquet"):
        then = file.stat().st_mtime - earlier.total_seconds()
        os.utime(file, (then, then))
    return replace(table, place=str(copy))


def _on_disk(table: Target) -> int:
    return len(list(Path(table.place).glob("signup_date=*/*.parquet")))


@pytest.mark.parametrize(
    ("retention", "age", "left"),
    [(24, 23, 7), (24, 25, 2), (168, 169, 2), (1000, 999, 7)],
)
def test_vacuum_deletes_what_no_version_younger_than_the_retention_needs(
    retention: int, age: int, left: int, spark: SparkSession, dim: Target, tmp_path: Path
) -> None:
    keep_deleted_files(spark, dim, retention)
    compact(spark, dim, max_files=1)
    assert _on_disk(dim) == 7
    later = _hours_later(dim, tmp_path / "later", age)
    before = _rows(spark, later)
    vacuum(spark, later, retention)
    assert _on_disk(later) == left
    assert _rows(spark, later) == before


def test_vacuum_without_retention_leaves_the_newest_version_alone(
    spark: SparkSession, dim: Target
) -> None:
    compact(spark, dim, max_files=1)
    vacuum(spark, dim, 0)
    assert _on_disk(dim) == 2
    check = "spark.databricks.delta.retentionDurationCheck.enabled"
    assert spark.conf.get(check, "true") == "true"


def test_a_table_has_its_retention_written_down_where_it_is_not_deltas_own(
    spark: SparkSession, dim: Target
) -> None:
    retention, log = "delta.deletedFileRetentionDuration", "delta.logRetentionDuration"
    keep_deleted_files(spark, dim, 168)
    assert retention not in dim.properties(spark)
    for hours in (24, 1000, 168):
        keep_deleted_files(spark, dim, hours)
        assert dim.properties(spark)[retention] == f"interval {hours} hours"
    assert dim.properties(spark)[log] == "interval 1000 hours"
    dim.set_properties(spark, {retention: "interval 8 days", log: "interval 8 days"})
    keep_deleted_files(spark, dim, 200)
    assert dim.properties(spark)[log] == "interval 200 hours"
    dim.set_properties(spark, {retention: "interval 1 week", log: "interval 365 days"})
    keep_deleted_files(spark, dim, 1000)
    assert dim.properties(spark)[log] == "interval 365 days"
    dim.set_properties(spark, {retention: "interval 1 week", log: "interval 60 days 12 hours"})
    keep_deleted_files(spark, dim, 1451)
    assert dim.properties(spark)[log] == "interval 60 days 12 hours"
    keep_deleted_files(spark, dim, 1453)
    assert dim.properties(spark)[log] == "interval 1453 hours"
    keep_deleted_files(spark, dim, 168)
    version = newest_version(spark, dim)
    keep_deleted_files(spark, dim, 168)
    assert newest_version(spark, dim) == version


def test_partitions_that_no_folder_names_are_compacted_with_their_table(
    spark: SparkSession, dim: Target
) -> None:
    for name, value in (("columnMapping.mode", "name"), ("randomizeFilePrefixes", "true")):
        dim.set_properties(spark, {f"delta.{name}": value})
    row = by_name(spark, dim.contract.ddl, [customer(user_id="u9")]).coalesce(1)
    for _ in range(2):
        dim.append(row.write.partitionBy("signup_date"))
    assert crowded_partitions(dim, dim.read(spark).inputFiles(), 1)[0] == ()
    before = _rows(spark, dim)
    compact(spark, dim, max_files=1)
    assert _rows(spark, dim) == before
    assert size(spark, dim).files == 2


def test_no_file_is_deleted_that_the_last_successful_run_may_need(
    spark: SparkSession, tmp_path: Path
) -> None:
    now = datetime(2025, 3, 11, tzinfo=timezone.utc)
    settings = load_settings(None, [], {"mart": str(tmp_path)})
    assert last_run_too_old(spark, settings, now) is None
    runs = [
        ("succeeded", datetime(2025, 2, 20, tzinfo=timezone.utc), {"dim_customer": 1}),
        ("succeeded", datetime(2025, 3, 4, 1, tzinfo=timezone.utc), {"dim_customer": 2}),
        ("succeeded", datetime(2025, 3, 9, tzinfo=timezone.utc), {"customer_ltv_scoring": 3}),
        ("failed", datetime(2025, 3, 10, tzinfo=timezone.utc), {"dim_customer": 4}),
    ]
    record = "status string, started_at timestamp, target_versions map<string, bigint>"
    frame = spark.createDataFrame(runs, record)
    ended = frame.selectExpr("*", "started_at AS finished_at", "string(started_at) AS run_id")
    ended.write.format("delta").save(str(tmp_path / "mart_runs"))
    assert last_run_too_old(spark, settings, now) is None
    told = last_run_too_old(spark, settings, now + timedelta(minutes=6))
    assert told == (
        "no file deleted, for the last successful run of dim_customer began 167.1 hours ago and "
        "maintenance.retention_hours is 168: its versions are kept until another succeeds"
    )
    allowed = load_settings(None, ["maintenance.keep_last_run=false"], {"mart": str(tmp_path)})
    assert last_run_too_old(spark, allowed, now + timedelta(days=30)) is None
