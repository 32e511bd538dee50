"""Maintenance of a mart: what `customer-mart maintain` and jobs/maintain_tables.py do."""

import math
from datetime import datetime, timedelta, timezone

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from customer_mart.contracts import MART_TABLES, RUN_CLAIMS
from customer_mart.erasure.known_ledger import require_ledger
from customer_mart.errors import DataError
from customer_mart.places import absolute
from customer_mart.progress import LogFormat, start_progress
from customer_mart.publish.maintenance import DELTA_RETENTION_HOURS, compact, size, vacuum
from customer_mart.publish.run_lock import claims_table
from customer_mart.publish.run_record import SUCCEEDED
from customer_mart.publish.staged import clear_abandoned
from customer_mart.publish.target import Target, target
from customer_mart.settings import Settings

# Scores are published for all customers at once, each date in the order of ltv_score: there is
# nothing to compact, and OPTIMIZE would not keep the order. Claims go with the runs that made
# them, and OPTIMIZE would be in their way.
NOT_COMPACTED = ("customer_ltv_scoring", RUN_CLAIMS)


def require_tables(spark: SparkSession, settings: Settings) -> list[Target]:
    """The tables of the mart that are there; without any, it would seem to be in good order.

    Raises:
        DataError: if there is none.
    """
    targets = (target(name, settings.mart) for name in MART_TABLES)
    found = [table for table in targets if table.exists(spark)]
    if not found:
        place = settings.mart.catalog_schema or absolute(str(settings.mart.location))
        raise DataError(
            f"There is no mart at {place} to maintain: check --mart, or run customer-mart build"
        )
    return found


def maintain(spark: SparkSession, settings: Settings, log_format: LogFormat = "text") -> None:
    """Compacts and vacuums the tables of the mart, and clears what killed runs left behind.

    To be called with the mart's lock held: OPTIMIZE and an overwrite at the same time would make
    one of the two fail, and VACUUM would take files that a run has yet to commit.

    Raises:
        DataError: if there is no mart, or the ledger of erased customers is gone, or another or an
            older copy is in its place: maintained, that would have a version as high as the right
            one's.
    """
    tables = require_tables(spark, settings)
    require_ledger(spark, settings)
    progress = start_progress(log_format, "maintenance")
    hours = retention_hours(spark, settings, datetime.now(tz=timezone.utc))
    claims = claims_table(settings.mart)
    for table in [*tables, *([claims] if claims.exists(spark) else [])]:
        with progress.stage(f"maintain {table.contract.name}") as stage:
            before, compacted = size(spark, table), 0
            if table.contract.name not in NOT_COMPACTED:
                compacted = compact(spark, table, settings.maintenance.max_files_per_partition)
            # A claim may be on its way while these files are deleted, whatever the settings say.
            kept = max(hours, DELTA_RETENTION_HOURS) if table is claims else hours
            vacuum(spark, table, kept)
            after = size(spark, table)
            stage.notes.append(
                f"{before.files} files of {before.size_in_bytes} bytes, now {after.files} of "
                f"{after.size_in_bytes}; {compacted} partitions compacted; versions of the last "
                f"{kept} hours kept"
            )
    clear_abandoned(spark, settings.mart)


def retention_hours(spark: SparkSession, settings: Settings, now: datetime) -> int:
    """How far back versions must stay readable: the setting, and the last successful run at least.

    Later failed runs or a RESTORE may have made other versions the newest; the versions of the
    last successful run are what its record, and the next incremental run, speak of.
    """
    wanted = settings.maintenance.retention_hours
    runs = target("mart_runs", settings.mart)
    if not settings.maintenance.keep_last_run or not runs.exists(spark):
        return wanted
    succeeded = runs.read(spark).where(F.col("status") == SUCCEEDED)
    last = succeeded.agg(F.max("started_at")).collect()[0][0]
    if last is None:
        return wanted
    age: timedelta = now - last.astimezone(timezone.utc)
    return max(wanted, math.ceil(age.total_seconds() / 3600) + 1)
