"""What a change data feed tells nothing of: columns that changed, copies, commits put in place."""

import os
import shutil
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from customer_mart.session_setting import YOUNG_VERSIONS_ONLY
from customer_mart.settings import load_settings
from customer_mart.sources import SourceTable, open_source
from customer_mart.sources.changes import incomplete_since
from customer_mart.sources.commits import commits_of
from customer_mart.sources.location import Location
from tests.frames import staging, utc

DEPOSITS = [("d1", "ann", utc("2024-12-01 00:00:00"), 500)]
NAMED = "delta.columnMapping.mode = 'name'"
WIDENING = "delta.enableTypeWidening = true"
INSTANT = 1_700_000_000_000  # milliseconds


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
    # The copy gets a version 1 of its own, of as many rows and bytes.
    _add(spark, older, "d9")
    if gone_on:
        _add(spark, older, "d3")
    found = _opened(spark, older)
    assert found.location.table_id == before.table_id
    told = incomplete_since(spark, found, 1, before.identity)
    assert str(told).startswith("version 1 has the number of the one that the last run read")


def test_a_copy_that_kept_the_times_of_its_log_is_the_same_table(
    spark: SparkSession, place: Path
) -> None:
    copy = place.parent / "copy"
    before = _opened(spark, place).location
    shutil.copytree(place, copy)
    _add(spark, copy, "d2")
    assert _incomplete(spark, copy, before) is None


def test_commits_of_one_instant_are_known_again(spark: SparkSession, place: Path) -> None:
    _add(spark, place, "d2")
    _at_one_instant(place)
    before = _opened(spark, place).location
    _add(spark, place, "d3")
    assert _incomplete(spark, place, before) is None
    # In the whole history the engine tells version 1 as of a millisecond later than alone.
    moved = commits_of(spark, before.identifier)[1]
    assert (moved["committed_at"], before.commit.split()[1]) == (INSTANT + 1, str(INSTANT))


def test_a_commit_that_does_not_say_what_it_did_breaks_the_feed(
    spark: SparkSession, place: Path
) -> None:
    before = _opened(spark, place).location
    _add(spark, place, "d2")
    commit = place / "_delta_log" / f"{1:020}.json"
    lines = commit.read_text(encoding="utf-8").splitlines(keepends=True)
    silent = [line for line in lines if "commitInfo" not in line]
    assert len(silent) == len(lines) - 1
    commit.write_text("".join(silent), encoding="utf-8")
    commit.with_name(f".{commit.name}.crc").unlink()
    # The engine remembers a table by its place.
    moved = place.rename(place.parent / "moved")
    assert _incomplete(spark, moved, before) == "version 1 does not say what it did"


def _at_one_instant(place: Path) -> None:
    for commit in (place / "_delta_log").glob("*.json"):
        os.utime(commit, (INSTANT / 1000, INSTANT / 1000))


def _add(spark: SparkSession, place: Path, deposit: str) -> None:
    row = (deposit, "ann", utc("2024-12-02 00:00:00"), 700)
    rows = staging(spark, "stg_deposits", [row]).coalesce(1)
    rows = rows.withColumn("deposit_amount_minor", F.expr("INT(deposit_amount_minor)"))
    rows.write.format("delta").mode("append").save(str(place))
