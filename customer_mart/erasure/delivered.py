"""Quarantined rows that hold an erased customer's id, in whatever column it was delivered."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from customer_mart.sources.erased import Erased

# Of a quarantined row: its customer and everything it was delivered with, trimmed as ids are.
VALUES = "array_append(transform(map_values({row}), value -> trim(value)), {user_id})"
ERASED_ID = "erased_id"


def holds(rows: str, ids: str) -> str:
    """The condition that a row holds an id; by the names that a statement gives the two."""
    values = VALUES.format(row=f"{rows}.row", user_id=f"{rows}.user_id")
    return f"array_contains({values}, {ids}.{ERASED_ID})"


def erased_ids(quarantine: DataFrame, erased: Erased) -> DataFrame:
    """One row per id of an erased customer that any quarantined row holds."""
    values = F.expr(VALUES.format(row="row", user_id="user_id"))
    return erased.found_among(quarantine.select(F.explode(values).alias(ERASED_ID)))


def without_erased(quarantine: DataFrame, erased: Erased) -> DataFrame:
    """The quarantined rows but those that hold the id of an erased customer.

    They may be rows of others, or of nobody: a row is kept whole or not at all.
    """
    ids = F.broadcast(erased_ids(quarantine, erased)).alias("ids")
    held = F.expr(holds("set_aside", "ids"))
    return quarantine.alias("set_aside").join(ids, held, "left_anti")
