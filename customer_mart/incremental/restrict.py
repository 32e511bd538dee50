"""Sources cut down to the customers who were touched."""

from dataclasses import replace

from pyspark.sql import functions as F

from customer_mart.incremental.touched import Touched
from customer_mart.run import Run
from customer_mart.sources import SourceTable
from customer_mart.staging.balance import is_quarantined
from customer_mart.steps.early_rows import early_rows

DELIVERED = "delivered"


def restricted(
    run: Run, sources: dict[str, SourceTable], touched: Touched
) -> dict[str, SourceTable]:
    """The sources with the rows of touched customers alone; those without users whole.

    Of a source that changed, also the rows of nobody that belong in quarantine.
    """
    return {
        name: _restricted(run, source, touched) if source.contract.tagged("user") else source
        for name, source in sources.items()
    }


def _restricted(run: Run, source: SourceTable, touched: Touched) -> SourceTable:
    """The source's rows as delivered, read once, staged."""
    name = source.contract.name
    is_kept, has_user = F.col("is_touched").isNotNull(), F.col("user_id").isNotNull()
    is_of_interest = has_user
    if name in touched.sources:
        is_of_interest |= is_quarantined()
        is_kept |= ~has_user & is_quarantined()
    with run.progress.stage(f"touched {name}"):
        rows = early_rows(run, source, F.struct("*").alias(DELIVERED))
        kept = rows.where(is_of_interest).transform(touched.marked).where(is_kept)
        delivered = run.staging.stage(f"touched_{name}", kept.select(f"{DELIVERED}.*"))
    return replace(source, rows=delivered)
