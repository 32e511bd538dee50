"""Quarantined rows, whole as read, with their reason."""

from datetime import datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from customer_mart.contracts import Contract
from customer_mart.sources import AS_READ
from customer_mart.staging.balance import NOT_QUARANTINED
from customer_mart.staging.dispositions import (
    DISPOSITION,
    USED,
    with_duplicates,
    with_user_disposition,
)
from customer_mart.staging.user_key import HAS_DUPLICATES, ORPHAN_IDS, Method


def suspects(per_customer: DataFrame, signups: DataFrame, method: Method) -> DataFrame:
    """One row per user who may own quarantined rows that only comparison with others shows.

    per_customer: a source's rows by the method's key; signups: one row per user.
    """
    doubtful = per_customer.where(HAS_DUPLICATES).select(*method.key)
    known = signups.join(doubtful, list(method.key), "left_semi").select("user_id")
    if ORPHAN_IDS not in per_customer.columns:
        return known
    return known.unionByName(per_customer.select(F.explode(ORPHAN_IDS).alias("user_id")))


def quarantined_rows(
    rows: DataFrame,
    table: Contract,
    users: DataFrame | None,
    signups: DataFrame | None,
    *,
    unique: bool,
) -> DataFrame:
    """One row per quarantined row: its reason and the row as read.

    rows: the source's rows with their early disposition and as read. users: those whose rows
    have to be compared again, None for a source without users; only they go through an exchange,
    the main path having carried none of the columns that it did not need. signups: one row per
    user, to tell orphans; None for signups themselves.
    """
    is_set_aside = ~F.col(DISPOSITION).isin(*NOT_QUARANTINED)
    if users is not None:
        is_suspect = F.col("is_suspect") & (F.col(DISPOSITION) == USED)
        flagged = rows.join(users.withColumn("is_suspect", F.lit(True)), "user_id", "left")
        rows = flagged.where(is_set_aside | is_suspect).drop("is_suspect").repartition("user_id")
    whole = F.to_json(AS_READ)
    compared = with_duplicates(rows, table, unique=unique, as_delivered=whole)
    if signups is not None:
        compared = with_user_disposition(compared, signups)
    user = F.col("user_id") if table.tagged("user") else F.lit(None).cast("string")
    return compared.where(is_set_aside).select(
        F.col(DISPOSITION).alias("reason"), F.col(AS_READ).alias("row"), user.alias("user_id")
    )


def quarantine(rows_by_source: dict[str, DataFrame], run_id: str, as_of: datetime) -> DataFrame:
    """One row per quarantined row of every source."""
    labelled = [
        rows.select(
            F.lit(source).alias("source"),
            "reason",
            F.lit(run_id).alias("run_id"),
            F.lit(as_of).alias("as_of"),
            "row",
            "user_id",
        )
        for source, rows in rows_by_source.items()
    ]
    first, *others = labelled
    for rows in others:
        first = first.unionByName(rows)
    return first
