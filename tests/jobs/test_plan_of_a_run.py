"""What the engine ran for a build: every query, those of checks, commits and records included."""

import re
from collections import Counter

import pytest
from pyspark.sql import SparkSession

from scripts.benchmarking.data_set import data_set, write_sources
from tests.jobs.operator_data import Operator
from tests.plans import FACTS, NEVER, plans_that_ran

pytestmark = pytest.mark.classic("reads the plans that the engine keeps")


@pytest.mark.parametrize("unique", [False, True], ids=["duplicates sought", "declared unique"])
def test_a_build_reads_and_parts_each_fact_once_and_expands_none(
    spark: SparkSession, operator: Operator, *, unique: bool
) -> None:
    write_sources(spark, data_set(0.0001), operator.sources)
    flags = [f"--set=sources.{fact}.unique={str(unique).lower()}" for fact in FACTS]
    plans = plans_that_ran(spark, lambda: operator.build(*flags))
    assert operator.last_run()["status"] == "succeeded"
    reads = Counter(name for plan in plans for name in _sources_read(plan))
    assert {name: reads[name] for name in ("stg_signups", *FACTS)} == {
        "stg_signups": 1,
        **dict.fromkeys(FACTS, 1),
    }
    for plan in plans:
        assert [node for node in plan if NEVER.search(node.partition(" ")[0])] == []
        if set(_sources_read(plan)) & {"stg_signups", *FACTS}:
            parted = [node for node in plan if "REPARTITION" in node]
            assert [re.sub(r"#\d+", "", node).partition(" [plan")[0] for node in parted] == [
                "Exchange hashpartitioning(xxhash64(user_id, 42), 4), REPARTITION_BY_COL,"
            ]


def _sources_read(plan: list[str]) -> list[str]:
    """The staging tables that a plan scans where the operator delivers them."""
    return [found for node in plan for found in re.findall(r"/sources/(stg_\w+)\]", node)]
