"""Incremental runs that meet a damaged table of the mart, and give way to a rebuild."""

from collections.abc import Iterator
from contextlib import contextmanager

from customer_mart.errors import GaveWayError
from customer_mart.failures import is_below, unreadable_file
from customer_mart.incremental.decide import INCREMENTAL_TARGETS
from customer_mart.run import Run


@contextmanager
def giving_way_to_damage(run: Run) -> Iterator[None]:
    """What is done inside builds on the published tables, which a rebuild does not need.

    Once the run has published a table, an error stays one: a run publishes a table once, and the
    next run finds what this one left and rebuilds.

    Raises:
        GaveWayError: if a file of one of them is damaged or gone, and nothing was published yet.
    """
    try:
        yield
    except Exception as error:
        table = None if run.record.target_versions else _damaged_table(run, error)
        if table is None:
            raise
        raise GaveWayError(f"a file of {table} cannot be read, being damaged or gone") from error


def _damaged_table(run: Run, error: Exception) -> str | None:
    """The table of the mart whose file the error is about; None of any other error."""
    file = unreadable_file(error)
    if file is None:
        return None
    targets = {table: run.target(table) for table in INCREMENTAL_TARGETS}
    places = {
        table: target.detail(run.spark)["location"]
        for table, target in targets.items()
        if target.exists(run.spark)
    }
    return next((table for table, place in places.items() if is_below(file, place)), None)
