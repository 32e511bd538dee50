"""Whether rows lie by partition already, so that they need no exchange to be published."""

from urllib.parse import unquote

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from customer_mart.session_setting import is_settable

# A file counts for so many bytes that Spark gives every task a number of files, and cuts none of
# less than these in two.
WHOLE_FILES = {
    "spark.sql.files.openCostInBytes": "64g",
    "spark.sql.files.maxPartitionBytes": "2t",
}


def lie_by_partition(spark: SparkSession, rows: DataFrame, columns: list[str]) -> bool:
    """Whether every partition is one file of what the rows are read from.

    rows: through no exchange since they were read. columns: those of the partitions. Where a merge
    left a second file in a partition, where the platform names no files or keeps them elsewhere
    than in a folder of their partition, and where the session does not take the settings above,
    they do not.
    """
    partitions = [partition_of(file, columns) for file in files_of(rows) or []]
    is_one_file_each = all(partitions) and len(set(partitions)) == len(partitions)
    takes_settings = (is_settable(spark, name, value) for name, value in WHOLE_FILES.items())
    return bool(partitions) and is_one_file_each and all(takes_settings)


def files_of(rows: DataFrame) -> list[str] | None:
    """The files that rows are read from; None where the platform names none."""
    try:
        return rows.inputFiles()
    except PySparkException:
        return None


def partition_of(file: str, columns: list[str]) -> tuple[str, ...]:
    """The partition that a file is of, as `column=value` folders."""
    folders = [unquote(part) for part in file.split("/")]
    return tuple(part for part in folders if part.split("=")[0] in columns)
