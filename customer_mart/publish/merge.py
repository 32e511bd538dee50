"""A merge: recomputed rows into a table, in one commit."""

import json

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from customer_mart.identifiers import quoted
from customer_mart.publish.commit import USER_METADATA
from customer_mart.publish.history import version_of_run
from customer_mart.publish.parquet_encoding import dictionaries_for_few_values
from customer_mart.publish.target import Target
from customer_mart.session_setting import HASHED_JOINS, session_setting, tuned

MERGED_VIEW = "customer_mart_merged"


def merge(
    spark: SparkSession,
    recomputed: DataFrame,
    keys: DataFrame,
    target: Target,
    metadata: dict[str, str],
) -> int:
    """Puts recomputed rows in place of those with the same key, and returns the new version.

    keys: one row per key that was computed again. One without a recomputed row leaves the table.
    """
    key, columns = target.contract.key, target.contract.column_names
    kept = recomputed.withColumn("is_kept", F.lit(True))
    rows = keys.join(kept, key, "left")
    same = " AND ".join(f"t.{quoted(name)} = s.{quoted(name)}" for name in key)
    updates = ", ".join(f"{quoted(name)} = s.{quoted(name)}" for name in columns)
    names = ", ".join(quoted(name) for name in columns)
    values = ", ".join(f"s.{quoted(name)}" for name in columns)
    clauses = (
        "WHEN MATCHED AND s.is_kept IS NULL THEN DELETE "
        f"WHEN MATCHED THEN UPDATE SET {updates} "
        f"WHEN NOT MATCHED AND s.is_kept THEN INSERT ({names}) VALUES ({values})"
    )
    merge_into(spark, target, rows, same, clauses, metadata)
    return version_of_run(spark, target, metadata["run_id"])


def merge_into(
    spark: SparkSession,
    target: Target,
    rows: DataFrame,
    on: str,
    clauses: str,
    metadata: dict[str, str],
) -> Row:
    """Merges rows, `s` in the condition and the clauses, into the table, `t`, in one commit.

    Returns how many rows of the table were affected. The condition is in the table's log.
    """
    rows.createOrReplaceTempView(MERGED_VIEW)
    try:
        with (
            session_setting(spark, USER_METADATA, json.dumps(metadata)),
            dictionaries_for_few_values(spark, target.contract),
            tuned(spark, HASHED_JOINS),
        ):
            into = f"MERGE INTO {target.identifier} AS t USING {MERGED_VIEW} AS s"
            return spark.sql(f"{into} ON {on} {clauses}").collect()[0]
    finally:
        spark.catalog.dropTempView(MERGED_VIEW)
