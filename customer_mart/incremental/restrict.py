"""Sources cut down to the customers who were touched."""

from dataclasses import replace

from pyspark.sql import Observation
from pyspark.sql import functions as F

from customer_mart.incremental.touched import Touched
from customer_mart.progress import GaveWayError
from customer_mart.run import Run
from customer_mart.sources import SourceTable
from customer_mart.staging.balance import is_quarantined
from customer_mart.staging.dispositions import DISPOSITION, USED
from customer_mart.steps.early_rows import early_rows, observed

DELIVERED = "delivered"


def restricted(
    run: Run, sources: dict[str, SourceTable], touched: Touched
) -> dict[str, SourceTable]:
    """The sources with the rows of touched customers alone; those without users whole.

    Of a source that changed, also the rows of nobody that belong in quarantine.

    Raises:
        GaveWayError: if a row that came has the key of a customer's whom nothing touched: which of
            the two rows is used changes that customer.
    """
    return {
        name: _restricted(run, source, touched) if source.contract.tagged("user") else source
        for name, source in sources.items()
    }


def _restricted(run: Run, source: SourceTable, touched: Touched) -> SourceTable:
    """The source's rows as delivered, read once, staged."""
    name, others = source.contract.name, Observation()
    is_kept, has_user = F.col("is_touched").isNotNull(), F.col("user_id").isNotNull()
    is_of_interest = has_user
    if name in touched.sources:
        is_of_interest |= is_quarantined()
        is_kept |= ~has_user & is_quarantined()
    with run.progress.stage(f"touched {name}"):
        rows = early_rows(run, source, F.struct("*").alias(DELIVERED))
        marked = rows.where(is_of_interest).transform(touched.marked)
        if keys := touched.keys.get(name):
            is_anothers = F.col("is_touched").isNull() & F.col("has_changed_key")
            is_rival = is_anothers & (F.col(DISPOSITION) == USED) & has_user
            marked = keys.marked(marked, source.contract).where(is_kept | is_rival)
            marked = marked.observe(others, F.count_if(is_rival).alias("rivals"))
        kept = marked.where(is_kept).select(f"{DELIVERED}.*")
        delivered = run.staging.stage(f"touched_{name}", kept)
        if keys and observed(others).get("rivals"):
            raise GaveWayError(f"a row that came to {name} has the key of another customer's row")
    return replace(source, rows=delivered)
