from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from customer_mart.identifiers import quoted, quoted_name, sql_string

HOSTILE = [
    "it's",
    'a "b"',
    "back`tick",
    "back\\slash",
    "\\' OR 1=1 --",
    "a; DROP TABLE x",
    "``",
    "é",
]
# What Spark would put a variable's value in the place of.
REFERENCES = ["${env:HOME}", "${system:user.name}", "${spark.app.name}", "\\${env:HOME}", "$${a}"]


def test_a_name_is_quoted_and_its_backticks_doubled() -> None:
    assert quoted("plain") == "`plain`"
    assert quoted("a` b") == "`a`` b`"


def test_each_part_of_a_dotted_name_is_quoted() -> None:
    assert quoted_name("lottery.mart.dim_customer") == "`lottery`.`mart`.`dim_customer`"
    assert quoted_name("a`.b") == "`a```.`b`"


def test_text_is_a_literal_with_its_quotes_and_backslashes_escaped() -> None:
    assert sql_string("plain") == "'plain'"
    assert sql_string("it's") == "'it\\'s'"
    assert sql_string("a\\") == "'a\\\\'"
    assert sql_string("${a}") == "'\\u0024{a}'"


def test_no_text_breaks_out_of_its_literal(spark: SparkSession) -> None:
    texts = [*HOSTILE, *REFERENCES]
    literals = ", ".join(sql_string(text) for text in texts)
    [row] = spark.sql(f"SELECT array({literals}) AS texts").collect()
    assert row["texts"] == texts


def test_no_name_breaks_out_of_its_backticks(spark: SparkSession) -> None:
    names = ", ".join(f"{number} AS {quoted(text)}" for number, text in enumerate(HOSTILE))
    assert spark.sql(f"SELECT {names}").columns == HOSTILE


@pytest.mark.parametrize("name", ["with blank", "back`tick", "it's"])
def test_no_path_breaks_out_of_its_backticks(
    spark: SparkSession, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / name
    spark.range(1).write.parquet(str(folder))
    assert spark.sql(f"SELECT id FROM parquet.{quoted(str(folder))}").collect() == [(0,)]
