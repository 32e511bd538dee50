"""The history of a table: what made each version, and which of them tell of its rows now."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pyspark.sql import Row, SparkSession

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

    parameters: those of the operation. erasure: the request to erase customers that it carried
    out; None for any other commit.
    """

    version: int
    operation: str
    metadata: dict[str, str]
    parameters: Mapping[str, str] = field(default_factory=dict)
    erasure: str | None = None


def history(spark: SparkSession, target: Target) -> list[Commit]:
    """Every commit that the table's log still tells of, newest first."""
    told = spark.sql(f"DESCRIBE HISTORY {target.identifier}").collect()
    # Few rows that are here already: sorted by the engine, they would be a query of their own.
    return sorted(map(_commit, told), key=lambda commit: commit.version, reverse=True)


def newest_version(spark: SparkSession, target: Target) -> int:
    """The table's newest version."""
    newest = spark.sql(f"DESCRIBE HISTORY {target.identifier} LIMIT 1")
    return int(newest.collect()[0]["version"])


def version_of_run(spark: SparkSession, target: Target, run_id: str) -> int:
    """The version that a run's commit made.

    Delta makes no commit of a merge that changes nothing; then it is the newest.
    """
    commits = history(spark, target)
    of_run = (commit.version for commit in commits if commit.metadata.get("run_id") == run_id)
    return next(of_run, commits[0].version)


def standing(commits: Iterable[Commit]) -> Iterator[Commit]:
    """Those of a table's commits, newest first, that no RESTORE has undone.

    A RESTORE is itself none of them, unless it is one to an instant: what that undid is not told,
    and the commits before it follow as if it had undone nothing.
    """
    at = None
    for commit in commits:
        if at is not None and commit.version > at:
            continue
        restored = commit.parameters.get("version") if commit.operation == "RESTORE" else None
        if restored is None:
            yield commit
        else:
            at = int(restored)


def metadata_of_rows(commits: Iterable[Commit]) -> dict[str, str] | None:
    """What the run said that published the rows a table holds now; None if no run did.

    A RESTORE brings back an older version's rows, and with them what that version's run said. Of
    one to an instant the history does not tell the version, nor so whose rows they are.

    commits: the table's history, newest first.
    """
    for commit in standing(commits):
        if commit.operation == "RESTORE":
            return None
        if commit.metadata:
            return commit.metadata
    return None


def run_of_rows(commits: Iterable[Commit]) -> str | None:
    """The run that published the rows a table holds now; None if none did, or none tells.

    commits: the table's history, newest first.
    """
    return (metadata_of_rows(commits) or {}).get("run_id")


def change_since(
    commits: Sequence[Commit], version: int, but_for: str | None = None
) -> str | None:
    """The first commit after a version that may have changed rows, in words; None without one.

    An erasure does not count: to the sources as they are read since, its rows do not exist.

    commits: the table's history, newest first. but_for: the run whose own commits do not count
    either.
    """
    found = [commit for commit in reversed(commits) if commit.version >= version]
    if not found:
        return f"a table that has no version {version} is in its place"
    later = [commit for commit in found if commit.version > version]
    for expected, commit in enumerate(later, version + 1):
        if commit.version != expected:
            return f"its history does not go back to version {version}"
        is_own = but_for is not None and commit.metadata.get("run_id") == but_for
        if commit.operation not in KEEPS_ROWS and not commit.erasure and not is_own:
            return f"version {commit.version} is a {commit.operation}"
    return None


def _commit(row: Row) -> Commit:
    said = row["userMetadata"] or ""
    return Commit(
        version=int(row["version"]),
        operation=row["operation"],
        metadata=_parsed(said),
        parameters=row["operationParameters"] or {},
        erasure=_parsed(said, ERASURE).get(ERASURE),
    )


def _parsed(metadata: str, key: str = "run_id") -> dict[str, str]:
    """A commit's metadata, or nothing when somebody else wrote it."""
    try:
        parsed = json.loads(metadata)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) and key in parsed else {}
