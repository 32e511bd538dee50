"""A run: what every step needs to know of it."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Literal

from pyspark.sql import SparkSession

from customer_mart.erasure.ledger import erased_customers
from customer_mart.erasure.ledger_guard import LedgerState, ledger_state, require_ledger
from customer_mart.progress import LogFormat, Progress, start_progress
from customer_mart.publish.commit import commit_metadata
from customer_mart.publish.run_record import RunRecord
from customer_mart.publish.staging_area import StagingArea, staging_area
from customer_mart.publish.target import Target, target
from customer_mart.settings import Settings
from customer_mart.sources.erased import Erased

Mode = Literal["auto", "full", "incremental"]


@dataclass(frozen=True)
class Run:
    """One run of the mart at one as-of instant, by one clock reading.

    ledger: that of erased customers as it was at the start; None when there was none.
    erased: customers who do not exist for it; None when there are none.
    """

    spark: SparkSession
    settings: Settings
    as_of: datetime
    record: RunRecord
    progress: Progress
    staging: StagingArea
    ledger: LedgerState | None = None
    erased: Erased | None = None

    @property
    def run_id(self) -> str:
        return self.record.run_id

    @property
    def updated_at(self) -> datetime:
        """The run's clock, read once."""
        return self.record.started_at

    @property
    def commit_metadata(self) -> dict[str, str]:
        return commit_metadata(self.run_id, self.as_of, self.record.settings_hash)

    def target(self, table: str) -> Target:
        return target(table, self.settings.mart)

    def tag(self) -> None:
        """Tags the engine's jobs of this thread with the run id, until the tag is removed."""
        self.spark.addTag(self.run_id)


def start_run(
    spark: SparkSession,
    settings: Settings,
    as_of: datetime,
    mode: Mode = "full",
    log_format: LogFormat = "text",
) -> Run:
    """A run that starts now.

    mode: what was asked for; the record of an `auto` run says in the end what it became.

    Raises:
        UsageError: if the settings do not lead to the salt of the ledger of erased customers.
        DataError: if the ledger is gone or has lost its salt.
    """
    require_ledger(spark, settings)
    started_at = datetime.now(tz=timezone.utc)
    # The name sorts by time; the suffix tells apart runs that start in the same second.
    run_id = f"{started_at:%Y%m%dT%H%M%SZ}_{secrets.token_hex(4)}"
    # Read before who is in it: what is entered between the two is noticed later, not missed.
    ledger = ledger_state(spark, settings)
    record = RunRecord(run_id, as_of, mode, settings.hash, started_at)
    record.ledger = str(ledger) if ledger else None
    return Run(
        spark=spark,
        settings=settings,
        as_of=as_of,
        record=record,
        progress=start_progress(log_format, run_id),
        staging=staging_area(spark, settings.mart, run_id),
        ledger=ledger,
        erased=erased_customers(spark, settings),
    )
