"""Frames staged between the stages of a run.

A stage's result is written once and read by whatever follows: nothing is computed twice, the
rows that are checked are the rows that are published, and no cache has to hold them.
"""

import re
import shutil
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from customer_mart.identifiers import quoted_name
from customer_mart.places import absolute, is_uri
from customer_mart.publish.hadoop_folder import HadoopFolder, has_jvm
from customer_mart.publish.parquet_encoding import DICTIONARIES
from customer_mart.settings.settings import Mart

BESIDE = "_staging"
# A run's staged frame as a table: catalogs may have names in lower case only.
STAGED_TABLE = re.compile(r"_staging_\d{8}t\d{6}z_[0-9a-f]{8}_\w+", re.IGNORECASE)


@dataclass
class StagingArea:
    """Parquet of one run, in a folder or as tables of the mart's schema; cleared at its end."""

    spark: SparkSession
    place: str
    is_table: bool
    staged: dict[str, DataFrame] = field(default_factory=dict)

    def stage(self, name: str, rows: DataFrame) -> DataFrame:
        """The same rows, written once and read back."""
        place = self._place(name)
        # Ids, times and sums are rarely the same twice, and staged rows live for one run: the few
        # who read them do not earn back what a dictionary costs.
        write = rows.write.mode("overwrite").option(DICTIONARIES, "false")
        # A frame that is staged again may have other columns; where tables are Delta by default,
        # that has to be allowed.
        write = write.option("overwriteSchema", "true")
        if self.is_table:
            # A table of Delta refuses names that a source may have, unless it maps them.
            write.option("delta.columnMapping.mode", "name").saveAsTable(place)
            read_back = self.spark.read.table(place)
        else:
            write.parquet(place)
            read_back = self.spark.read.schema(rows.schema).parquet(place)
        self.staged[name] = read_back
        return read_back

    def clear(self) -> None:
        """Leaves no row behind, whether the run succeeded or not.

        Over Spark Connect a folder behind a URI cannot be deleted, and is emptied of its rows.
        What cannot be cleared is left for maintenance and is no error: a run that failed has one
        of its own to report, and one that published has succeeded.
        """
        if not self.is_table and not is_uri(self.place):
            self._delete_folder()
        elif not self.is_table and has_jvm(self.spark):
            with suppress(Exception):
                HadoopFolder(self.spark, self.place).delete()
        else:
            remove = self._drop if self.is_table else self._empty
            for name in self.staged:
                with suppress(Exception):  # of one, which is no reason to leave the others
                    remove(name)

    def _delete_folder(self) -> None:
        shutil.rmtree(self.place, ignore_errors=True)
        common = Path(self.place).parent
        # A folder that `mart.staging` names is the operator's, with rights of its own.
        if common.name == BESIDE:
            with suppress(OSError):  # another run's staging keeps it
                common.rmdir()

    def _drop(self, name: str) -> None:
        self.spark.sql(f"DROP TABLE IF EXISTS {self._place(name)}")

    def _empty(self, name: str) -> None:
        rows = self.staged[name]
        nothing = (F.lit(None).cast(column.dataType) for column in rows.schema)
        empty = self.spark.range(0).select(*nothing).toDF(*rows.columns)
        empty.write.mode("overwrite").parquet(self._place(name))

    def _place(self, name: str) -> str:
        return quoted_name(f"{self.place}_{name}") if self.is_table else f"{self.place}/{name}"


def clear_abandoned(spark: SparkSession, mart: Mart) -> None:
    """Deletes what killed runs left beside the mart's tables; with the mart's lock held.

    A folder that `mart.staging` names is left alone: others may keep their own there.
    """
    if mart.catalog_schema:
        _drop_abandoned(spark, mart.catalog_schema)
    if not mart.location or mart.staging:
        return
    folder = absolute(_beside(mart.location))
    if not is_uri(folder):
        shutil.rmtree(folder, ignore_errors=True)
    elif has_jvm(spark):
        HadoopFolder(spark, folder).delete()


def _drop_abandoned(spark: SparkSession, schema: str) -> None:
    tables = spark.sql(f"SHOW TABLES IN {quoted_name(schema)} LIKE '_staging_*'")
    for name in (row["tableName"] for row in tables.collect()):
        if STAGED_TABLE.fullmatch(name):
            spark.sql(f"DROP TABLE IF EXISTS {quoted_name(f'{schema}.{name}')}")


def _beside(location: str) -> str:
    """The folder of staged rows beside the mart's tables."""
    return f"{location}/{BESIDE}"


def staging_area(spark: SparkSession, mart: Mart, run_id: str) -> StagingArea:
    """The run's area: beside the mart's tables, or in the folder that `mart.staging` names."""
    if mart.catalog_schema and not mart.staging:
        return StagingArea(spark, f"{mart.catalog_schema}._staging_{run_id}", is_table=True)
    root = mart.staging or _beside(str(mart.location))
    return StagingArea(spark, f"{absolute(root)}/{run_id}", is_table=False)
