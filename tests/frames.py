"""Frames from inline rows, typed as the contracts say."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from customer_mart.contracts import contract
from customer_mart.staging.user_key import with_user_hash


def utc(text: str) -> datetime:
    """An instant such as `2024-01-31 12:00:00`, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


def staging(spark: SparkSession, table: str, rows: Sequence[tuple[Any, ...]]) -> DataFrame:
    """Rows of a staging table, in the order of its contract's columns."""
    return spark.createDataFrame(list(rows), contract(table).ddl)


def used(spark: SparkSession, table: str, rows: Sequence[tuple[Any, ...]]) -> DataFrame:
    """Rows of a staging table that are used, none of them with a duplicate."""
    return staging(spark, table, rows).withColumn("has_duplicates", F.lit(False))


def known(spark: SparkSession, rows: Sequence[tuple[str, datetime, bool]]) -> DataFrame:
    """What the facts are told of signups: the user, the instant, and if it was before as-of."""
    ddl = "user_id string, signup_timestamp timestamp, is_signed_up boolean"
    return with_user_hash(spark.createDataFrame(list(rows), ddl))


def by_user_id(per_customer: DataFrame, signups: DataFrame) -> DataFrame:
    """Rows by a method's key with the id of their user in its place."""
    if "user_id" in per_customer.columns:
        named = per_customer.drop("user_hash")
    else:
        ids = signups.select("user_id", F.xxhash64("user_id").alias("user_hash"))
        user_id = F.coalesce("user_id", F.try_element_at("orphan_ids", F.lit(1)))
        joined = per_customer.join(ids, "user_hash", "left").drop("user_hash")
        named = joined.withColumn("user_id", user_id)
    measures = [c for c in named.columns if c not in ("user_id", "orphan_ids", "is_mixed")]
    return named.select("user_id", *measures)


def by_name(spark: SparkSession, ddl: str, rows: Sequence[Mapping[str, Any]]) -> DataFrame:
    """Rows by the names of their columns; a column that a row does not name is NULL."""
    names = spark.createDataFrame([], ddl).columns
    assert all(row.keys() <= set(names) for row in rows)
    return spark.createDataFrame([tuple(map(row.get, names)) for row in rows], ddl)
