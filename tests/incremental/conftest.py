"""A warehouse of twelve customers and its first run, made once and copied for each test."""

import shutil
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from tests.incremental.warehouse import (
    DEPOSITS,
    GAMES,
    JANUARY,
    PURCHASES,
    SIGNUPS,
    WEB_EVENTS,
    Warehouse,
)


@pytest.fixture(scope="session")
def first_run(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory, empty_mart: Path
) -> Path:
    """The folder of a warehouse whose mart was built as of January."""
    folder = tmp_path_factory.mktemp("first") / "run"
    shutil.copytree(empty_mart, folder / "mart")
    made = Warehouse(spark, folder)
    made.create("stg_signups", SIGNUPS)
    made.create("stg_games", GAMES)
    made.create("stg_deposits", DEPOSITS)
    made.create("stg_ticket_purchases", PURCHASES)
    made.create("stg_web_events", WEB_EVENTS)
    assert made.run(JANUARY, "auto") == 0
    assert made.last_run()["mode"] == "full"
    return folder


@pytest.fixture
def warehouse(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory, first_run: Path
) -> Warehouse:
    folder = tmp_path_factory.mktemp("warehouse") / "copy"
    shutil.copytree(first_run, folder)
    return Warehouse(spark, folder)
