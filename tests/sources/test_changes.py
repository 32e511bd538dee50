"""Changes of columns, of which a change data feed tells nothing."""

import shutil
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from customer_mart.session_setting import YOUNG_VERSIONS_ONLY
from customer_mart.settings import load_settings
from customer_mart.sources import SourceTable, open_source
from customer_mart.sources.changes import incomplete_since
from customer_mart.sources.location import Location
from tests.frames import staging, utc

DEPOSITS = [("d1", "ann", utc("2024-12-01 00:00:00"), 500)]
NAMED = "delta.columnMapping.mode = 'name'"
WIDENING = "delta.enableTypeWidening = true"


@pytest.fixture
def place(spark: SparkSession, tmp_path: Path) -> Path:
    """A table of deposits with a change data feed, a narrow amount, and a column of its own."""
    deposits = staging(spark, "stg_deposits", DEPOSITS).withColumn("note", F.lit("x"))
    narrow = deposits.withColumn("deposit_amount_minor", F.expr("INT(deposit_amount_minor)"))
    write = narrow.write.format("delta").option("delta.enableChangeDataFeed", "true")
    write.save(str(tmp_path / "stg_deposits"))
    return tmp_path / "stg_deposits"


def _opened(spark: SparkSession, place: Path) -> SourceTable:
    there = [f"sources.stg_deposits.path={place}"]
    settings = load_settings(None, there, {"sources": str(place.parent)}).sources
    found = open_source(spark, "stg_deposits", settings.source("stg_deposits"), "UTC")
    assert found is not None
    return found


def _since(spark: SparkSession, place: Path, *changes: str) -> str | None:
    """What breaks the feed of a table that was read, and then changed."""
    before = _opened(spark, place).location
    for change in changes:
        spark.sql(f"ALTER TABLE delta.`{place}` {change}")
    return _incomplete(spark, place, before)


def _incomplete(spark: SparkSession, place: Path, before: Location) -> str | None:
    assert before.version is not None
    now = _opened(spark, place)
    return incomplete_since(spark, now, before.version, before.identity)


def test_a_column_that_came_back_without_its_values_breaks_the_feed(
    spark: SparkSession, place: Path
) -> None:
    spark.sql(f"ALTER TABLE delta.`{place}` SET TBLPROPERTIES ({NAMED})")
    told = _since(spark, place, "DROP COLUMN note", "ADD COLUMNS (note STRING)")
    assert told == "version 2 is a DROP COLUMNS"
    swapped = ("RENAME COLUMN user_id TO other", "RENAME COLUMN note TO user_id")
    assert _since(spark, place, *swapped) == "version 4 is a RENAME COLUMN"


def test_a_column_that_a_write_widened_breaks_the_feed(spark: SparkSession, place: Path) -> None:
    spark.sql(f"ALTER TABLE delta.`{place}` SET TBLPROPERTIES ({WIDENING})")
    before = _opened(spark, place).location
    wide = staging(spark, "stg_deposits", DEPOSITS).withColumn("note", F.lit("x"))
    wide.write.format("delta").mode("append").option("mergeSchema", "true").save(str(place))
    told = _incomplete(spark, place, before)
    assert told == "column deposit_amount_minor has another type than at version 1"


def test_a_column_that_no_contract_asks_for_may_come(spark: SparkSession, place: Path) -> None:
    assert _since(spark, place, "ADD COLUMNS (loaded_by STRING)") is None


def test_the_columns_of_long_ago_can_still_be_read(spark: SparkSession, place: Path) -> None:
    # Delta takes every version but the newest for too old.
    brief = "delta.deletedFileRetentionDuration = 'interval 0 hours'"
    spark.sql(f"ALTER TABLE delta.`{place}` SET TBLPROPERTIES ({brief})")
    spark.conf.unset(YOUNG_VERSIONS_ONLY)
    assert _since(spark, place, "ADD COLUMNS (loaded_by STRING)") is None


@pytest.mark.parametrize("gone_on", [False, True])
def test_older_files_that_were_put_back_and_written_to_are_another_table(
    spark: SparkSession, place: Path, gone_on: bool
) -> None:
    older = place.parent / "older"
    shutil.copytree(place, older)
    _add(spark, place, "d2")
    before = _opened(spark, place).location
    assert _incomplete(spark, place, before) is None
    # The copy gets a version 1 of its own, of as many rows.
    _add(spark, older, "d2 of another name")
    if gone_on:
        _add(spark, older, "d3")
    found = _opened(spark, older)
    assert found.location.table_id == before.table_id
    told = incomplete_since(spark, found, 1, before.identity)
    assert told == "version 1 is not the one that the last run read, but has its number"


def _add(spark: SparkSession, place: Path, deposit: str) -> None:
    row = (deposit, "ann", utc("2024-12-02 00:00:00"), 700)
    rows = staging(spark, "stg_deposits", [row]).coalesce(1)
    rows = rows.withColumn("deposit_amount_minor", F.expr("INT(deposit_amount_minor)"))
    rows.write.format("delta").mode("append").save(str(place))
