"""Opening the sources: all of them, before anything is computed."""

from customer_mart.contracts import STAGING_TABLES
from customer_mart.run import Run
from customer_mart.sources import SourceTable, open_source

OPTIONAL = ("stg_funnel_spend",)


def open_sources(run: Run) -> dict[str, SourceTable]:
    """Every source that is there, pinned to its version and checked against its contract.

    Raises:
        DataError: if one is missing, unreadable, or lacks a column or its type.
    """
    sources: dict[str, SourceTable] = {}
    with run.progress.stage("sources") as stage:
        for name in STAGING_TABLES:
            source = open_source(
                run.spark,
                name,
                run.settings.sources.source(name),
                run.settings.sources.time_zone,
                optional=name in OPTIONAL,
            )
            if source is None:
                continue
            sources[name] = source
            if source.location.version is not None:
                run.record.source_versions[name] = source.location.version
            if source.extra_columns:
                stage.notes.append(f"{name}: ignored {', '.join(source.extra_columns)}")
    return sources
