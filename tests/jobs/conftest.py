"""An operator with staging tables and a mart, for each test or shared by a module."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from customer_mart.contracts import MART_TABLES
from customer_mart.publish.tables import ensure_table
from customer_mart.publish.target import target
from customer_mart.settings.settings import Mart
from tests.jobs.operator_data import Operator


@pytest.fixture(scope="session")
def empty_mart(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mart whose tables have been created and hold nothing."""
    folder = tmp_path_factory.mktemp("empty") / "mart"
    for table in MART_TABLES:
        ensure_table(spark, target(table, Mart(location=str(folder))))
    return folder


@pytest.fixture
def operator(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory, empty_mart: Path
) -> Operator:
    return Operator.with_empty_mart(spark, tmp_path_factory.mktemp("operator"), empty_mart)
