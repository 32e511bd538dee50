"""Which ledger a mart has, noted at its record of runs: one that is gone is missed."""

from pyspark.sql import SparkSession

from customer_mart.erasure.ledger import LEDGER
from customer_mart.errors import DataError
from customer_mart.publish.tables import ensure_table
from customer_mart.publish.target import target
from customer_mart.settings import Settings

# The property of mart_runs with the table id of the ledger. No rollback restores that table.
KNOWN = "customer_mart.ledger"


def note_ledger(spark: SparkSession, settings: Settings) -> None:
    """Notes the ledger, made if it is not there, as the mart's."""
    runs, ledger = target("mart_runs", settings.mart), target(LEDGER, settings.mart)
    for table in (runs, ledger):
        ensure_table(spark, table)
    table_id = str(ledger.detail(spark)["id"])
    if runs.properties(spark).get(KNOWN) != table_id:
        runs.set_property(spark, KNOWN, table_id)


def missing_ledger(spark: SparkSession, settings: Settings) -> str | None:
    """How the mart lacks the ledger that was noted, half a sentence; None if it does not."""
    runs, ledger = target("mart_runs", settings.mart), target(LEDGER, settings.mart)
    known = runs.properties(spark).get(KNOWN) if runs.exists(spark) else None
    if known is None:
        return None
    if not ledger.exists(spark):
        return f"is not at {ledger.place} any more, or not to be seen by this user"
    if ledger.detail(spark)["id"] != known:
        return f"at {ledger.place} is another than the one this mart had"
    return None


def require_ledger(spark: SparkSession, settings: Settings) -> None:
    """Refuses to go on without the ledger by which customers were left out.

    Raises:
        DataError: if it is gone, or another is in its place.
    """
    if found := missing_ledger(spark, settings):
        raise DataError(
            f"The ledger of erased customers {found}: put the right one back from its backup, or "
            "customers who were erased come back (docs/erasure.md says how to go on without it)"
        )
