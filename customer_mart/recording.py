"""Putting a run on record: one row of mart_runs, whether it succeeded or failed."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timezone

from customer_mart.errors import first_line
from customer_mart.failures import in_plain_words
from customer_mart.publish.run_record import append_run
from customer_mart.run import Run
from customer_mart.steps.gates import require_nobody_erased

Build = Callable[[Run], None]


def recorded(run: Run, build: Build) -> None:
    """Runs a build and leaves one row in mart_runs, whether it succeeded or failed.

    The engine's jobs carry the run id as a tag, by which its event log tells whose they are.
    """
    run.tag()
    try:
        with in_plain_words(run.settings, lambda: run.progress.failed_stage):
            build(run)
            # What was published meanwhile is not trusted: a failed run makes the next one rebuild.
            require_nobody_erased(run)
    except Exception as error:
        # The first error is the one to report, also when the record cannot be written.
        with suppress(Exception):
            _record(run, first_line(error))
        raise
    else:
        _record(run)
    finally:
        run.staging.clear()
        # A session that died has no tags, and what it died of is the error to report.
        with suppress(Exception):
            run.spark.removeTag(run.run_id)


def _record(run: Run, error: str | None = None) -> None:
    run.record.durations.update(run.progress.durations)
    append_run(
        run.spark, run.target("mart_runs"), run.record, datetime.now(tz=timezone.utc), error
    )
