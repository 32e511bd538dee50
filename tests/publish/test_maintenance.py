import json
import shutil
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from customer_mart.contracts import contract
from customer_mart.maintain import retention_hours
from customer_mart.publish.maintenance import compact, crowded_partitions, size, vacuum
from customer_mart.publish.target import Target
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
    monkeypatch.setattr("customer_mart.publish.maintenance.MOST_PARTITIONS_NAMED", 1)
    row = by_name(spark, dim.contract.ddl, [customer(user_id="u1")]).coalesce(1)
    dim.append(row.write.partitionBy("signup_date"))
    before = _rows(spark, dim)
    assert compact(spark, dim, max_files=1) == 2
    assert size(spark, dim).files == 2
    assert _rows(spark, dim) == before
    optimized = spark.sql(f"DESCRIBE HISTORY {dim.identifier}").where("operation = 'OPTIMIZE'")
    assert optimized.count() == 2


def test_compacted_files_have_statistics(spark: SparkSession, dim: Target) -> None:
    compact(spark, dim, max_files=1)
    [*_, log] = sorted(Path(dim.place, "_delta_log").glob("*.json"))
    actions = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    [stats] = [json.loads(action["add"]["stats"]) for action in actions if "add" in action]
    assert stats["numRecords"] == 5
    assert stats["minValues"]["country"] == stats["maxValues"]["country"] == "SE"


def test_vacuum_keeps_what_young_versions_need(spark: SparkSession, dim: Target) -> None:
    compact(spark, dim, max_files=1)
    on_disk = len(list(Path(dim.place).rglob("*.parquet")))
    vacuum(spark, dim, 168)
    assert len(list(Path(dim.place).rglob("*.parquet"))) == on_disk
    vacuum(spark, dim, 0)
    assert len(list(Path(dim.place).glob("signup_date=*/*.parquet"))) == 2
    check = "spark.databricks.delta.retentionDurationCheck.enabled"
    assert spark.conf.get(check, "true") == "true"


def test_versions_of_the_last_successful_run_are_kept(spark: SparkSession, tmp_path: Path) -> None:
    now = datetime(2025, 3, 1, tzinfo=timezone.utc)
    settings = load_settings(None, [], {"mart": str(tmp_path)})
    assert retention_hours(spark, settings, now) == 168
    runs = [
        ("succeeded", now - timedelta(days=20)),
        ("succeeded", now - timedelta(days=10)),
        ("failed", now - timedelta(hours=1)),
    ]
    frame = spark.createDataFrame(runs, "status string, started_at timestamp")
    frame.write.format("delta").save(str(tmp_path / "mart_runs"))
    assert retention_hours(spark, settings, now) == 10 * 24 + 1
    allowed = load_settings(None, ["maintenance.keep_last_run=false"], {"mart": str(tmp_path)})
    assert retention_hours(spark, allowed, now) == 168
