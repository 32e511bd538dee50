"""The ledger that a mart is known to have: one that is gone is missed, new entries are noticed."""

from dataclasses import dataclass, replace

from pyspark.sql import SparkSession

from customer_mart.errors import DataError, MartError
from customer_mart.publish.history import Commit, change_since, history, newest_version
from customer_mart.publish.tables import ensure_table
from customer_mart.publish.target import Target, target
from customer_mart.settings import Settings

LEDGER = "erased_customers"
# The property of mart_runs with the ledger as it was when somebody was about to be entered last,
# `ID@VERSION`. No rollback restores that table.
KNOWN = "customer_mart.ledger"
# The property of the ledger that names the last request to enter somebody.
REQUEST = "customer_mart.request"


@dataclass(frozen=True)
class LedgerState:
    """The ledger as it is at some time."""

    table_id: str
    version: int

    def __str__(self) -> str:
        """As it is noted and put on record."""
        return f"{self.table_id}@{self.version}"

    @classmethod
    def parsed(cls, text: str) -> "LedgerState | None":
        """What such a text says; None of an empty one."""
        table_id, _, version = text.partition("@")
        return cls(table_id, int(version)) if table_id else None


def ensure_known_ledger(spark: SparkSession, settings: Settings) -> None:
    """Makes the ledger if it is not there, and notes it if it is not the one that is noted."""
    runs, ledger = target("mart_runs", settings.mart), target(LEDGER, settings.mart)
    for table in (runs, ledger):
        ensure_table(spark, table)
    known = _noted(spark, runs)
    if known is None or known.table_id != _table_id(spark, ledger):
        _note(spark, runs, ledger)


def announce(spark: SparkSession, settings: Settings, request_id: str) -> None:
    """Notes the ledger in a new version, before a request enters anybody.

    A copy from before is missed from here on, wherever the erasure is killed.
    """
    runs, ledger = target("mart_runs", settings.mart), target(LEDGER, settings.mart)
    ledger.set_properties(spark, {REQUEST: request_id})
    _note(spark, runs, ledger)


def _note(spark: SparkSession, runs: Target, ledger: Target) -> None:
    now = LedgerState(_table_id(spark, ledger), newest_version(spark, ledger))
    runs.set_properties(spark, {KNOWN: str(now)})


def missing_ledger(spark: SparkSession, settings: Settings) -> str | None:
    """How the mart lacks the ledger that was noted, half a sentence; None if it does not."""
    runs = target("mart_runs", settings.mart)
    known = _noted(spark, runs) if runs.exists(spark) else None
    return _loss(spark, target(LEDGER, settings.mart), known) if known else None


def require_ledger(spark: SparkSession, settings: Settings) -> None:
    """Refuses to go on without the ledger by which customers were left out.

    Raises:
        DataError: if it is gone, or another or an older copy is in its place.
    """
    if found := missing_ledger(spark, settings):
        raise _lost(found)


def ledger_state(spark: SparkSession, settings: Settings) -> LedgerState | None:
    """The ledger now; None when there is none."""
    return _state(spark, target(LEDGER, settings.mart))


def _state(spark: SparkSession, ledger: Target) -> LedgerState | None:
    if not ledger.exists(spark):
        return None
    return LedgerState(_table_id(spark, ledger), newest_version(spark, ledger))


def _table_id(spark: SparkSession, ledger: Target) -> str:
    return str(ledger.detail(spark)["id"])


def require_no_new_entry(
    spark: SparkSession, settings: Settings, before: LedgerState | None
) -> None:
    """Refuses to go on when customers were entered since the ledger was in that state.

    A lock keeps runs and erasures apart, but not every mart can have one.

    Raises:
        DataError: if the ledger is gone, or another or an older copy is in its place.
        MartError: if customers were entered, or the ledger was changed in another way.
    """
    ledger = target(LEDGER, settings.mart)
    if before and (found := _loss(spark, ledger, before)):
        raise _lost(found)
    if found := _change_since(spark, ledger, before):
        raise MartError(
            f"The ledger of erased customers was written to while this run worked ({found}), so "
            "that the run may have brought back whom an erasure had removed: run again in mode "
            "auto or full, then erase the same customers again"
        )


def loss_of_entries(
    spark: SparkSession, settings: Settings, before: LedgerState | None
) -> str | None:
    """How customers may have been taken out since the ledger was in that state: half a sentence.

    None if nobody was: erasures enter customers, and say later that they came to their end.

    before: None if there was none, so that whatever the ledger ever held was entered since.
    """
    ledger = target(LEDGER, settings.mart)
    if before is None:
        if not ledger.exists(spark):
            return None
        before = LedgerState(_table_id(spark, ledger), 0)
    if found := _loss(spark, ledger, before):
        return found
    commits = [replace(c, erasure=c.erasure or _entry(c)) for c in history(spark, ledger)]
    change = change_since(commits, before.version)
    return f"was changed since the last run: {change}" if change else None


def _entry(commit: Commit) -> str | None:
    """What stands for the request where customers are entered, which says nothing of itself."""
    is_append = commit.operation == "WRITE" and commit.parameters.get("mode") == "Append"
    return "entry" if is_append else None


def _change_since(spark: SparkSession, ledger: Target, before: LedgerState | None) -> str | None:
    """What was done to the ledger, in words; None if nothing."""
    if before is not None:
        return change_since(history(spark, ledger), before.version)
    is_new = ledger.exists(spark) and not ledger.read(spark).isEmpty()
    return "there was none before" if is_new else None


def _noted(spark: SparkSession, runs: Target) -> LedgerState | None:
    """What the property says; None without one."""
    return LedgerState.parsed(runs.properties(spark).get(KNOWN, ""))


def _loss(spark: SparkSession, ledger: Target, known: LedgerState) -> str | None:
    """How the ledger, in that state or a later one, is missing: half a sentence, or None."""
    now = _state(spark, ledger)
    if now is None:
        return f"is not at {ledger.place} any more, or not to be seen by this user"
    if now.table_id != known.table_id:
        return f"at {ledger.place} is another than the one this mart had"
    if now.version < known.version:
        return (
            f"at {ledger.place} is an older copy of the one this mart had (version {now.version}, "
            f"not {known.version} or later)"
        )
    later = (commit for commit in history(spark, ledger) if commit.version > known.version)
    if restored := next((commit for commit in later if commit.operation == "RESTORE"), None):
        return (
            f"at {ledger.place} was restored to an older version (in version {restored.version})"
        )
    return None


def _lost(how: str) -> DataError:
    return DataError(
        f"The ledger of erased customers {how}: put the right one back from its backup, or "
        "customers who were erased come back (docs/erasure.md says how to go on without it)"
    )
