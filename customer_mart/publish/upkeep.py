"""Upkeep of a table: small files compacted, files nobody needs any more deleted."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from pyspark.sql import SparkSession

from customer_mart.identifiers import quoted, sql_string
from customer_mart.publish.commit import USER_METADATA
from customer_mart.publish.layout import files_of, partition_of
from customer_mart.publish.parquet_encoding import dictionaries_for_few_values
from customer_mart.publish.target import Target
from customer_mart.session_setting import session_setting

RETENTION_CHECK = "spark.databricks.delta.retentionDurationCheck.enabled"
RETENTION, LOG_RETENTION = "delta.deletedFileRetentionDuration", "delta.logRetentionDuration"
# What these are where a table does not say.
KEPT, LOG_KEPT = "interval 1 week", "interval 30 days"
HOURS = {"hour": 1, "day": 24, "week": 168}
# More conditions would make a statement that takes longer to plan than to run.
MOST_PARTITIONS_NAMED = 200


@dataclass(frozen=True)
class Size:
    """The live files of a table and their bytes."""

    files: int
    size_in_bytes: int


def size(spark: SparkSession, target: Target) -> Size:
    """The table's size now, as its log has it."""
    detail = target.detail(spark)
    return Size(int(detail["numFiles"]), int(detail["sizeInBytes"]))


def compact(spark: SparkSession, target: Target, max_files: int) -> int:
    """Compacts the partitions of more files than max_files; returns how many there were.

    Statistics of the new files are collected on the way. A table without partitions is one. Where
    the platform names no files, Delta looks for small ones in the whole table, and it is 0.
    """
    files = files_of(target.read(spark))
    if files is None:
        spark.sql(f"OPTIMIZE {target.identifier}")
        return 0
    crowded = crowded_partitions(target, files, max_files)
    if not crowded:
        return 0
    with dictionaries_for_few_values(spark, target.contract):
        for where in _conditions(crowded):
            spark.sql(f"OPTIMIZE {target.identifier}{where}")
    return len(crowded)


def _conditions(partitions: list[tuple[str, ...]]) -> Iterator[str]:
    """Conditions that name the partitions, so many in each; none where no folder names them.

    So it is in a table without any, and where Delta names the folders in ways of its own.
    """
    if not all(partitions):
        yield ""
        return
    for start in range(0, len(partitions), MOST_PARTITIONS_NAMED):
        named = partitions[start : start + MOST_PARTITIONS_NAMED]
        yield " WHERE " + " OR ".join(_condition(partition) for partition in named)


def crowded_partitions(target: Target, files: list[str], max_files: int) -> list[tuple[str, ...]]:
    """Partitions of more than max_files files, as `column=value` folders, in order."""
    columns = target.contract.partition_columns
    by_partition = Counter(partition_of(file, columns) for file in files)
    return sorted(partition for partition, number in by_partition.items() if number > max_files)


def _condition(partition: tuple[str, ...]) -> str:
    pairs = (folder.split("=", 1) for folder in partition)
    return " AND ".join(f"{quoted(column)} = {sql_string(value)}" for column, value in pairs)


def drop_deleted_rows(spark: SparkSession, target: Target, metadata: dict[str, str]) -> None:
    """Writes files anew in which rows are only marked as deleted, in one commit.

    Tables are not made with such marks, but their owner, or a platform, may have switched them on.
    """
    if "deletionVectors" in target.detail(spark)["tableFeatures"]:
        with session_setting(spark, USER_METADATA, json.dumps(metadata)):
            spark.sql(f"REORG TABLE {target.identifier} APPLY (PURGE)")


def vacuum(spark: SparkSession, target: Target, retention_hours: int) -> None:
    """Deletes files that no version younger than the retention needs.

    The retention is a property of the table: Delta heeds RETAIN for 0 hours alone, and by the
    property its log remembers the files that were deleted.
    """
    if retention_hours == 0:
        # Delta refuses it, unless it is told not to check; the settings ask by name.
        with session_setting(spark, RETENTION_CHECK, "false"):
            spark.sql(f"VACUUM {target.identifier} RETAIN 0 HOURS")
        return
    keep_deleted_files(spark, target, retention_hours)
    spark.sql(f"VACUUM {target.identifier}")


def keep_deleted_files(spark: SparkSession, target: Target, hours: int) -> None:
    """Has the table keep for so long the files that its newest version does not need any more.

    Delta wants the log to be kept as long at least, and to be told so in the same statement, also
    where it is already.
    """
    kept = f"interval {hours} hours"
    found = target.properties(spark)
    if _hours(found.get(RETENTION, KEPT)) == hours:
        return
    log = found.get(LOG_RETENTION, LOG_KEPT)
    if _hours(log) < hours:
        log = kept
    told = {LOG_RETENTION: log} if log != LOG_KEPT else {}
    target.set_properties(spark, {RETENTION: kept, **told})


def _hours(interval: str) -> int:
    """The whole hours of an interval such as `interval 30 days 12 hours`."""
    parts = re.findall(r"(\d+) (hour|day|week)", interval.lower())
    return sum(int(number) * HOURS[unit] for number, unit in parts)
