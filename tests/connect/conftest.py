"""An operator whose mart is built over Spark Connect."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from tests.jobs.operator_data import Operator


@pytest.fixture
def operator(spark: SparkSession, tmp_path: Path, empty_mart: Path) -> Operator:
    return Operator.with_empty_mart(spark, tmp_path, empty_mart)
