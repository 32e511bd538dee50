"""Maintenance of a whole mart: what it leaves alone."""

import shutil
from pathlib import Path

from pyspark.sql import SparkSession

from customer_mart.maintain import maintain
from customer_mart.publish.target import Target, target
from customer_mart.settings import load_settings
from tests.frames import by_name
from tests.publish.mart_rows import customer, score


def _files(spark: SparkSession, table: Target) -> list[str]:
    return sorted(table.read(spark).inputFiles())


def test_scores_stay_as_they_were_published_and_only_their_old_files_go(
    spark: SparkSession, empty_mart: Path, tmp_path: Path
) -> None:
    shutil.copytree(empty_mart, tmp_path / "mart")
    one_file = ["maintenance.max_files_per_partition=1"]
    settings = load_settings(None, one_file, {"mart": str(tmp_path / "mart")})
    dim, scores = (
        target(name, settings.mart) for name in ("dim_customer", "customer_ltv_scoring")
    )
    for table, row in ((dim, customer), (scores, score)):
        for user_id in ("u1", "u2"):
            rows = by_name(spark, table.contract.ddl, [row(user_id=user_id)])
            table.append(rows.coalesce(1).write)
    published = _files(spark, scores)
    assert len(published) == len(_files(spark, dim)) == 2
    maintain(spark, settings)
    assert len(_files(spark, dim)) == 1
    assert _files(spark, scores) == published
    history = spark.sql(f"DESCRIBE HISTORY {scores.identifier}").collect()
    assert {row["operation"] for row in history} >= {"VACUUM START", "VACUUM END"}
