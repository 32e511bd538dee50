"""Sources that change between two runs: Delta tables, and facts that arrive for some customers."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from delta import DeltaTable
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from scripts.benchmarking.data_set import (
    stg_deposits,
    stg_ticket_purchases,
    stg_web_events,
    user_id,
)

# From the sources as files and the folder of output, to where the sources are.
Preparation = Callable[[SparkSession, Path, Path], Path]
MakeFacts = Callable[[DataFrame, Column], DataFrame]
# How new facts of a source are made, and how many for each customer touched.
NEW_FACTS: dict[str, tuple[MakeFacts, int]] = {
    "stg_deposits": (stg_deposits, 1),
    "stg_ticket_purchases": (stg_ticket_purchases, 2),
    "stg_web_events": (stg_web_events, 3),
}
# Above every id of a data set.
FIRST_NEW_ID = IDS_PER_COMMIT = 10**10
CHANGE_DATA_FEED = "spark.databricks.delta.properties.defaults.enableChangeDataFeed"


def changing_sources(_: SparkSession, __: Path, output: Path) -> Path:
    """The folder of the Delta sources that belong to the outputs beside them."""
    return output.parent / "changing_sources"


def fresh_sources(spark: SparkSession, sources: Path, output: Path) -> Path:
    """The sources as Delta tables with a change data feed, without any change yet."""
    pristine = sources.with_name(f"{sources.name}_delta")
    if not pristine.exists():
        write_delta(spark, sources, pristine)
    folder = changing_sources(spark, sources, output)
    shutil.rmtree(folder, ignore_errors=True)
    # Delta never writes into a file that is there: links are copies that cost nothing.
    shutil.copytree(pristine, folder, copy_function=os.link)
    return folder


def write_delta(spark: SparkSession, sources: Path, folder: Path) -> None:
    """Writes every source as a Delta table below the folder, named only once it is complete."""
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    spark.conf.set(CHANGE_DATA_FEED, "true")
    for source in sources.iterdir():
        rows = spark.read.parquet(str(source))
        rows.write.format("delta").save(str(partial / source.name))
    spark.conf.unset(CHANGE_DATA_FEED)
    partial.rename(folder)


def touched_sources(spark: SparkSession, sources: Path, output: Path, *, share: float) -> Path:
    """The changing sources after new facts of a share of the customers: every n-th of them.

    The facts arrive late, stamped like the others; one commit a source.
    """
    folder = changing_sources(spark, sources, output)
    customers = spark.read.parquet(str(sources / "stg_signups")).count()
    step = min(round(1 / share), customers)
    for name, (make, facts) in NEW_FACTS.items():
        place = str(folder / name)
        touched = spark.range(0, customers, step, 1).withColumnRenamed("id", "customer")
        copies = touched.withColumn("copy", F.explode(F.sequence(F.lit(1), F.lit(facts))))
        number = F.lit(next_ids(spark, place)) + F.col("customer") * facts + F.col("copy")
        rows = copies.withColumn("id", number).transform(make, user_id(F.col("customer")))
        rows.write.format("delta").mode("append").save(place)
    return folder


def next_ids(spark: SparkSession, place: str) -> int:
    """The number after which no id of the table has been given yet."""
    version = DeltaTable.forPath(spark, place).history(1).collect()[0]["version"]
    return FIRST_NEW_ID + int(version) * IDS_PER_COMMIT
