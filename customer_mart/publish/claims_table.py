"""Claims on a mart as rows of a Delta table, where this process can write no file beside the mart.

In a schema of most catalogs, and behind a URI over Spark Connect, only the engine writes. Where
Delta puts the commits of a table in one order, whoever reads the table after a commit of its own
sees every earlier one: that is all that a lease asks of the place where its claims are. On S3 and
on a local disk Delta does so for the writers of one driver alone. Two drivers may lose a claim
there, and are the scheduler's to keep apart; Databricks has an order of its own on S3.
"""

import time
from contextlib import suppress
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from customer_mart.errors import UsageError
from customer_mart.identifiers import sql_string
from customer_mart.publish.hadoop_folder import has_jvm
from customer_mart.publish.tables import create_table
from customer_mart.publish.target import Target

NO_SCHEMA = "SCHEMA_NOT_FOUND"
TRIES = 3
# Where the engine shares its cores among pools, a renewal waits for no stage of the run.
POOL = "run_claims"


def no_schema(schema: str) -> UsageError:
    """What a mart in a schema that is not there is told."""
    return UsageError(f"There is no schema {schema}, which mart.schema names: create it first")


@dataclass(frozen=True)
class ClaimsTable:
    """Claims by name, each a partition, so that those who write different ones never conflict."""

    spark: SparkSession
    table: Target

    @property
    def uri(self) -> str:
        """Where the claims are, in words."""
        return self.table.place

    def write(self, name: str, text: str) -> None:
        """Adds a claim, and the table if it is not there.

        Raises:
            UsageError: if the schema of the table is not there.
        """
        self._ensure()
        self._append(name, text)

    def replace(self, name: str, text: str) -> bool:
        """Renews a claim, by a row more; False where it had gone. For a thread of its own.

        Where it had gone the row is taken back: it would keep others off a mart that nobody holds.
        """
        if has_jvm(self.spark):
            self.spark.sparkContext.setLocalProperty("spark.scheduler.pool", POOL)
        self._append(name, text)
        if self._rows(name).count() > 1:
            return True
        with suppress(Exception):  # asked again, it would be told that its claim is there
            self.delete(name)
        return False

    def read(self, name: str) -> str | None:
        """What a claim says; None when it has gone."""
        found = self._rows(name).select("claim").first()
        return found["claim"] if found else None

    def modified(self) -> dict[str, int]:
        """When each claim was written last, in milliseconds by the clock of the store."""
        written = "unix_millis(_metadata.file_modification_time) AS written"
        rows = self.table.read(self.spark).selectExpr("name", written).collect()
        return {row["name"]: row["written"] for row in sorted(rows, key=lambda r: r["written"])}

    def delete(self, name: str) -> None:
        """Takes a claim away, with all its renewals; that of somebody who renews it may fail."""
        self.spark.sql(f"DELETE FROM {self.table.identifier} WHERE name = {sql_string(name)}")

    def _append(self, name: str, text: str) -> None:
        """Adds a row. It reads nothing, so that no commit of others is in its way."""
        one = self.spark.range(1).coalesce(1)
        self.table.append(one.select(F.lit(name).alias("name"), F.lit(text).alias("claim")).write)

    def _rows(self, name: str) -> DataFrame:
        return self.table.read(self.spark).where(f"name = {sql_string(name)}")

    def _ensure(self) -> None:
        for attempt in range(1, TRIES + 1):
            if self.table.exists(self.spark):
                return
            try:
                self.spark.sql(create_table(self.table))
            except Exception as refused:
                if getattr(refused, "getCondition", lambda: None)() == NO_SCHEMA:
                    schema = self.table.place.rpartition(".")[0]
                    raise no_schema(schema) from refused
                # Of two first runs at once one makes the table, and may not have done so yet.
                if attempt == TRIES:
                    raise
                time.sleep(1)
