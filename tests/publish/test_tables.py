import shutil
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from customer_mart.contracts import MART_TABLES, contract
from customer_mart.errors import DataError, UsageError
from customer_mart.places import absolute
from customer_mart.publish.history import newest_version
from customer_mart.publish.run_record import RunRecord
from customer_mart.publish.tables import (
    STATISTICS,
    create_table,
    ensure_table,
    keep_ids_out_of_statistics,
)
from customer_mart.publish.target import Target, target
from customer_mart.settings.settings import Mart
from tests.frames import by_name, utc
from tests.publish.conftest import CopyOf
from tests.publish.mart_rows import Row, customer, score

GOOD = {"dim_customer": customer, "customer_ltv_scoring": score}


def _append(spark: SparkSession, table: Target, row: Row) -> None:
    table.append(by_name(spark, table.contract.ddl, [row]).write)


def _described(spark: SparkSession, table: Target) -> dict[str, tuple[str, str]]:
    """By name, the type and the comment that DESCRIBE TABLE EXTENDED shows."""
    rows = spark.sql(f"DESCRIBE TABLE EXTENDED {table.identifier}").collect()
    return {row["col_name"]: (row["data_type"], row["comment"]) for row in reversed(rows)}


@pytest.fixture(scope="module")
def filled(
    spark: SparkSession, created: Mart, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Target]:
    """Copies of dim_customer and customer_ltv_scoring with one good row each."""
    folder = tmp_path_factory.mktemp("filled")
    for table, good in GOOD.items():
        shutil.copytree(target(table, created).place, folder / table)
        _append(spark, target(table, Mart(location=str(folder))), good())
    return lambda table: target(table, Mart(location=str(folder)))


@pytest.fixture
def schema(spark: SparkSession) -> Iterator[str]:
    spark.sql("CREATE SCHEMA published")
    yield "published"
    spark.sql("DROP SCHEMA published CASCADE")


@pytest.mark.parametrize("table", MART_TABLES)
def test_a_table_has_the_types_and_the_not_null_of_its_contract(
    spark: SparkSession, created: Mart, table: str
) -> None:
    found = [
        (field.name, field.dataType.simpleString(), not field.nullable)
        for field in target(table, created).read(spark).schema
    ]
    assert found == [
        (column.name, column.type, column.required) for column in contract(table).columns
    ]


@pytest.mark.parametrize("table", MART_TABLES)
def test_a_table_shows_its_comments(spark: SparkSession, created: Mart, table: str) -> None:
    described = _described(spark, target(table, created))
    for column in contract(table).columns:
        assert described[column.name] == (column.type, column.description)
    assert described["Comment"][0] == f"{contract(table).description} {contract(table).purpose}"


def test_customers_are_partitioned_by_their_signup_date(
    spark: SparkSession, created: Mart
) -> None:
    for table in MART_TABLES:
        detail = spark.sql(f"DESCRIBE DETAIL {target(table, created).identifier}").collect()[0]
        partitions = ["signup_date"] if table in GOOD else []
        assert detail["partitionColumns"] == partitions


@pytest.mark.parametrize("table", MART_TABLES)
def test_a_table_is_made_whole_by_one_commit(
    spark: SparkSession, created: Mart, table: str
) -> None:
    found = target(table, created)
    assert newest_version(spark, found) == 0
    detail = spark.sql(f"DESCRIBE DETAIL {found.identifier}").collect()[0]
    constraints = {
        name.removeprefix("delta.constraints."): condition
        for name, condition in detail["properties"].items()
        if name.startswith("delta.constraints.")
    }
    rules = contract(table).rules_of("delta")
    assert constraints == {rule.name: rule.condition for rule in rules}
    assert not rules or "checkConstraints" in detail["tableFeatures"]


@pytest.mark.parametrize("table", list(GOOD))
def test_a_good_row_is_taken(
    spark: SparkSession, filled: Callable[[str], Target], table: str
) -> None:
    assert filled(table).read(spark).count() == 1


