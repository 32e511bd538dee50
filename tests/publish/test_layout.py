"""Rows that lie by partition as they are read."""

from datetime import date

import pytest
from pyspark.sql import SparkSession

from customer_mart.contracts import contract
from customer_mart.publish.layout import WHOLE_FILES, lie_by_partition
from customer_mart.publish.target import Target
from tests.frames import by_name
from tests.publish.conftest import CopyOf
from tests.publish.mart_rows import score

FIRST, SECOND = date(2024, 6, 1), date(2024, 6, 2)
DATE = ["signup_date"]


def _add(spark: SparkSession, table: Target, *rows: tuple[str, date]) -> None:
    scores = [score(user_id=user, signup_date=day) for user, day in rows]
    frame = by_name(spark, contract("customer_ltv_scoring").ddl, scores).coalesce(1)
    table.append(frame.write)


def test_rows_lie_by_partition_until_one_has_a_second_file(
    spark: SparkSession, copy_of: CopyOf
) -> None:
    table = copy_of("customer_ltv_scoring")
    _add(spark, table, ("u1", FIRST), ("u2", SECOND))
    assert lie_by_partition(spark, table.read(spark).where("user_id != 'u1'"), DATE)
    _add(spark, table, ("u3", SECOND))
    assert not lie_by_partition(spark, table.read(spark), DATE)


def test_rows_of_no_file_or_of_files_in_no_folder_of_a_partition_do_not_lie_by_it(
    spark: SparkSession, copy_of: CopyOf
) -> None:
    table = copy_of("customer_ltv_scoring")
    assert not lie_by_partition(spark, table.read(spark), DATE)
    _add(spark, table, ("u1", FIRST))
    assert not lie_by_partition(spark, table.read(spark), ["another_column"])


def test_where_the_session_may_cut_files_nothing_is_taken_to_lie_by_partition(
    spark: SparkSession, copy_of: CopyOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = copy_of("customer_ltv_scoring")
    _add(spark, table, ("u1", FIRST))
    monkeypatch.setitem(WHOLE_FILES, "spark.sql.warehouse.dir", "one that no session takes")
    assert not lie_by_partition(spark, table.read(spark), DATE)
