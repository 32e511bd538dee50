"""The commits of a Delta source: what its history tells, and what each is known again by."""

import hashlib
import json
from collections.abc import Mapping

from pyspark.sql import Row, SparkSession

# What was done and to how many rows and bytes.
SAID = ("version", "operation", "operationParameters", "operationMetrics", "userMetadata")

# Further the engine moves no commit but those of a table that was copied without their times.
LONGEST_MOVE_MILLISECONDS = 60_000


def commits_of(spark: SparkSession, identifier: str) -> dict[int, Row]:
    """By version, what the table's log still tells of its commits."""
    return {int(row["version"]): row for row in _told(spark, f"DESCRIBE HISTORY {identifier}")}


def newest_commit(spark: SparkSession, identifier: str) -> Row | None:
    """What the table's log tells of its newest commit; None without any."""
    return next(iter(_told(spark, f"DESCRIBE HISTORY {identifier} LIMIT 1")), None)


def _told(spark: SparkSession, statement: str) -> list[Row]:
    """Commits with the time of each, committed_at, in milliseconds since 1970-01-01T00:00:00Z.

    By the engine: where clocks are set back, an hour of this machine's own comes twice.
    """
    return spark.sql(statement).selectExpr("*", "unix_millis(timestamp) AS committed_at").collect()


def mark_of(commit: Row) -> str:
    """What a commit is known again by: what it says of itself, as twelve digits, and its time."""
    said = {name: commit[name] for name in SAID}
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:12]
    return f"{digest} {commit['committed_at']}"


def is_known_again(commits: Mapping[int, Row], version: int, mark: str) -> bool:
    """Whether a history has, as that version, the commit of a mark that was taken of it alone.

    In a history the engine moves a commit that is no later than the one before it to one
    millisecond after that.
    """
    found = mark_of(commits[version])
    if found == mark:
        return True
    if version - 1 not in commits:
        return False
    said, at = found.split()
    said_then, at_then = mark.split()
    was_moved = int(at) == commits[version - 1]["committed_at"] + 1
    moved_by = int(at) - int(at_then)
    return was_moved and said == said_then and 0 < moved_by <= LONGEST_MOVE_MILLISECONDS
