"""One Delta commit per table: readers see the version before or the version after."""

from datetime import datetime, timezone

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from customer_mart.fingerprint import package_version
from customer_mart.publish.history import ERASURE, version_of_run
from customer_mart.publish.layout import WHOLE_FILES
from customer_mart.publish.parquet_encoding import dictionaries_for_few_values
from customer_mart.publish.target import Target
from customer_mart.session_setting import tuned

# The setting by which statements, which take no options, say what their commit is for.
USER_METADATA = "spark.databricks.delta.commitInfo.userMetadata"


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
