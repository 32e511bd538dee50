"""The mart's tables, created once; a test that writes works on a copy."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from customer_mart.contracts import MART_TABLES
from customer_mart.publish.tables import ensure_table
from customer_mart.publish.target import Target, target
from customer_mart.settings.settings import Mart

CopyOf = Callable[[str], Target]


@pytest.fixture(scope="session")
def created(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Mart:
    """A mart whose tables hold nothing yet."""
    mart = Mart(location=str(tmp_path_factory.mktemp("created") / "mart"))
    for table in MART_TABLES:
        ensure_table(spark, target(table, mart))
    return mart


@pytest.fixture
def copy_of(created: Mart, tmp_path: Path) -> CopyOf:
    """Makes a copy of an empty table for the test alone."""

    def copied(table: str) -> Target:
        shutil.copytree(target(table, created).place, tmp_path / table)
        return target(table, Mart(location=str(tmp_path)))

    return copied
