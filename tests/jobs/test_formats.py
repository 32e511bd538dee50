"""The same rows from Delta, Parquet, CSV and catalog tables give the same mart."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from customer_mart.cli import main
from customer_mart.contracts import MART_TABLES, RUN_CLAIMS
from tests.frames import staging, utc
from tests.jobs.operator_data import AS_OF, REQUIRED, Operator

SIGNUPS = [
    ("7", utc("2024-06-01 22:30:00"), "DE"),
    ("8", utc("2024-06-02 10:00:00"), 'Cote "d\'Or", FR'),
]
DEPOSITS = [("1", "7", utc("2024-06-03 10:00:00.000001"), 1234)]
PURCHASES = [("1", "7", "g1", utc("2024-06-04 10:00:00"), Decimal("12.30"))]
EVENTS = [("1", "7", utc("2024-06-01 20:00:00"), "a,b"), ("2", None, utc("2024-06-01"), None)]
GAMES = [("g1", "Keno", 2_000_000)]
ROWS: dict[str, Sequence[tuple[Any, ...]]] = dict(
    zip(REQUIRED, (SIGNUPS, DEPOSITS, PURCHASES, EVENTS, GAMES), strict=True)
)

pytestmark = pytest.mark.usefixtures("interpreting")


@pytest.fixture(scope="module")
def expected(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory, empty_mart: Path
) -> Operator:
    """The mart from Parquet, to which the others are compared."""
    operator = Operator.with_empty_mart(spark, tmp_path_factory.mktemp("formats"), empty_mart)
    for table, rows in ROWS.items():
        operator.deliver(table, rows)
    assert operator.build() == 0
    seven, eight = operator.rows("dim_customer")
    assert [seven["total_deposit_amount_minor"], seven["player_type"]] == [
        1234,
        "High Jackpot Player",
    ]
    assert eight["country"] == 'Cote "d\'Or", FR'
    return operator


def same_mart(built: Operator, expected: Operator) -> None:
    for table in ("dim_customer", "customer_ltv_scoring"):
        assert built.rows(table) == expected.rows(table)


def test_csv_gives_the_same_mart(operator: Operator, expected: Operator) -> None:
    for table, rows in ROWS.items():
        frame = staging(operator.spark, table, rows)
        writer = frame.write.option("header", "true").option("escape", '"')
        writer = writer.option("timestampFormat", "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX")
        writer.csv(str(operator.sources / table))
    assert operator.build() == 0
    same_mart(operator, expected)
    assert operator.balance("stg_web_events") == {"read": 2, "used": 1, "anonymous": 1}


def test_delta_is_read_at_the_version_it_had_when_the_run_began(
    operator: Operator, expected: Operator
) -> None:
    for table, rows in ROWS.items():
        frame = staging(operator.spark, table, rows)
        frame.write.format("delta").save(str(operator.sources / table))
    assert operator.build() == 0
    same_mart(operator, expected)
    assert operator.last_run()["source_versions"] == dict.fromkeys(REQUIRED, 0)


def test_catalog_tables_with_other_column_names_give_the_same_mart(
    spark: SparkSession, expected: Operator
) -> None:
    spark.sql("CREATE SCHEMA IF NOT EXISTS warehouse")
    spark.sql("CREATE SCHEMA IF NOT EXISTS crm")
    for table, rows in ROWS.items():
        frame = staging(spark, table, rows)
        if table == "stg_deposits":
            frame = frame.withColumnRenamed("deposit_amount_minor", "deposit_amount_inminor")
        writer = frame.write.format("delta" if table == "stg_deposits" else "parquet")
        writer.mode("overwrite").saveAsTable(f"warehouse.{table}")
    settings = (
        "sources.schema=warehouse",
        "sources.stg_deposits.columns.deposit_amount_minor=deposit_amount_inminor",
        "mart.schema=crm",
    )
    flags = [flag for setting in settings for flag in ("--set", setting)]
    assert main(["build", "--as-of", AS_OF, *flags]) == 0
    for table in ("dim_customer", "customer_ltv_scoring"):
        frame = spark.read.table(f"crm.{table}").drop("dbt_updated_at").orderBy("user_id")
        assert [row.asDict() for row in frame.collect()] == expected.rows(table)
    left = {row["tableName"] for row in spark.sql("SHOW TABLES IN crm").collect()}
    tables = {*MART_TABLES, "v_customer_ltv"} - {"erased_customers"}
    assert left - {RUN_CLAIMS} == tables  # it is there over Spark Connect
    spark.sql("DROP SCHEMA crm CASCADE")
    spark.sql("DROP SCHEMA warehouse CASCADE")


def test_times_without_a_zone_and_dates_follow_the_configured_zones(
    operator: Operator,
) -> None:
    spark = operator.spark
    signups = [
        ("summer", "2024-06-30 23:30:00"),  # CEST: 21:30 UTC
        ("winter", "2024-01-01 00:30:00"),  # CET: 23:30 UTC of the day before
        ("offset", "2024-06-30T23:30:00Z"),  # says so itself: 01:30 in Berlin, the next day
    ]
    frame = spark.createDataFrame(
        [(user, at, "DE") for user, at in signups],
        "user_id string, signup_timestamp string, country string",
    )
    frame.write.parquet(str(operator.sources / "stg_signups"))
    operator.deliver_nothing_else()
    zones = ("sources.time_zone=Europe/Berlin", "business_time_zone=Europe/Berlin")
    assert operator.build(*[flag for zone in zones for flag in ("--set", zone)]) == 0
    found = operator.table("dim_customer").selectExpr(
        "user_id", "date_format(signup_timestamp, 'yyyy-MM-dd HH:mm')", "string(signup_date)"
    )
    assert sorted(map(tuple, found.collect())) == [
        ("offset", "2024-06-30 23:30", "2024-07-01"),
        ("summer", "2024-06-30 21:30", "2024-06-30"),
        ("winter", "2023-12-31 23:30", "2024-01-01"),
    ]


def test_optional_spend_is_reconciled_when_it_is_there(operator: Operator) -> None:
    operator.deliver("stg_signups", [("ann", utc("2024-06-01"), "UK")])
    spend = operator.spark.createDataFrame(
        [
            ("2024-06-01", "spring", "search", 100),
            ("2024-06-01", "spring", "search", 100),
            ("2025-01-01", "spring", "search", 900),
        ],
        "spend_date string, campaign_name string, channel string, spend_minor long",
    )
    spend.write.parquet(str(operator.sources / "stg_funnel_spend"))
    operator.deliver_nothing_else()
    assert operator.build() == 0
    assert operator.balance("stg_funnel_spend") == {
        "read": 3,
        "used": 1,
        "deduplicated": 1,
        "not_yet": 1,
    }
