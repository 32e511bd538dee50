"""Erasure of customers: what `customer-mart erase` and jobs/erase_customers.py do."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from customer_mart.contracts import MART_TABLES
from customer_mart.erasure.delivered import ERASED_ID, erased_ids, holds
from customer_mart.erasure.ledger import enter, erased_customers, finish
from customer_mart.erasure.ledger_guard import ensure_known_ledger, require_ledger
from customer_mart.erasure.run_texts import TEXTS, scrubbed_runs
from customer_mart.errors import DataError, UsageError
from customer_mart.progress import LogFormat, Progress, start_progress
from customer_mart.publish.commit import USER_METADATA, erasure_metadata
from customer_mart.publish.merge import merge_into
from customer_mart.publish.staging_area import clear_abandoned
from customer_mart.publish.tables import keep_ids_out_of_statistics
from customer_mart.publish.target import Target, target
from customer_mart.publish.upkeep import drop_deleted_rows, vacuum
from customer_mart.session_setting import is_settable
from customer_mart.settings import Settings
from customer_mart.sources.erased import Erased


@dataclass(frozen=True)
class Request:
    """One request to erase, as far as the ledger is written."""

    spark: SparkSession
    settings: Settings
    request_id: str
    erased: Erased
    progress: Progress

    def target(self, table: str) -> Target:
        return target(table, self.settings.mart)


def require_customers(spark: SparkSession, settings: Settings) -> None:
    """Refuses a place without a mart, where nothing would be erased although it seemed so.

    Raises:
        DataError: if there is no dim_customer.
    """
    dim = target("dim_customer", settings.mart)
    if not dim.exists(spark):
        raise DataError(
            f"There is no dim_customer at {dim.place} to erase from: check --mart, or run "
            "customer-mart build"
        )


def erase(
    spark: SparkSession,
    settings: Settings,
    ids: Sequence[str],
    log_format: LogFormat = "text",
    *,
    purge: bool = False,
) -> None:
    """Removes customers from every table of the mart and keeps them out of later runs.

    To be called with the mart's lock held. What the tables were before is in their old files until
    maintenance deletes those; purge does so at once. Nothing that is written, printed or logged
    holds an id.

    Raises:
        DataError: if there is no mart to erase from, or its ledger is gone or has lost its salt.
        UsageError: if the settings do not lead to the ledger's salt, or the session refuses what
            an erasure needs.
    """
    _require_named_commits(spark)
    now = datetime.now(tz=timezone.utc)
    request_id = f"erase_{now:%Y%m%dT%H%M%SZ}_{secrets.token_hex(4)}"
    progress = start_progress(log_format, request_id)
    require_customers(spark, settings)
    require_ledger(spark, settings)
    with progress.stage("enter in erased_customers") as stage:
        # Before somebody is entered, so that a ledger that names somebody is always a known one.
        ensure_known_ledger(spark, settings)
        stage.rows = enter(spark, settings, list(ids), request_id)
        erased = erased_customers(spark, settings)
        if erased is None:
            raise DataError(
                "The ledger erased_customers is empty although customers were entered: put it "
                "back from its backup if it named others before, then erase the same customers "
                "again"
            )
    request = Request(spark, settings, request_id, erased, progress)
    found = {
        *_erased_from(request, "dim_customer", _customers),
        *_erased_from(request, "customer_ltv_scoring", _customers),
        *_erased_from(request, "customer_tier_changes", _customers),
        *_erased_from(request, "quarantine", _quarantined),
    }
    _scrub_runs(request, {*ids, *found})
    if purge:
        _purge(request)
    # Last: of an erasure that dies before, status says that it did not come to its end.
    finish(spark, settings, list(ids), request_id, datetime.now(tz=timezone.utc))
    _conclude(progress, len(ids), len(set(ids) - found), purge=purge)


def _require_named_commits(spark: SparkSession) -> None:
    """Refuses a session in which an erasure would end once it is in the ledger."""
    if not is_settable(spark, USER_METADATA):
        raise UsageError(
            f"This session refuses {USER_METADATA}, by which a commit names its erasure; nothing "
            "was erased: run customer-mart erase in a session that takes it, such as that of a "
            "cluster of its own"
        )


# From a table's rows, the ids to remove, and on which condition a row is a customer's.
Finder = Callable[[DataFrame, Erased], tuple[DataFrame, str]]


def _customers(rows: DataFrame, erased: Erased) -> tuple[DataFrame, str]:
    ids = erased.found_among(rows.select(F.col("user_id").alias(ERASED_ID)))
    return ids, f"t.user_id = s.{ERASED_ID}"


def _quarantined(rows: DataFrame, erased: Erased) -> tuple[DataFrame, str]:
    return erased_ids(rows, erased), holds("t", "s")


def _erased_from(request: Request, table: str, finder: Finder) -> list[str]:
    """Removes every customer of the ledger from a table; returns the ids it held.

    Ids go to the statement as the rows of a view, so that no commit's predicate tells one.
    """
    target, metadata = request.target(table), erasure_metadata(request.request_id)
    with request.progress.stage(f"erase from {table}") as stage:
        stage.rows = 0
        if not target.exists(request.spark):
            return []
        keep_ids_out_of_statistics(request.spark, target)
        ids, is_customers = finder(target.read(request.spark), request.erased)
        found = [row[ERASED_ID] for row in ids.collect()]
        if found:
            # Rows of their own: what is merged must not be read from the table it goes to.
            ids = request.spark.createDataFrame(
                [(user_id,) for user_id in found], f"{ERASED_ID} string"
            )
            merged = merge_into(
                request.spark, target, ids, is_customers, "WHEN MATCHED THEN DELETE", metadata
            )
            stage.rows = int(merged["num_deleted_rows"])
        drop_deleted_rows(request.spark, target, metadata)
    return found


def _scrub_runs(request: Request, ids: set[str]) -> None:
    runs = request.target("mart_runs")
    with request.progress.stage("erase from mart_runs") as stage:
        stage.rows = 0
        if not runs.exists(request.spark):
            return
        metadata = erasure_metadata(request.request_id)
        scrubbed = scrubbed_runs(runs.read(request.spark), ids)
        stage.rows = scrubbed.count()
        if stage.rows:
            texts = ", ".join(f"{name} = s.{name}" for name in TEXTS)
            update = f"WHEN MATCHED THEN UPDATE SET {texts}"
            on = "t.run_id = s.run_id"
            merge_into(request.spark, runs, scrubbed, on, update, metadata)
        drop_deleted_rows(request.spark, runs, metadata)


def _purge(request: Request) -> None:
    """Deletes every file that no newest version needs, and what killed runs left behind."""
    for name in MART_TABLES:
        table = request.target(name)
        if table.exists(request.spark):
            with request.progress.stage(f"purge {name}"):
                vacuum(request.spark, table, 0)
    clear_abandoned(request.spark, request.settings.mart)


def _conclude(progress: Progress, asked: int, unknown: int, *, purge: bool) -> None:
    progress.note(
        f"customers of this request in the ledger: {asked}; in no table: {unknown}, kept out of "
        "later runs all the same"
    )
    if not purge:
        progress.note(
            "old versions still hold the customers until customer-mart maintain deletes their "
            "files, once they are older than maintenance.retention_hours; --purge does so at once"
        )
