"""Maintenance of a mart: what `customer-mart maintain` and jobs/maintain_tables.py do."""

from datetime import datetime, timedelta, timezone

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from customer_mart.contracts import MART_TABLES
from customer_mart.erasure.ledger_guard import require_ledger
from customer_mart.errors import DataError
from customer_mart.places import absolute
from customer_mart.progress import LogFormat, start_progress
from customer_mart.publish.run_lock import claims_table
from customer_mart.publish.run_record import names_dim_customer, successful_runs
from customer_mart.publish.staging_area import clear_abandoned
from customer_mart.publish.target import Target, target
from customer_mart.publish.upkeep import compact, size, vacuum
from customer_mart.settings import Settings

# Scores are published for all customers at once, each date in the order of ltv_score: there is
# nothing to compact, and OPTIMIZE would not keep the order.
NOT_COMPACTED = ("customer_ltv_scoring",)
# The clocks of a run, of the store and of maintenance may differ.
MARGIN = timedelta(hours=1)


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
    too_old = last_run_too_old(spark, settings, datetime.now(tz=timezone.utc))
    for table in tables:
        with progress.stage(f"maintain {table.contract.name}") as stage:
            before, compacted = size(spark, table), 0
            if table.contract.name not in NOT_COMPACTED:
                compacted = compact(spark, table, settings.maintenance.max_files_per_partition)
            if not too_old:
                vacuum(spark, table, settings.maintenance.retention_hours)
            after = size(spark, table)
            stage.notes.append(
                f"{before.files} files of {before.size_in_bytes} bytes, now {after.files} of "
                f"{after.size_in_bytes}; {compacted} partitions compacted; "
                f"{too_old or _kept(settings)}"
            )
    claims = claims_table(settings.mart)
    if claims.exists(spark):
        with progress.stage(f"maintain {claims.contract.name}"):
            # By its own retention: a change of its properties would refuse a claim on its way.
            spark.sql(f"VACUUM {claims.identifier}")
    clear_abandoned(spark, settings.mart)


def _kept(settings: Settings) -> str:
    return f"versions of the last {settings.maintenance.retention_hours} hours kept"


def last_run_too_old(spark: SparkSession, settings: Settings, now: datetime) -> str | None:
    """Why no file may be deleted, in words; None where the versions of the last run are safe.

    Later failed runs or a RESTORE may have made other versions the newest; those of the last
    successful run of dim_customer are what the next incremental run speaks of. What they need was
    deleted from newer versions after that run had begun, so that it is safe while that lies within
    the retention. Beyond it Delta no longer knows which of the old files those are.
    """
    hours = settings.maintenance.retention_hours
    runs = target("mart_runs", settings.mart)
    if not settings.maintenance.keep_last_run or not runs.exists(spark):
        return None
    # Of scores alone there may be later ones, which the next incremental run looks past.
    of_dim = successful_runs(spark, runs).where(names_dim_customer())
    last = of_dim.agg(F.max("started_at")).collect()[0][0]
    if last is None:
        return None
    age: timedelta = now - last.astimezone(timezone.utc)
    if age + MARGIN <= timedelta(hours=hours):
        return None
    return (
        "no file deleted, for the last successful run of dim_customer began "
        f"{age / timedelta(hours=1):,.1f} hours ago and maintenance.retention_hours is {hours}: "
        "its versions are kept until another succeeds"
    )
