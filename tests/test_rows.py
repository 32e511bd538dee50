from decimal import Decimal
from typing import Any

import pytest
from chispa import assert_df_equality
from pyspark.sql import SparkSession

from customer_mart.contracts import contract
from customer_mart.rows import frame_of
from tests.frames import utc

DDL = (
    "name string, at timestamp, amount decimal(38,2), seconds double, rows bigint, "
    "counts map<string,bigint>, lines array<struct<source:string,amount:decimal(38,2)>>"
)
NAMES = ("name", "at", "amount", "seconds", "rows", "counts", "lines")
ROWS: list[dict[str, Any]] = [
    {
        "name": 'it\'s "quoted",\n${x} \\ ü',
        "at": utc("2025-01-02 03:00:00.000001"),
        "amount": Decimal("123456789012345678901234567890123456.78"),
        "seconds": 0.1,
        "rows": 9_223_372_036_854_775_807,
        "counts": {"stg games": 1},
        "lines": [{"source": "a", "amount": Decimal("-0.10")}, {"source": "b", "amount": None}],
    },
    {"name": None, "lines": [], "counts": {}},
]


def test_rows_keep_every_digit_and_character(spark: SparkSession) -> None:
    expected = spark.createDataFrame([tuple(map(row.get, NAMES)) for row in ROWS], DDL)
    assert_df_equality(frame_of(spark, DDL, ROWS), expected)


def test_no_rows_have_the_columns_all_the_same(spark: SparkSession) -> None:
    ddl = contract("quarantine").ddl
    assert_df_equality(frame_of(spark, ddl), spark.createDataFrame([], ddl))


@pytest.mark.classic("reads the physical plan")
def test_no_python_is_asked_for_the_rows(spark: SparkSession) -> None:
    plan = frame_of(spark, DDL, ROWS)._jdf.queryExecution().executedPlan().toString()
    assert "Python" not in plan
    assert "ExistingRDD" not in plan


def test_a_value_that_does_not_fit_its_column_is_an_error(spark: SparkSession) -> None:
    with pytest.raises(Exception, match="MALFORMED_RECORD"):
        frame_of(spark, "rows bigint", [{"rows": "many"}]).collect()


def test_a_value_without_a_form_in_json_is_an_error(spark: SparkSession) -> None:
    with pytest.raises(TypeError, match="set has no form in JSON"):
        frame_of(spark, "rows bigint", [{"rows": {1}}])
