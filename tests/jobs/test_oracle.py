"""The published mart equals the one that other SQL, on another engine, makes of the same files."""

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

import pytest
from pyspark.sql import SparkSession

from customer_mart.cli import run_job
from customer_mart.session_setting import session_setting
from scripts.generating.staging import staging_tables
from tests.jobs.operator_data import AS_OF, Operator, comparable
from tests.oracle.oracle import MARTS, SOURCES, reference_mart

CUSTOMERS, GAMES, SEED = 500, 40, 11
INSTANT = datetime(2025, 1, 1, tzinfo=timezone.utc)
# Few customers make a broken row a large share of a source.
SETTINGS = ("--set", "quality.max_quarantined_fraction=0.05")
LEGACY: Mapping[str, tuple[str, Any]] = {
    "min_tenure_days": ("scoring.min_tenure_days", 0),
    "horizon_years": ("scoring.horizon_years", 2),
    "never_purchased_score": ("scoring.quick_conversion.never_purchased_score", 0),
}


@pytest.fixture(scope="module")
def built(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Operator:
    operator = Operator(spark, tmp_path_factory.mktemp("oracle"))
    tables = staging_tables(spark.range(CUSTOMERS), spark.range(GAMES), SEED, INSTANT)
    # As the generator's own session has it.
    with session_setting(spark, "spark.sql.codegen.wholeStage", "false"):
        for name, table in tables.items():
            table.write.parquet(str(operator.sources / name))
    assert operator.build(*SETTINGS) == 0
    return operator


@pytest.mark.slow
def test_both_tables_are_the_references_column_by_column(built: Operator) -> None:
    reference = reference_mart(built.sources, INSTANT)
    assert comparable(built, "dim_customer") == reference.dim_customer
    assert comparable(built, "customer_ltv_scoring") == reference.customer_ltv_scoring


@pytest.mark.slow
def test_every_source_row_met_the_fate_that_the_reference_says(built: Operator) -> None:
    reference = reference_mart(built.sources, INSTANT)
    for source in SOURCES:
        assert built.balance(source) == dict(reference.dispositions[source]), source


@pytest.mark.slow
def test_each_legacy_setting_gives_the_references_numbers(built: Operator) -> None:
    for argument, (setting, value) in LEGACY.items():
        flags = ["--mart", str(built.mart), "--as-of", AS_OF, "--set", f"{setting}={value}"]
        assert run_job("customer_ltv_scoring", flags) == 0
        reference = reference_mart(built.sources, INSTANT, **{argument: value})
        assert comparable(built, MARTS[1]) == reference.customer_ltv_scoring, setting
