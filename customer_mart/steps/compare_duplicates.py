"""Duplicates of facts: sought where there may be some, and only there."""

from collections.abc import Callable

from pyspark.sql import DataFrame, Observation
from pyspark.sql import functions as F

from customer_mart.contracts import Contract
from customer_mart.run import Run
from customer_mart.sources import SourceTable
from customer_mart.staging.balance import duplicate_metrics
from customer_mart.staging.dispositions import DISPOSITION, USED, with_duplicates
from customer_mart.staging.user_key import (
    HAS_DUPLICATES,
    KEY_HASH,
    USER_HASH,
    Method,
    exchanged,
    with_user_hash,
)
from customer_mart.steps.early_rows import early_rows

# Users to compare, up to whom they go to the facts and not the facts to them: a number each.
MOST_BROADCAST = 1_000_000


def marked(run: Run, rows: DataFrame, table: Contract) -> tuple[DataFrame, Observation | None]:
    """Rows by user, ready to show duplicates; what was observed of these if they are marked.

    Signups are compared here. Facts are many and their duplicates few: each only gets the hash of
    its key, and users who have the same twice are compared afterwards.
    """
    if run.settings.sources.source(table.name).unique:
        return rows, None
    if table.key != [table.tagged("user")]:
        return rows.withColumn(KEY_HASH, F.xxhash64(*table.key)), None
    duplicates = Observation()
    compared = with_duplicates(rows, table, unique=False)
    return compared.observe(duplicates, *duplicate_metrics(table)), duplicates


def compared_again(
    run: Run,
    source: SourceTable,
    staged: DataFrame,
    suspects: int,
    per_customer: Callable[[DataFrame], DataFrame],
    method: Method,
) -> tuple[DataFrame, Observation]:
    """The staged frame with the suspects' rows read again and compared, key by key.

    suspects: how many users of the staged frame may have duplicates. To compare all rows would
    take a second sort of them all. A second read is the price of that, paid by sources that have
    duplicates.
    """
    table, duplicates = source.contract, Observation()
    users = staged.where(HAS_DUPLICATES).select(*method.key)
    used = early_rows(run, source).where(F.col(DISPOSITION) == USED)
    if suspects <= MOST_BROADCAST:
        theirs = with_user_hash(used).join(F.broadcast(users), list(method.key), "left_semi")
        by_user = exchanged(theirs.drop(USER_HASH), method)
    else:
        side = users.hint("shuffle_hash")
        by_user = exchanged(used, method).join(side, list(method.key), "left_semi")
    # After the exchange: what is observed here is exact.
    counted = with_duplicates(by_user, table, unique=False).observe(
        duplicates, *duplicate_metrics(table)
    )
    kept = counted.where(F.col(DISPOSITION) == USED)
    compared = run.staging.stage(f"{table.name}_compared", per_customer(kept))
    return staged.where(~F.col(HAS_DUPLICATES)).unionByName(compared), duplicates
