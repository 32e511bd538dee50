"""Physical plans, and what must never be in one."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from customer_mart.publish.staging_area import StagingArea

FACTS = ("stg_deposits", "stg_ticket_purchases", "stg_web_events")
# Python's operators are BatchEvalPython, MapInPandas, MapInArrow, FlatMapGroupsInPandas and such.
NEVER = re.compile(r"CartesianProduct|NestedLoop|Expand|\w*(?:Python|InPandas|InArrow)\w*")


@dataclass
class Plans(StagingArea):
    """A staging area that keeps the plan of everything it stages."""

    plans: dict[str, str] = field(default_factory=dict)

    def stage(self, name: str, rows: DataFrame) -> DataFrame:
        self.plans[name] = plan_of(rows)
        return super().stage(name, rows)


def plan_of(rows: DataFrame) -> str:
    return str(rows._jdf.queryExecution().executedPlan().toString())


def plans_that_ran(spark: SparkSession, work: Callable[[], object]) -> list[list[str]]:
    """The operators, as plans print them, of every query of some work: as they ran in the end."""
    context, shared = spark.sparkContext._jsc.sc(), spark._jsparkSession.sharedState()
    store, bus = shared.statusStore(), context.listenerBus()
    bus.waitUntilEmpty()
    before = max(_executions(store), default=-1)
    work()
    bus.waitUntilEmpty()
    of_work = [number for number in _executions(store) if number > before]
    # The engine forgets the oldest; here it must have kept each.
    assert of_work == list(range(before + 1, before + 1 + len(of_work)))
    graphs = [store.planGraph(number).allNodes() for number in of_work]
    return [[nodes.apply(n).desc() for n in range(nodes.length())] for nodes in graphs]


def _executions(store: Any) -> list[int]:
    """The ids of the queries that the engine still knows of, oldest first."""
    listed = store.executionsList()
    return sorted(listed.apply(n).executionId() for n in range(listed.length()))
