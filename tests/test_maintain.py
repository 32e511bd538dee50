"""Maintenance of a whole mart: what it leaves alone, and where there is none."""

import shutil
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from customer_mart.cli import main
from customer_mart.maintain import maintain
from customer_mart.publish.run_lock import run_lock
from customer_mart.publish.target import Target, target
from customer_mart.settings import load_settings
from customer_mart.settings.settings import Mart
from tests.frames import by_name
from tests.publish.mart_rows import customer, score


def _files(spark: SparkSession, table: Target) -> list[str]:
    return sorted(table.read(spark).inputFiles())


def _everything(mart: Path) -> list[str]:
    """The files of the mart's tables and of their logs."""
    return sorted(str(file) for file in mart.rglob("*") if not file.name.startswith("_run."))


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


def test_maintenance_does_not_work_beside_a_run(
    spark: SparkSession, empty_mart: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(empty_mart, tmp_path / "mart")
    before = _everything(tmp_path / "mart")
    with run_lock(spark, Mart(location=str(tmp_path / "mart")), "build of customer_mart"):
        assert main(["maintain", "--mart", str(tmp_path / "mart")]) == 1
    assert "is in use by a build of customer_mart (process" in capsys.readouterr().err
    assert _everything(tmp_path / "mart") == before


def test_a_build_does_not_work_beside_maintenance(
    spark: SparkSession, empty_mart: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(empty_mart, tmp_path / "mart")
    before = _everything(tmp_path / "mart")
    places = ["--mart", str(tmp_path / "mart"), "--sources", str(tmp_path)]
    with run_lock(spark, Mart(location=str(tmp_path / "mart")), "maintenance"):
        assert main(["build", *places, "--as-of", "2025-01-01"]) == 1
    assert "is in use by a maintenance (process" in capsys.readouterr().err
    assert _everything(tmp_path / "mart") == before


@pytest.mark.usefixtures("spark")
def test_a_place_without_a_mart_is_an_error_and_gets_no_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mistyped = tmp_path / "mistyped"
    assert main(["maintain", "--mart", str(mistyped)]) == 3
    assert capsys.readouterr().err == (
        f"customer-mart: There is no mart at {mistyped} to maintain: check --mart, or run "
        "customer-mart build\n"
    )
    assert main(["maintain", "--mart", str(tmp_path)]) == 3
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("spark")
def test_what_there_is_of_a_mart_is_maintained(empty_mart: Path, tmp_path: Path) -> None:
    shutil.copytree(empty_mart / "mart_runs", tmp_path / "mart_runs")
    assert main(["maintain", "--mart", str(tmp_path)]) == 0
