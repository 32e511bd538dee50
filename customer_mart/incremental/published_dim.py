"""The dim_customer that is published: its version, and whose rows it holds."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from pyspark.sql import SparkSession

from customer_mart.errors import DataError
from customer_mart.incremental.last_run import LastRun, last_run
from customer_mart.publish.history import Commit, change_since, history, metadata_of_rows
from customer_mart.publish.publications import DIM_VERSION
from customer_mart.publish.target import target
from customer_mart.settings import Settings


def has_dim_of(spark: SparkSession, settings: Settings, said: Mapping[str, str]) -> bool | None:
    """Whether dim_customer has the rows that the scores were computed from.

    said: the metadata of the scores' commit; None when it does not tell. Maintenance and erasures
    make newer versions of the same rows.
    """
    version = said.get(DIM_VERSION)
    if version is None:
        return None
    dim = target("dim_customer", settings.mart)
    return change_since(history(spark, dim), int(version)) is None


def is_as_recorded(spark: SparkSession, settings: Settings) -> bool:
    """Whether dim_customer is as the last successful run left it, by which it was checked."""
    commits = history(spark, target("dim_customer", settings.mart))
    return _left_by(_last_run(spark, settings), commits) is not None


def newest_dim(spark: SparkSession, settings: Settings) -> tuple[int, datetime | None]:
    """The version and the as-of instant of the dim_customer that is published now.

    The instant is None where no commit tells it: older versions left none of an empty table.

    Raises:
        DataError: if none was published.
    """
    table = target("dim_customer", settings.mart)
    never = f"No dim_customer has been published at {table.place}: build it first"
    if not table.exists(spark):
        raise DataError(never)
    commits, last = history(spark, table), _last_run(spark, settings)
    version = commits[0].version
    if left := _left_by(last, commits):
        # A run that found nothing to change looked from a later instant than the commit did.
        return version, left.as_of
    metadata = metadata_of_rows(commits)
    if not (metadata or last):
        # Made by a run that failed before it published.
        raise DataError(never)
    return version, datetime.fromisoformat(metadata["as_of"]) if metadata else None


def _left_by(last: LastRun | None, commits: Sequence[Commit]) -> LastRun | None:
    """The last successful run, if no commit has changed dim_customer since."""
    return last if last and not last.change_of("dim_customer", commits) else None


def _last_run(spark: SparkSession, settings: Settings) -> LastRun | None:
    runs = target("mart_runs", settings.mart)
    return last_run(spark, runs) if runs.exists(spark) else None
