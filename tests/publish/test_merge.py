"""How a merge joins: by hashing the few rows that it brings."""

import pytest
from pyspark.sql import SparkSession

from customer_mart.contracts import contract
from customer_mart.publish.merge import merge
from tests.frames import by_name
from tests.publish.conftest import CopyOf
from tests.publish.mart_rows import customer

# Statements to look through: more than a merge is made of.
MOST = 30

pytestmark = pytest.mark.classic("reads the physical plan")


def _final_plans(spark: SparkSession, after: int = -1) -> dict[int, str]:
    """How the last statements of the session were carried out in the end, by their number."""
    spark._jsparkSession.sparkContext().listenerBus().waitUntilEmpty()
    store = spark._jsparkSession.sharedState().statusStore()
    known = store.executionsCount()
    last = store.executionsList(max(0, known - MOST), MOST)
    plans = {}
    for at in range(last.size()):
        execution = last.apply(at)
        if execution.executionId() > after:
            plan = str(execution.physicalPlanDescription())
            plans[int(execution.executionId())] = plan.partition("== Initial Plan ==")[0]
    return plans


def test_the_rows_of_the_table_are_not_sorted_to_be_joined(
    spark: SparkSession, copy_of: CopyOf
) -> None:
    table = copy_of("dim_customer")
    rows = [customer(user_id=f"u{number}", country="UK") for number in range(20)]
    published = by_name(spark, contract("dim_customer").ddl, rows)
    table.append(published.write)
    moved = by_name(spark, contract("dim_customer").ddl, [customer(user_id="u7", country="DE")])
    known = max(_final_plans(spark))
    merge(spark, moved, moved.select("user_id"), table, {"run_id": "run-1"})
    plans = _final_plans(spark, after=known).values()
    [joined] = [plan for plan in plans if "FullOuter" in plan]
    assert "ShuffledHashJoin FullOuter" in joined
    assert "SortMergeJoin" not in joined
    countries = {row["user_id"]: row["country"] for row in table.read(spark).collect()}
    assert countries == {**{f"u{number}": "UK" for number in range(20)}, "u7": "DE"}
