"""A table is there if Delta says so, whatever else its folder holds."""

from pathlib import Path

from pyspark.sql import SparkSession

from customer_mart.publish.target import target
from customer_mart.settings.settings import Mart
from tests.publish.conftest import CopyOf


def test_a_folder_is_a_table_only_with_a_log_that_holds_one(
    spark: SparkSession, tmp_path: Path, copy_of: CopyOf
) -> None:
    nothing = target("quarantine", Mart(location=str(tmp_path)))
    assert not nothing.exists(spark)
    (tmp_path / "quarantine" / "_delta_log").mkdir(parents=True)
    assert not nothing.exists(spark)
    spark.range(1).write.mode("append").parquet(nothing.place)
    assert not nothing.exists(spark)
    assert copy_of("mart_runs").exists(spark)
