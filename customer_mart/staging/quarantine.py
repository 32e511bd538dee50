"""Quarantined rows, whole as read, with their reason."""

from dataclasses import dataclass
from datetime import datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from customer_mart.contracts import Contract
from customer_mart.joins import flagged, small_side
from customer_mart.sources import AS_READ
from customer_mart.staging.balance import is_quarantined
from customer_mart.staging.dispositions import (
    APART,
    DISPOSITION,
    USED,
    with_duplicates,
    with_user_disposition,
)
from customer_mart.staging.user_key import HAS_DUPLICATES, ORPHAN_IDS, Method


@dataclass(frozen=True)
class Suspects:
    """Users whose rows have to be compared again, one row each, and how many they are."""

    users: DataFrame
    number: int

    def among(self, rows: DataFrame) -> DataFrame:
        """The suspects' rows alone."""
        return rows.join(small_side(self.users, self.number), "user_id", "left_semi")

    def marked(self, rows: DataFrame) -> DataFrame:
        """The same rows with `is_suspect`, True for those of suspects, else NULL."""
        return flagged(rows, self.users, self.number, "is_suspect")


def suspicious_users(per_customer: DataFrame, signups: DataFrame, method: Method) -> DataFrame:
    """One row per user who may own quarantined rows that only comparison with others shows.

    per_customer: a source's rows by the method's key, before duplicates were compared; signups:
    one row per user.
    """
    doubtful = per_customer.where(HAS_DUPLICATES).select(*method.key)
    known = signups.join(doubtful, list(method.key), "left_semi").select("user_id")
    if ORPHAN_IDS not in per_customer.columns:
        return known
    return known.unionByName(per_customer.select(F.explode(ORPHAN_IDS).alias("user_id")))


def quarantined_rows(
    rows: DataFrame,
    table: Contract,
    suspects: Suspects | None = None,
    signups: DataFrame | None = None,
    *,
    unique: bool,
) -> DataFrame:
    """One row per quarantined row: its reason and the row as read.

    rows: the source's rows with their early disposition and as read. suspects: those of the
    source; None for one without users. signups: one row per user, to tell orphans; None for a
    source that has none.
    """
    if suspects is not None:
        rows = _to_compare(rows, table, suspects)
    whole = F.to_json(AS_READ)
    compared = rows if unique else with_duplicates(rows, table, as_delivered=whole)
    if suspects is not None and signups is not None:
        # Of all others it is known by now what becomes of their rows.
        theirs = small_side(suspects.among(signups), suspects.number)
        compared = with_user_disposition(compared, theirs)
    user = F.col("user_id") if table.has_user else F.lit(None).cast("string")
    return compared.where(is_quarantined()).select(
        F.col(DISPOSITION).alias("reason"), F.col(AS_READ).alias("row"), user.alias("user_id")
    )


def _to_compare(rows: DataFrame, table: Contract, suspects: Suspects) -> DataFrame:
    """Rows that are set aside already, and those of suspects that may come to be, by key.

    Only these go through an exchange, the main path having carried none of the columns that it did
    not need.
    """
    is_used = F.col(DISPOSITION) == USED
    # Of anonymous visitors, who have no user to join by, there may be most of all.
    possible = rows.where(is_quarantined() | is_used)
    kept = suspects.marked(possible).where(is_quarantined() | (is_used & F.col("is_suspect")))
    # Those that are set aside already take no key, which many of them lack: they are spread.
    apart = F.when(~is_used, F.xxhash64(*table.column_names))
    return kept.drop("is_suspect").withColumn(APART, apart).repartition(*table.key, APART)


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
