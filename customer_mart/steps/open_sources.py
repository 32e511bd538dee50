"""Opening the sources: all of them, before anything is computed."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from customer_mart.contracts import OPTIONAL_STAGING_TABLES, STAGING_TABLES
from customer_mart.run import Run
from customer_mart.session_setting import allow_old_versions
from customer_mart.sources import SourceTable, open_source


def open_sources(run: Run) -> dict[str, SourceTable]:
    """Every source that is there, pinned to its version and checked against its contract.

    Raises:
        DataError: if one is missing, unreadable, or lacks a column or its type.
    """
    sources: dict[str, SourceTable] = {}
    # Over Spark Connect a plan is analyzed anew whenever it is used. A version that was the newest
    # when it was pinned may be an old one by then, with a commit of somebody else after it.
    allow_old_versions(run.spark)
    with run.progress.stage("sources") as stage, ThreadPoolExecutor(initializer=run.tag) as pool:
        # Looking for a source is mostly waiting for storage.
        for name, source in zip(
            STAGING_TABLES, pool.map(partial(_open, run), STAGING_TABLES), strict=True
        ):
            if source is None:
                continue
            # Without anybody to leave out, no plan has a join for it.
            sources[name] = source.without(run.erased) if run.erased else source
            if source.location.version is not None:
                run.record.source_versions[name] = source.location.version
                run.record.source_ids[name] = source.location.identity
            if source.extra_columns:
                stage.notes.append(f"{name}: ignored {', '.join(source.extra_columns)}")
    return sources


def _open(run: Run, name: str) -> SourceTable | None:
    sources = run.settings.sources
    is_optional = name in OPTIONAL_STAGING_TABLES
    return open_source(
        run.spark, name, sources.source(name), sources.time_zone, optional=is_optional
    )


def note_erased_rows(run: Run, sources: dict[str, SourceTable], read: Mapping[str, int]) -> None:
    """Adds to the run's warnings how many rows the sources still deliver of erased customers.

    read: by source, the rows without them. Counting what was delivered takes no column of a Delta
    table or of Parquet files; CSV is read once more.
    """
    if run.erased is None:
        return
    run.record.warnings["erased_rows"] = sum(
        source.delivered.count() - read[name]
        for name, source in sources.items()
        if source.delivered is not None
    )
