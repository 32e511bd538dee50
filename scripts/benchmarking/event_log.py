"""What Spark's event log says of a span of time: bytes shuffled and spilled, exchanges, reads."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

EXECUTION = "org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionStart"
REPLANNED = "org.apache.spark.sql.execution.ui.SparkListenerSQLAdaptiveExecutionUpdate"
TASK_END = "SparkListenerTaskEnd"
COUNTED = (EXECUTION, REPLANNED, TASK_END)
# How Delta describes the queries on its own log.
ON_DELTA_LOG = "Delta: "
# The folder of a staging table, at the end of where a scan reads; staged rows have names like it.
SOURCE, STAGED = re.compile(r"/(stg_\w+)\]$"), "/_staging/"
Event = dict[str, Any]


@dataclass(frozen=True)
class EngineMeasures:
    """Bytes as Spark counts them, compressed; exchanges that shuffle rows and that broadcast.

    reads: by source, how often it was scanned.
    longest_task_seconds: how long the one task took that took longest.
    """

    shuffle_bytes: int
    spilled_bytes: int
    exchanges: int
    broadcasts: int
    reads: dict[str, int]
    longest_task_seconds: float


def engine_measures(lines: Iterable[str], start: float, end: float) -> EngineMeasures:
    """The measures of what started between two times, in milliseconds since 1970.

    lines: the log, one JSON object each.
    """
    events = [event for event in map(json.loads, lines) if event["Event"] in COUNTED]
    tasks = [
        event
        for event in events
        if event["Event"] == TASK_END and start <= event["Task Info"]["Launch Time"] <= end
    ]
    metrics = [event.get("Task Metrics") or {} for event in tasks]
    ran = [node for plan in last_plans(events, start, end) for node in nodes(plan)]
    names = [node["nodeName"].strip() for node in ran]
    return EngineMeasures(
        shuffle_bytes=sum(
            m.get("Shuffle Write Metrics", {}).get("Shuffle Bytes Written", 0) for m in metrics
        ),
        spilled_bytes=sum(m.get("Disk Bytes Spilled", 0) for m in metrics),
        exchanges=names.count("Exchange"),
        broadcasts=names.count("BroadcastExchange"),
        reads=dict(sorted(Counter(filter(None, map(source_read, ran))).items())),
        longest_task_seconds=max((duration(t["Task Info"]) for t in tasks), default=0) / 1000,
    )


def last_plans(events: Iterable[Event], start: float, end: float) -> list[dict[str, Any]]:
    """The plans of the queries that started between two times, each as it ran in the end.

    Adaptive execution plans a query again and again. Queries on Delta's own log are none of the
    contender's and are left out.
    """
    plans: dict[int, dict[str, Any]] = {}
    for event in events:
        if is_execution(event, start, end) or (
            event["Event"] == REPLANNED and event["executionId"] in plans
        ):
            plans[event["executionId"]] = event["sparkPlanInfo"]
    return list(plans.values())


def duration(task: dict[str, Any]) -> int:
    """Milliseconds from a task's launch to its end."""
    return int(task["Finish Time"]) - int(task["Launch Time"])


def is_execution(event: Event, start: float, end: float) -> bool:
    """Whether the event starts a query on rows between the two times."""
    if event["Event"] != EXECUTION or event["description"].startswith(ON_DELTA_LOG):
        return False
    return bool(start <= event["time"] <= end)


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A plan's operators."""
    yield plan
    for child in plan["children"]:
        yield from nodes(child)


def source_read(node: dict[str, Any]) -> str | None:
    """The source that an operator scans; None if it scans none."""
    location = node.get("metadata", {}).get("Location", "")
    found = SOURCE.search(location)
    return found[1] if found and STAGED not in location else None
