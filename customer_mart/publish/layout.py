"""Whether rows lie by partition already, so that they need no exchange to be published."""

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from customer_mart.publish.session_setting import is_settable

# A file counts for so many bytes that Spark gives every task a number of files, and cuts none of
# them in two.
WHOLE_FILES = {
    "spark.sql.files.openCostInBytes": "4g",
    "spark.sql.files.maxPartitionBytes": "128g",
}


def lie_by_partition(spark: SparkSession, rows: DataFrame) -> bool:
    """Whether every partition is one file of the table that the rows are read from.

    rows: through no exchange since they were read. Where a merge left a second file in a
    partition, or the session does not take the settings above, they do not.
    """
    try:
        folders = [file.rpartition("/")[0] for file in rows.inputFiles()]
    except PySparkException:  # a platform that names no files
        return False
    is_one_file_each = len(set(folders)) == len(folders)
    return is_one_file_each and all(
        is_settable(spark, name, value) for name, value in WHOLE_FILES.items()
    )
