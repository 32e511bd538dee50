"""A merge: recomputed rows into a table, in one commit."""

import json

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from customer_mart.identifiers import quoted
from customer_mart.publish.commit import version_of_run
from customer_mart.publish.session_setting import session_setting
from customer_mart.publish.target import Target

VIEW = "customer_mart_recomputed"
USER_METADATA = "spark.databricks.delta.commitInfo.userMetadata"


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
    keys.join(kept, key, "left").createOrReplaceTempView(VIEW)
    same = " AND ".join(f"t.{quoted(name)} = s.{quoted(name)}" for name in key)
    updates = ", ".join(f"{quoted(name)} = s.{quoted(name)}" for name in columns)
    names = ", ".join(quoted(name) for name in columns)
    values = ", ".join(f"s.{quoted(name)}" for name in columns)
    with session_setting(spark, USER_METADATA, json.dumps(metadata)):
        spark.sql(
            f"MERGE INTO {target.identifier} AS t USING {VIEW} AS s ON {same} "
            "WHEN MATCHED AND s.is_kept IS NULL THEN DELETE "
            f"WHEN MATCHED THEN UPDATE SET {updates} "
            f"WHEN NOT MATCHED AND s.is_kept THEN INSERT ({names}) VALUES ({values})"
        )
    spark.catalog.dropTempView(VIEW)
    return version_of_run(spark, target, metadata["run_id"])
