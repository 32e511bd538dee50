"""Claims on a mart as rows of a Delta table, where this process can write no file beside the mart.

In a schema of most catalogs, and behind a URI over Spark Connect, only the engine writes. Delta
puts the commits of a table in one order, and whoever reads the table after a commit of its own
sees every earlier one: that is all that a lease asks of the place where its claims are.
"""

from dataclasses import dataclass

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from customer_mart.errors import UsageError
from customer_mart.identifiers import sql_string
from customer_mart.publish.tables import create_table
from customer_mart.publish.target import Target

NO_SCHEMA = "SCHEMA_NOT_FOUND"


@dataclass(frozen=True)
class ClaimsTable:
    """Claims by name, each with when it was written last, by the engine's clock."""

    spark: SparkSession
    table: Target

    @property
    def uri(self) -> str:
        """Where the claims are, in words."""
        return self.table.place

    def write(self, name: str, text: str) -> None:
        """Adds a claim, or renews it. It reads nothing, so that no commit of others is in its way.

        Raises:
            UsageError: if the schema of the table is not there.
        """
        self._ensure()
        claim = (
            self.spark.range(1)
            .coalesce(1)
            .select(
                F.lit(name).alias("name"), F.lit(text).alias("claim"), F.now().alias("renewed_at")
            )
        )
        self.table.append(claim.write)

    def read(self, name: str) -> str | None:
        """What a claim says; None when it has gone."""
        rows = self.table.read(self.spark).where(f"name = {sql_string(name)}")
        found = rows.select("claim").first()
        return found["claim"] if found else None

    def modified(self) -> dict[str, int]:
        """When each claim was written last, in milliseconds."""
        written = "unix_millis(renewed_at) AS written"
        rows = self.table.read(self.spark).selectExpr("name", written).collect()
        return {row["name"]: row["written"] for row in sorted(rows, key=lambda r: r["written"])}

    def delete(self, name: str) -> None:
        """Takes a claim away, with all its renewals.

        Claims are partitions: nothing is read, and no commit of another claim is in the way.
        """
        self.spark.sql(f"DELETE FROM {self.table.identifier} WHERE name = {sql_string(name)}")

    def _ensure(self) -> None:
        if self.table.exists(self.spark):
            return
        try:
            self.spark.sql(create_table(self.table))
        except Exception as refused:
            if getattr(refused, "getCondition", lambda: None)() == NO_SCHEMA:
                schema = self.table.place.rpartition(".")[0]
                raise UsageError(
                    f"There is no schema {schema}, which mart.schema names: create it first"
                ) from refused
            # Of two first runs at once one makes the table.
            if not self.table.exists(self.spark):
                raise