@pytest.mark.parametrize(
    ("table", "row", "constraint"),
    [
        ("dim_customer", customer(total_web_events=-1), "measures_not_negative"),
        (
            "dim_customer",
            customer(total_deposit_amount_minor=-1),
            "measures_not_negative",
        ),
        ("dim_customer", customer(unique_games_played=3), "parts_within_totals"),
        (
            "dim_customer",
            customer(high_jackpot_spend_usd=Decimal("30.01")),
            "parts_within_totals",
        ),
        (
            "dim_customer",
            customer(spend_first_7_days_usd=Decimal("30.01")),
            "parts_within_totals",
        ),
        (
            "dim_customer",
            customer(last_purchase_timestamp=utc("2024-06-01 23:59:59.999999")),
            "timestamps_in_order",
        ),
        ("customer_ltv_scoring", score(recency_score=0, rfm_score=4), "scores_in_range"),
        (
            "customer_ltv_scoring",
            score(quick_conversion_score=6, behavioral_score=13),
            "scores_in_range",
        ),
        ("customer_ltv_scoring", score(risk_score=0), "scores_in_range"),
        ("customer_ltv_scoring", score(risk_score=6), "scores_in_range"),
        ("customer_ltv_scoring", score(rfm_score=6), "scores_in_range"),
        ("customer_ltv_scoring", score(behavioral_score=11), "scores_in_range"),
        ("customer_ltv_scoring", score(ltv_score=Decimal("100.01")), "scores_in_range"),
        (
            "customer_ltv_scoring",
            score(predicted_annual_ltv=Decimal("-0.01")),
            "measures_not_negative",
        ),
        ("customer_ltv_scoring", score(customer_tenure_days=-0.1), "measures_not_negative"),
    ],
)
def test_a_row_that_breaks_a_constraint_is_refused(
    spark: SparkSession,
    filled: Callable[[str], Target],
    table: str,
    row: Row,
    constraint: str,
) -> None:
    with pytest.raises(Exception, match=f"(?i)CHECK constraint {constraint}"):
        _append(spark, filled(table), row)


def test_the_highest_risk_that_the_settings_allow_is_taken(
    spark: SparkSession, copy_of: CopyOf
) -> None:
    table = copy_of("customer_ltv_scoring")
    _append(spark, table, score(risk_score=5))
    assert [row["risk_score"] for row in table.read(spark).collect()] == [5]


@pytest.mark.parametrize("column", ["user_id", "country", "signup_date"])
def test_a_null_where_the_contract_has_none_is_refused(
    spark: SparkSession, filled: Callable[[str], Target], column: str
) -> None:
    with pytest.raises(Exception, match=f"(?i)NOT NULL constraint violated for column: {column}"):
        _append(spark, filled("dim_customer"), customer(**{column: None}))


def test_a_status_that_no_run_has_is_refused(spark: SparkSession, created: Mart) -> None:
    instant = utc("2025-01-01 00:00:00")
    record = RunRecord("run-1", instant, "full", "abc", instant)
    row = {**record.row(instant, None, "4.2.0"), "status": "running"}
    with pytest.raises(Exception, match=r"(?i)CHECK constraint status_allowed"):
        _append(spark, target("mart_runs", created), row)


def test_a_table_that_is_there_is_left_as_it_is(spark: SparkSession, created: Mart) -> None:
    table = target("dim_customer", created)
    before = spark.sql(f"DESCRIBE HISTORY {table.identifier}").count()
    ensure_table(spark, table)
    assert spark.sql(f"DESCRIBE HISTORY {table.identifier}").count() == before


def test_a_table_with_other_columns_is_an_error(
    spark: SparkSession, created: Mart, tmp_path: Path
) -> None:
    shutil.copytree(target("quarantine", created).place, tmp_path / "mart_runs")
    with pytest.raises(DataError) as refused:
        ensure_table(spark, target("mart_runs", Mart(location=str(tmp_path))))
    assert str(refused.value) == (
        f"The table {tmp_path}/mart_runs does not have the columns of its contract (first "
        "difference: mode string); move it away and the next run creates it anew"
    )


def test_a_table_of_a_catalog_is_created_and_found(spark: SparkSession, schema: str) -> None:
    table = target("quarantine", Mart.model_validate({"schema": schema}))
    assert not table.exists(spark)
    ensure_table(spark, table)
    assert table.exists(spark)
    assert table.identifier == "`published`.`quarantine`"
    assert table.read(spark).columns == contract("quarantine").column_names
    assert _described(spark, table)["run_id"] == ("string", "The run that set it aside.")


def test_the_statement_keeps_a_hostile_folder_inside_its_quotes() -> None:
    hostile = Target(contract("quarantine"), "/m/a` (x INT) --", is_table=False)
    assert create_table(hostile).startswith("CREATE TABLE delta.`/m/a`` (x INT) --` (\n  `source`")


def test_a_folder_is_absolute_and_a_uri_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert absolute("mart/") == f"{tmp_path}/mart"
    assert absolute("s3a://lottery/mart/") == "s3a://lottery/mart"
    assert absolute("dbfs:/lottery/mart/") == "dbfs:/lottery/mart"
    assert target("dim_customer", Mart(location="mart")).place == f"{tmp_path}/mart/dim_customer"


def test_a_mart_that_is_nowhere_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="Say where the mart is: --mart DIR"):
        target("dim_customer", Mart())


def test_no_id_is_in_the_statistics_of_a_table(spark: SparkSession, copy_of: CopyOf) -> None:
    table = copy_of("dim_customer")
    spark.sql(f"ALTER TABLE {table.identifier} UNSET TBLPROPERTIES ('{STATISTICS}')")
    keep_ids_out_of_statistics(spark, table)
    _append(spark, table, customer(user_id="told-by-no-log"))
    logs = [log.read_text() for log in Path(table.place).glob("_delta_log/*.json")]
    assert any("maxValues" in log for log in logs)
    assert not any("told-by-no-log" in log for log in logs)
