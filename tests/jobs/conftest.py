"""A folder per test module, with an operator's staging tables and a mart."""

import pytest
from pyspark.sql import SparkSession

from tests.jobs.operator_data import Operator


@pytest.fixture
def operator(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Operator:
    return Operator(spark, tmp_path_factory.mktemp("operator"))
