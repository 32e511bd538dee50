"""The stages in order: sources, staging, dim_customer, customer_ltv_scoring, publish."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timezone

from pyspark.errors import ArithmeticException

from customer_mart.errors import DataError, first_line
from customer_mart.publish.run_record import append_run
from customer_mart.run import Run
from customer_mart.stages.facts import stage_customers
from customer_mart.stages.gates import (
    check_games,
    pass_dim_checks,
    pass_scoring_checks,
    pass_source_gates,
)
from customer_mart.stages.open import open_sources
from customer_mart.stages.tables import (
    StagedDim,
    ensure_tables,
    measured_dim,
    newest_dim,
    publish_dim_customer,
    publish_quarantine,
    publish_scoring,
    published_dim,
    scoring_of,
    stage_dim_customer,
)

Build = Callable[[Run], None]


def build_customer_mart(run: Run) -> None:
    """Both tables, from the staging tables.

    Nothing is published before every check of both has passed; the scores that are published are
    computed from the very version of dim_customer that was.
    """
    customers = _checked_dim_customer(run, "dim_customer", "customer_ltv_scoring")
    pass_scoring_checks(run, customers.measured, scoring_of(run, customers.rows))
    version = publish_dim_customer(run, customers.rows)
    publish_scoring(run, scoring_of(run, published_dim(run, version)), version)


def build_dim_customer(run: Run) -> None:
    """dim_customer alone, from the staging tables."""
    publish_dim_customer(run, _checked_dim_customer(run, "dim_customer").rows)


def build_customer_ltv_scoring(run: Run) -> None:
    """customer_ltv_scoring alone, from the dim_customer that was published last."""
    ensure_tables(run, "customer_ltv_scoring", "mart_runs")
    version, _ = newest_dim(run.spark, run.settings)
    customers = published_dim(run, version)
    scores = scoring_of(run, customers)
    pass_scoring_checks(run, measured_dim(run, customers), scores)
    publish_scoring(run, scores, version)


def recorded(run: Run, build: Build) -> None:
    """Runs a build and leaves one row in mart_runs, whether it succeeded or failed."""
    try:
        build(run)
    except Exception as error:
        failure = _explained(run, error)
        # The first error is the one to report, also when the record cannot be written.
        with suppress(Exception):
            _record(run, first_line(failure))
        raise failure from error
    else:
        _record(run)
    finally:
        run.staging.clear()


def _checked_dim_customer(run: Run, *tables: str) -> StagedDim:
    """dim_customer staged and checked, its quarantined rows published.

    tables: those that the run will publish. They are made once the sources are known to be
    sound, and before anything is published.
    """
    sources = open_sources(run)
    check_games(sources["stg_games"])
    ensure_tables(run, "quarantine", "mart_runs", *tables)
    staged = stage_customers(run, sources)
    publish_quarantine(run, sources, staged)
    pass_source_gates(run)
    customers = stage_dim_customer(run, staged)
    pass_dim_checks(run, customers, staged.signups)
    return customers


def _explained(run: Run, error: Exception) -> Exception:
    """The error in plain words, where it is the data's; any other as it is."""
    stage = run.progress.failed_stage
    if isinstance(error, ArithmeticException):
        return DataError(f"{stage}: a sum is too large for its column ({first_line(error)})")
    if "FAILED_READ_FILE" in first_line(error):
        return DataError(f"{stage}: a file of the source cannot be read ({first_line(error)})")
    return error


def _record(run: Run, error: str | None = None) -> None:
    run.record.durations.update(run.progress.durations)
    append_run(
        run.spark, run.target("mart_runs"), run.record, datetime.now(tz=timezone.utc), error
    )
