"""The ledger that a mart is known to have: one that is gone is missed, new entries are noticed."""

from pyspark.sql import SparkSession

from customer_mart.erasure.ledger import LEDGER
from customer_mart.errors import DataError, MartError
from customer_mart.publish.commit import changed_since, newest_version
from customer_mart.publish.tables import ensure_table
from customer_mart.publish.target import Target, target
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


def ledger_version(spark: SparkSession, settings: Settings) -> int | None:
    """The version of the ledger now; None when there is none."""
    ledger = target(LEDGER, settings.mart)
    return newest_version(spark, ledger) if ledger.exists(spark) else None


def require_no_new_entry(spark: SparkSession, settings: Settings, version: int | None) -> None:
    """Refuses to go on when customers were entered since the ledger had that version.

    A lock keeps runs and erasures apart, but not every mart can have one.

    Raises:
        DataError: if the ledger is gone.
        MartError: if customers were entered, or the ledger was changed in another way.
    """
    require_ledger(spark, settings)
    if found := _change_since(spark, target(LEDGER, settings.mart), version):
        raise MartError(
            f"The ledger of erased customers was written to while this run worked ({found}), so "
            "that the run may have brought back whom an erasure had removed: run again in mode "
            "auto or full, then erase the same customers again"
        )


def _change_since(spark: SparkSession, ledger: Target, version: int | None) -> str | None:
    """What was done to the ledger, in words; None if nothing."""
    if version is not None:
        return changed_since(spark, ledger, version)
    is_new = ledger.exists(spark) and not ledger.read(spark).isEmpty()
    return "there was none before" if is_new else None
