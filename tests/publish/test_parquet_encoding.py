"""Which columns of published files have dictionaries, and that the session is left as it was."""

from contextlib import suppress
from pathlib import Path

import duckdb
import pytest
from pyspark.errors import AnalysisException
from pyspark.sql import SparkSession

from customer_mart.contracts import contract
from customer_mart.publish.commit import commit_metadata, publish
from customer_mart.publish.merge import merge_into
from customer_mart.publish.parquet_encoding import DICTIONARIES, dictionaries_for_few_values
from customer_mart.publish.target import Target
from customer_mart.publish.upkeep import compact
from tests.frames import by_name, utc
from tests.publish.conftest import CopyOf
from tests.publish.mart_rows import score

OF_TIERS = f"{DICTIONARIES}#vip_tier"


def _settings(spark: SparkSession) -> list[str | None]:
    return [spark.conf.get(name, None) for name in (DICTIONARIES, OF_TIERS)]


def _with_dictionary(table: Target) -> set[str]:
    """The columns that have a dictionary in any file of the table."""
    query = """
        SELECT DISTINCT path_in_schema FROM parquet_metadata(?)
        WHERE dictionary_page_offset IS NOT NULL
    """
    files = [str(file) for file in Path(table.place).glob("signup_date=*/*.parquet")]
    assert files
    return {name for (name,) in duckdb.execute(query, [files]).fetchall()}


def _publish(spark: SparkSession, table: Target) -> None:
    """Two files of so many like rows that dictionaries pay."""
    scores = [score(user_id=f"u{number}") for number in range(200)]
    rows = by_name(spark, table.contract.ddl, scores)
    metadata = commit_metadata("run", utc("2025-01-01 00:00:00"), "abc")
    publish(spark, rows, table, metadata, order=[], max_records_per_file=100)


def test_published_and_compacted_files_have_dictionaries_of_labels_and_scores(
    spark: SparkSession, copy_of: CopyOf
) -> None:
    table = copy_of("customer_ltv_scoring")
    _publish(spark, table)
    of_few_values = {
        *("vip_tier", "promotion_category", "recency_score", "frequency_score", "monetary_score"),
        *("rfm_score", "high_jackpot_score", "game_variety_score", "deposit_behavior_score"),
        *("quick_conversion_score", "behavioral_score", "risk_score"),
    }
    found = _with_dictionary(table)
    assert found >= of_few_values
    assert not found & {"user_id", "ltv_score", "total_purchase_amount_usd", "dbt_updated_at"}
    published = set(Path(table.place).glob("signup_date=*/*.parquet"))
    assert compact(spark, table, 1) == 1
    compacted = set(Path(table.place).glob("signup_date=*/*.parquet")) - published
    for file in published:
        file.unlink()
    assert _with_dictionary(table) == found
    one = spark.createDataFrame([("u1",)], "user_id string")
    merge_into(spark, table, one, "t.user_id = s.user_id", "WHEN MATCHED THEN DELETE", {})
    for file in compacted:
        file.unlink()
    assert _with_dictionary(table) == found


def test_a_table_without_partitions_is_written_as_the_session_has_it(spark: SparkSession) -> None:
    before = _settings(spark)
    with dictionaries_for_few_values(spark, contract("quarantine")):
        assert _settings(spark) == before


def test_the_session_is_left_as_it_was_also_after_an_error(spark: SparkSession) -> None:
    table = contract("customer_ltv_scoring")
    before = _settings(spark)
    with suppress(ValueError), dictionaries_for_few_values(spark, table):
        assert _settings(spark) == ["false", "true"]
        raise ValueError("in the midst")
    assert _settings(spark) == before == [None, None]
    spark.conf.set(DICTIONARIES, "true")
    try:
        with dictionaries_for_few_values(spark, table):
            pass
        assert _settings(spark) == ["true", None]
    finally:
        spark.conf.unset(DICTIONARIES)


def test_a_session_that_refuses_writes_all_the_same(
    spark: SparkSession, copy_of: CopyOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(name: str, _: object) -> None:
        raise AnalysisException(f"Configuration {name} is not available.")

    table = copy_of("customer_ltv_scoring")
    with monkeypatch.context() as patched:
        patched.setattr(type(spark.conf), "set", lambda _, name, value: refused(name, value))
        _publish(spark, table)
    assert table.read(spark).count() == 200
