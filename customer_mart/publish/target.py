"""A table of the mart: where it is, and how Spark names it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, DataFrameReader, DataFrameWriter, Row, SparkSession

from customer_mart.contracts import Contract, contract
from customer_mart.errors import DataError, UsageError
from customer_mart.identifiers import delta_name, sql_string
from customer_mart.places import absolute
from customer_mart.session_setting import allow_old_versions
from customer_mart.settings.settings import Mart

NO_TABLE = ("PATH_NOT_FOUND", "DELTA_TABLE_NOT_FOUND")


@dataclass(frozen=True)
class Target:
    """A Delta table at a path or under a catalog name."""

    contract: Contract
    place: str
    is_table: bool

    @property
    def identifier(self) -> str:
        """The table as SQL names it."""
        return delta_name(self.place, is_table=self.is_table)

    def exists(self, spark: SparkSession) -> bool:
        """Whether the table has been created."""
        if self.is_table:
            return spark.catalog.tableExists(self.identifier)
        return _is_delta(spark, self.place)

    def detail(self, spark: SparkSession) -> Row:
        """What Delta says of the table now: its properties and features, files and bytes."""
        row: Row = spark.sql(f"DESCRIBE DETAIL {self.identifier}").collect()[0]
        return row

    def properties(self, spark: SparkSession) -> dict[str, str]:
        """The table's properties as they are now."""
        return dict(self.detail(spark)["properties"])

    def set_properties(self, spark: SparkSession, properties: Mapping[str, str]) -> None:
        """Gives the table properties, in a commit that leaves every row as it was."""
        pairs = ", ".join(
            f"{sql_string(name)} = {sql_string(value)}" for name, value in properties.items()
        )
        spark.sql(f"ALTER TABLE {self.identifier} SET TBLPROPERTIES ({pairs})")

    def read(self, spark: SparkSession, version: int | None = None) -> DataFrame:
        """The table's rows, at a version or at the newest."""
        reader = spark.read.format("delta")
        if version is None:
            return self._load(reader)
        # Maintenance knows which files are needed, and a file that is gone is an error anyway.
        allow_old_versions(spark)
        return self._load(reader.option("versionAsOf", version))

    def _load(self, reader: DataFrameReader) -> DataFrame:
        return reader.table(self.identifier) if self.is_table else reader.load(self.place)

    def append(self, write: DataFrameWriter) -> None:
        """Adds the rows of a prepared write, in one commit."""
        self._save(write.mode("append"))

    def append_once(
        self, write: DataFrameWriter, metadata: dict[str, str], name: str, number: int
    ) -> None:
        """Adds the rows of a prepared write, in one commit, also if there are none.

        A write of the same name and number is not done again: Delta keeps both in the table.
        """
        once = write.option("txnAppId", name).option("txnVersion", number)
        self.append(once.option("userMetadata", json.dumps(metadata)))

    def replace(self, write: DataFrameWriter, metadata: dict[str, str]) -> None:
        """Puts the rows of a prepared write in place of all others, in one commit.

        metadata: what a run says of itself, by which the commit is known as that run's. It is made
        also where no rows take the place of none: else the table would stay that of the run
        before, which may have failed. A run replaces a table once.
        """
        # A session may be set to replace only the dates that are written; here all are replaced.
        everything = write.mode("overwrite").option("partitionOverwriteMode", "static")
        # Delta leaves out a commit that changes nothing, but not one that has a name to keep.
        named = everything.option("txnAppId", metadata["run_id"]).option("txnVersion", 0)
        self._save(named.option("userMetadata", json.dumps(metadata)))

    def _save(self, write: DataFrameWriter) -> None:
        if self.is_table:
            write.format("delta").saveAsTable(self.identifier)
        else:
            write.format("delta").save(self.place)


def target(table: str, mart: Mart) -> Target:
    """The table of the mart that the settings describe.

    Raises:
        UsageError: if the settings say nowhere.
    """
    if mart.catalog_schema:
        return Target(contract(table), f"{mart.catalog_schema}.{table}", is_table=True)
    if mart.location:
        return Target(contract(table), f"{absolute(mart.location)}/{table}", is_table=False)
    raise UsageError(
        "Say where the mart is: --mart DIR, or mart.location or mart.schema in the configuration"
    )


def published(spark: SparkSession, mart: Mart, table: str) -> Target:
    """The table of the mart, which has to be there.

    Raises:
        DataError: if it is not.
    """
    found = target(table, mart)
    if not found.exists(spark):
        raise DataError(f"There is no {table} at {found.place} yet: run customer-mart build")
    return found


def _is_delta(spark: SparkSession, place: str) -> bool:
    """Whether a Delta table is at a place, found out without Delta's Python package.

    Over Spark Connect that package needs a plugin in the server.
    """
    try:
        return bool(spark.read.format("delta").load(place).columns)
    except AnalysisException as error:
        if error.getCondition() in NO_TABLE:
            return False
        raise
