"""What Spark's event log says of a span of time: bytes shuffled and spilled, exchanges."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

EXECUTION = "org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionStart"
REPLANNED = "org.apache.spark.sql.execution.ui.SparkListenerSQLAdaptiveExecutionUpdate"
TASK_END = "SparkListenerTaskEnd"
# How Delta describes the queries on its own log.
ON_DELTA_LOG = "Delta: "


@dataclass(frozen=True)
class EngineMeasures:
    """Bytes as Spark counts them, compressed; exchanges that shuffle rows and that broadcast.

    longest_task_seconds: how long the one task took that took longest.
    """

    shuffle_bytes: int
    spilled_bytes: int
    exchanges: int
    broadcasts: int
    longest_task_seconds: float


def engine_measures(lines: Iterable[str], start: float, end: float) -> EngineMeasures:
    """The measures of what started between two times, in milliseconds since 1970.

    lines: the log, one JSON object each. An execution counts with its last plan, which is the
    one that ran; queries on Delta's own log are none of the contender's and do not count.
    """
    shuffled = spilled = longest = 0
    plans: dict[int, dict[str, Any]] = {}
    for event in map(json.loads, lines):
        kind = event["Event"]
        if kind == TASK_END and start <= event["Task Info"]["Launch Time"] <= end:
            metrics = event.get("Task Metrics") or {}
            shuffled += metrics.get("Shuffle Write Metrics", {}).get("Shuffle Bytes Written", 0)
            spilled += metrics.get("Disk Bytes Spilled", 0)
            longest = max(longest, duration(event["Task Info"]))
        elif is_execution(event, start, end) or (
            kind == REPLANNED and event["executionId"] in plans
        ):
            plans[event["executionId"]] = event["sparkPlanInfo"]
    names = [name for plan in plans.values() for name in nodes(plan)]
    return EngineMeasures(
        shuffle_bytes=shuffled,
        spilled_bytes=spilled,
        exchanges=names.count("Exchange"),
        broadcasts=names.count("BroadcastExchange"),
        longest_task_seconds=longest / 1000,
    )


def duration(task: dict[str, Any]) -> int:
    """Milliseconds from a task's launch to its end."""
    return int(task["Finish Time"]) - int(task["Launch Time"])


def is_execution(event: dict[str, Any], start: float, end: float) -> bool:
    """Whether the event starts a query on rows between the two times."""
    if event["Event"] != EXECUTION or event["description"].startswith(ON_DELTA_LOG):
        return False
    return bool(start <= event["time"] <= end)


def nodes(plan: dict[str, Any]) -> Iterator[str]:
    """The names of a plan's operators."""
    yield plan["nodeName"].strip()
    for child in plan["children"]:
        yield from nodes(child)
