"""What happened to a Delta source between two versions, by its history and change data feed."""

from collections.abc import Mapping
from dataclasses import replace

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from customer_mart.errors import first_line
from customer_mart.failures import is_of_what_was_read
from customer_mart.identifiers import quoted_name
from customer_mart.session_setting import allow_old_versions
from customer_mart.sources.commits import commits_of, is_known_again
from customer_mart.sources.location import CHANGE_FEED, Location, read_location
from customer_mart.sources.read import SourceTable

CHANGE_TYPE = "_change_type"
# After these, rows are there again that a change feed told gone, or the feed starts anew.
RESETS = ("RESTORE", "REPLACE", "CLONE", "CONVERT")
# These change what every row says, and the feed tells of none.
OF_EVERY_ROW = ("DROP COLUMNS", "RENAME COLUMN", "CHANGE COLUMN")


def changed_rows(spark: SparkSession, source: SourceTable, since: int) -> SourceTable:
    """The source's changes after a version: a row per insert, delete and image of an update.

    Also has the change feed's own columns. Reading it fails where it is incompatible or where a
    file of it was vacuumed away.
    """
    return source.reading(_feed(spark, source.location, since))


def _feed(spark: SparkSession, location: Location, since: int) -> DataFrame:
    """The rows of the change data feed after a version, erased customers' too."""
    reader = (
        spark.read.format("delta")
        .option("readChangeFeed", "true")
        .option("startingVersion", since + 1)
        .option("endingVersion", str(location.version))
    )
    if location.is_table:
        return reader.table(quoted_name(location.place))
    return reader.load(location.place)


def incomplete_since(
    spark: SparkSession, source: SourceTable, since: int, identity: str
) -> str | None:
    """Why the change feed after a version does not tell everything; None when it does.

    The engine reads what is left of a feed without complaint, so that this is found out from the
    table's history: every version has to be there, and none may have reset the table or changed
    a column of rows that it did not write.

    identity: of the version, as the last run read it. Once the table's log was cleaned up so far,
    its number has to do.
    """
    location = source.location
    newest = location.version or 0
    if newest < since:
        return f"it is at version {newest}, before version {since} of the last run"
    if newest == since:
        return None if location.identity == identity else _replaced(since)
    if not location.has_change_feed:
        return f"its change data feed is off: set its table property {CHANGE_FEED} to true"
    commits = commits_of(spark, location.identifier)
    mark = identity.removeprefix(f"{location.table_id} ")
    if since in commits and not is_known_again(commits, since, mark):
        return _replaced(since)
    return (
        _broken_at(commits, since, newest)
        or _retyped(spark, source, since)
        or _unaccounted(spark, source, since)
    )


def _replaced(version: int) -> str:
    return (
        f"version {version} has the number of the one that the last run read, but is another, or "
        "a copy without the time of its commit"
    )


def _broken_at(commits: Mapping[int, Row], since: int, newest: int) -> str | None:
    """What breaks the chain of commits from one version to another."""
    later = range(since + 1, newest + 1)
    if any(version not in commits for version in later):
        return f"its history does not go back to version {since}"
    for version in later:
        commit = commits[version]
        operation = commit["operation"]
        if operation is None:
            return f"version {version} does not say what it did"
        if any(word in operation for word in (*RESETS, *OF_EVERY_ROW)):
            return f"version {version} is a {operation}"
        if CHANGE_FEED in str(commit["operationParameters"]):
            return f"its change data feed was switched at version {version}"
    return None


def _retyped(spark: SparkSession, source: SourceTable, since: int) -> str | None:
    """Which column of the contract had another type then: a write may have widened it."""
    allow_old_versions(spark)
    try:
        then = read_location(spark, replace(source.location, version=since), {})
        before = replace(source, rows=then).found_types()
    except PySparkException as error:
        return f"version {since} cannot be read any more ({first_line(error)})"
    changed = [name for name, found in source.found_types().items() if before.get(name) != found]
    return f"column {changed[0]} has another type than at version {since}" if changed else None


def _unaccounted(spark: SparkSession, source: SourceTable, since: int) -> str | None:
    """Whether there are other rows than the feed tells, by their number.

    A commit that says of itself that it changes no data is in no feed, whatever it does; nor is
    what became of a table whose files were put back. Numbers of rows are in the table's log.
    """
    came = F.when(F.col(CHANGE_TYPE) == "insert", 1).when(F.col(CHANGE_TYPE) == "delete", -1)
    versions = (replace(source.location, version=since), source.location)
    try:
        told = _feed(spark, source.location, since).agg(F.sum(came).alias("more")).first()
        then, now = (read_location(spark, version, {}).count() for version in versions)
    except Exception as error:
        # Another try may read them, as after a full disk: no reason to rebuild.
        if not is_of_what_was_read(error):
            raise
        return f"its changes since version {since} cannot be read ({first_line(error)})"
    expected = (told["more"] if told else None) or 0
    if now - then == expected:
        return None
    return (
        f"its change feed accounts for {expected:+} rows since version {since}, but its number of "
        f"rows changed by {now - then:+}"
    )
