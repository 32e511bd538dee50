"""How a merge joins: by hashing the few rows that it brings."""

import pytest
from pyspark.sql import SparkSession

from customer_mart.contracts import contract
from customer_mart.publish.merge import merge
from tests.frames import by_name
from tests.publish.conftest import CopyOf
from tests.publish.mart_rows import customer

pytestmark = pytest.mark.classic("reads the physical plan")


def _final_plans(spark: SparkSession) -> list[str]:
    """How every statement of the session was carried out in the end, oldest first."""
    store = spark._jsparkSession.sharedState().statusStore()
    done = store.executionsList()
    plans = [done.apply(at).physicalPlanDescription() for at in range(done.size())]
    return [str(plan).partition("== Initial Plan ==")[0] for plan in plans]


def test_the_rows_of_the_table_are_not_sorted_to_be_joined(
    spark: SparkSession, copy_of: CopyOf
) -> None:
    table = copy_of("dim_customer")
    rows = [customer(user_id=f"u{number}", country="UK") for number in range(20)]
    published = by_name(spark, contract("dim_customer").ddl, rows)
    table.append(published.write)
    moved = by_name(
        spark, contract("dim_customer").ddl, [customer(user_id="u7", country="DE")]
    ).cache()
    known = len(_final_plans(spark))
    merge(spark, moved, moved.select("user_id"), table, {"run_id": "run-1"})
    [joined] = [plan for plan in _final_plans(spark)[known:] if "FullOuter" in plan]
    assert "ShuffledHashJoin FullOuter" in joined
    assert "SortMergeJoin" not in joined
    countries = {row["user_id"]: row["country"] for row in table.read(spark).collect()}
    assert countries == {**{f"u{number}": "UK" for number in range(20)}, "u7": "DE"}
