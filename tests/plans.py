"""Physical plans, and what must never be in one."""

import re
from dataclasses import dataclass, field

from pyspark.sql import DataFrame

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
