"""One Delta commit per table: readers see the version before or the version after."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone

from pyspark.sql import Column, DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from customer_mart.fingerprint import package_version
from customer_mart.publish.dictionaries import dictionaries_for_few_values
from customer_mart.publish.layout import WHOLE_FILES
from customer_mart.publish.session_setting import tuned
from customer_mart.publish.target import Target

# Operations that leave every row as it was.
KEEPS_ROWS = (
    "OPTIMIZE",
    "REORG",
    "VACUUM START",
    "VACUUM END",
    "ADD COLUMNS",
    "SET TBLPROPERTIES",
)
# What a commit's metadata calls the request to erase customers that it carried out.
ERASURE = "erasure"


@dataclass(frozen=True)
class Commit:
    """A version of a table: what made it, and what the run that did said of itself.

    parameters: those of the operation.
    """

    version: int
    operation: str
    metadata: dict[str, str]
    parameters: Mapping[str, str] = field(default_factory=dict)
    is_erasure: bool = False


def publish(
    spark: SparkSession,
    rows: DataFrame,
    target: Target,
    metadata: dict[str, str],
    *,
    order: list[Column],
    max_records_per_file: int,
    are_in_place: bool = False,
) -> int:
    """Replaces the table's rows in one commit and returns the new version.

    Rows of one partition of the table meet in one task, so that a partition is one file, or
    several only beyond max_records_per_file; inside it they are in the given order.

    are_in_place: the rows are read from a table of the same partitions, and `lie_by_partition`
    holds for them: those of one partition are in one task already.
    """
    partitions = target.contract.partition_columns
    if not are_in_place:
        # The one exchange of published rows: without it every task writes a file into every date.
        # The number is given so that adaptive execution does not merge small rows into one task,
        # which would open hundreds of files one after the other.
        rows = rows.repartition(_tasks(spark), *partitions)
    ordered = rows.sortWithinPartitions(*(F.col(name) for name in partitions), *order)
    write = ordered.write.option("maxRecordsPerFile", max_records_per_file)
    with (
        dictionaries_for_few_values(spark, target.contract),
        tuned(spark, WHOLE_FILES if are_in_place else {}),
    ):
        target.replace(write, metadata)
    return version_of_run(spark, target, metadata["run_id"])


def _tasks(spark: SparkSession) -> int:
    """Tasks of a shuffle in this session; Databricks may say `auto`."""
    number = spark.conf.get("spark.sql.shuffle.partitions", "200") or "200"
    return int(number) if number.isdigit() else 200


def commit_metadata(run_id: str, as_of: datetime, settings_hash: str) -> dict[str, str]:
    """What a commit says of the run that made it; the instant in UTC."""
    return {
        "run_id": run_id,
        "as_of": as_of.astimezone(timezone.utc).isoformat(),
        "settings_hash": settings_hash,
        "package_version": package_version(),
    }


def erasure_metadata(request_id: str) -> dict[str, str]:
    """What a commit says of the request to erase that made it; it is no run's."""
    return {ERASURE: request_id}


def version_of_run(spark: SparkSession, target: Target, run_id: str) -> int:
    """The version that a run's commit made.

    Delta makes no commit of a merge that changes nothing; then it is the newest.
    """
    of_run = [v for v, metadata in commits(spark, target) if metadata.get("run_id") == run_id]
    return of_run[0] if of_run else newest_version(spark, target)


def newest_version(spark: SparkSession, target: Target) -> int:
    """The table's newest version."""
    newest = spark.sql(f"DESCRIBE HISTORY {target.identifier} LIMIT 1")
    return int(newest.collect()[0]["version"])


def metadata_of_rows(spark: SparkSession, target: Target) -> dict[str, str] | None:
    """What the run said that published the rows the table holds now; None if no run did.

    A RESTORE brings back an older version's rows, and with them what that version's run said. Of
    one to an instant the history does not tell the version, nor so whose rows they are.
    """
    return said_of_rows(history(spark, target))


def said_of_rows(commits_made: Iterable[Commit]) -> dict[str, str] | None:
    """The same, of a table's commits, newest first."""
    for commit in standing(commits_made):
        if commit.operation == "RESTORE":
            return None
        if commit.metadata:
            return commit.metadata
    return None


def standing(commits_made: Iterable[Commit]) -> Iterator[Commit]:
    """Those of a table's commits, newest first, that no RESTORE has undone.

    A RESTORE is itself none of them, unless it is one to an instant: what that undid is not told,
    and the commits before it follow as if it had undone nothing.
    """
    at = None
    for commit in commits_made:
        if at is not None and commit.version > at:
            continue
        restored = commit.parameters.get("version") if commit.operation == "RESTORE" else None
        if restored is None:
            yield commit
        else:
            at = int(restored)


def history(spark: SparkSession, target: Target) -> list[Commit]:
    """Every commit that the table's log still tells of, newest first."""
    told = spark.sql(f"DESCRIBE HISTORY {target.identifier}").collect()
    # Few rows that are here already: sorted by the engine, they would be a query of their own.
    return sorted(map(_commit, told), key=lambda commit: commit.version, reverse=True)


def _commit(row: Row) -> Commit:
    said = row["userMetadata"] or ""
    return Commit(
        version=int(row["version"]),
        operation=row["operation"],
        metadata=_parsed(said),
        parameters=row["operationParameters"] or {},
        is_erasure=bool(_parsed(said, ERASURE)),
    )


def commits(spark: SparkSession, target: Target) -> list[tuple[int, dict[str, str]]]:
    """Versions of the table that runs published, newest first, with their metadata."""
    return [(c.version, c.metadata) for c in history(spark, target) if c.metadata]


def changed_since(
    spark: SparkSession, target: Target, version: int, but_for: str | None = None
) -> str | None:
    """The first commit after a version that may have changed rows, in words; None without one.

    An erasure does not count: to the sources as they are read since, its rows do not exist.
    but_for: the run whose own commits do not count either.
    """
    return change_since(history(spark, target), version, but_for)


def change_since(
    commits_made: Sequence[Commit], version: int, but_for: str | None = None
) -> str | None:
    """The same, of a table's commits, newest first."""
    found = [commit for commit in reversed(commits_made) if commit.version >= version]
    if not found:
        return f"a table that has no version {version} is in its place"
    later = [commit for commit in found if commit.version > version]
    for expected, commit in enumerate(later, version + 1):
        if commit.version != expected:
            return f"its history does not go back to version {version}"
        is_own = but_for is not None and commit.metadata.get("run_id") == but_for
        if commit.operation not in KEEPS_ROWS and not commit.is_erasure and not is_own:
            return f"version {commit.version} is a {commit.operation}"
    return None


def _parsed(metadata: str, key: str = "run_id") -> dict[str, str]:
    """A commit's metadata, or nothing when somebody else wrote it."""
    try:
        parsed = json.loads(metadata)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) and key in parsed else {}
