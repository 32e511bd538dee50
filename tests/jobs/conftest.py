"""An operator with staging tables and a mart, for each test or shared by a module."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from tests.jobs.operator_data import Operator


@pytest.fixture
def operator(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory, empty_mart: Path
) -> Operator:
    return Operator.with_empty_mart(spark, tmp_path_factory.mktemp("operator"), empty_mart)
