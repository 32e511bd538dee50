"""Sources cut down to the customers who were touched."""

from dataclasses import replace

from pyspark.sql import Column, Observation
from pyspark.sql import functions as F

from customer_mart.errors import GaveWayError
from customer_mart.incremental.touched import ChangedKeys, Touched
from customer_mart.passes import early_rows, observed
from customer_mart.run import Run
from customer_mart.sources import SourceTable
from customer_mart.staging.balance import is_quarantined
from customer_mart.staging.dispositions import DISPOSITION, USED

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
        name: _restricted(run, source, touched) if source.contract.has_user else source
        for name, source in sources.items()
    }


def _restricted(run: Run, source: SourceTable, touched: Touched) -> SourceTable:
    """The source's rows as delivered, read once, staged."""
    name, rivals = source.contract.name, Observation()
    is_kept, has_user = F.col("is_touched").isNotNull(), F.col("user_id").isNotNull()
    is_of_interest = has_user
    if name in touched.sources:
        is_of_interest |= is_quarantined()
        is_kept |= ~has_user & is_quarantined()
    with run.progress.stage(f"touched {name}"):
        rows = early_rows(run, source, F.struct("*").alias(DELIVERED))
        marked, keys = touched.marked(rows.where(is_of_interest)), touched.keys.get(name)
        if keys and keys.are_few:
            marked = keys.marked(marked, source.contract).where(is_kept | _is_rival())
            marked = marked.observe(rivals, F.count_if(_is_rival()).alias("rivals"))
        kept = marked.where(is_kept).select(f"{DELIVERED}.*")
        delivered = run.staging.stage(f"touched_{name}", kept)
        if keys:
            of_few = observed(rivals).get("rivals", 0) if keys.are_few else 0
            if of_few or (not keys.are_few and _has_rival(run, source, touched, keys)):
                raise GaveWayError(f"a row that came to {name} has the key of another customer's")
    return replace(source, rows=delivered)


def _is_rival() -> Column:
    """Whether a row is a customer's whom nothing touched, and has the key of a row that came."""
    is_used = F.col(DISPOSITION) == USED
    return F.col("is_touched").isNull() & F.col("has_changed_key") & is_used


def _has_rival(run: Run, source: SourceTable, touched: Touched, keys: ChangedKeys) -> bool:
    """Whether there is one, by a pass of its own, where the keys are too many to go to the rows.

    Rows go through an exchange for that, so that they are cut down to what it takes.
    """
    used = early_rows(run, source).where(F.col(DISPOSITION) == USED)
    narrow = used.select("user_id", DISPOSITION, *source.contract.key)
    marked = touched.marked(narrow.transform(keys.marked, source.contract))
    return not marked.where(_is_rival()).isEmpty()
