"""The mart by catalog.schema.table names, end to end, in Spark's own catalog."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from customer_mart.cli import main
from customer_mart.contracts import MART_TABLES, RUN_CLAIMS, contract
from tests.frames import staging
from tests.incremental.warehouse import JANUARY, SOURCES, USERS, WHEN
from tests.jobs.operator_data import in_utc

STAGING, MART = "spark_catalog.lottery_staging", "spark_catalog.lottery_mart"

# A name that would drop a table, were it read as SQL, and is a column's all the same.
HOSTILE_COLUMN = (
    "${env:HOME} amount` FROM x; DROP TABLE spark_catalog.lottery_staging.payments; --"
)
HOSTILE_LABEL = "Standard'); DROP TABLE spark_catalog.lottery_staging.payments; --"


@dataclass(frozen=True)
class Catalog:
    """A schema of sources, with a table that is not for the mart, and a schema of the mart."""

    spark: SparkSession
    config: Path

    def run(self, command: str, *flags: str) -> int:
        return main([command, "--config", str(self.config), *flags])

    def build(self, as_of: datetime = JANUARY, *flags: str) -> int:
        return self.run("build", "--as-of", as_of.isoformat(), *flags)

    def rows(self, table: str) -> list[dict[str, Any]]:
        frame = self.spark.table(f"{MART}.{table}").drop("dbt_updated_at")
        return [in_utc(row.asDict()) for row in frame.orderBy("user_id").collect()]

    def version(self, table: str) -> int:
        history = self.spark.sql(f"DESCRIBE HISTORY {MART}.{table} LIMIT 1")
        return int(history.collect()[0]["version"])

    def tables(self) -> set[str]:
        return {
            row["tableName"]
            for row in self.spark.sql(f"SHOW TABLES IN {MART}").collect()
            if not row["isTemporary"]
        }

    def runs(self) -> list[dict[str, Any]]:
        runs = self.spark.table(f"{MART}.mart_runs").orderBy("finished_at")
        return [row.asDict(recursive=True) for row in runs.collect()]


@pytest.fixture(scope="module")
def catalog(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    """The mart built once by names alone."""
    spark.sql(f"CREATE SCHEMA {STAGING}")
    spark.sql(f"CREATE SCHEMA {MART}")
    for table, rows in SOURCES.items():
        frame = staging(spark, table, rows).coalesce(1)
        if table == "stg_deposits":
            frame = frame.withColumnRenamed("deposit_amount_minor", HOSTILE_COLUMN)
        write = frame.write.format("delta")
        if table == "stg_deposits":
            # A column whose name is SQL needs a name of its own in the files.
            write = write.option("delta.columnMapping.mode", "name")
        write.saveAsTable(f"{STAGING}.{table}")
        feed = "SET TBLPROPERTIES (delta.enableChangeDataFeed = true)"
        spark.sql(f"ALTER TABLE {STAGING}.{table} {feed}")
    spark.range(3).write.format("delta").saveAsTable(f"{STAGING}.payments")
    config = tmp_path_factory.mktemp("catalog") / "mart.yml"
    columns = {"deposit_amount_minor": HOSTILE_COLUMN}
    settings = {
        "sources": {"schema": STAGING, "stg_deposits": {"columns": columns}},
        "mart": {"schema": MART},
        "scoring": {"vip_tiers": {"otherwise": HOSTILE_LABEL}},
        "quality": {"max_quarantined_fraction": 1},
        "publish": {"max_touched_fraction": 1},
    }
    config.write_text(json.dumps(settings))
    built = Catalog(spark, config)
    assert built.build() == 0
    yield built
    spark.sql(f"DROP SCHEMA {STAGING} CASCADE")
    spark.sql(f"DROP SCHEMA {MART} CASCADE")


def test_hostile_columns_and_labels_are_names_and_nothing_else(catalog: Catalog) -> None:
    assert catalog.spark.table(f"{STAGING}.payments").count() == 3
    amounts = {row["total_deposit_amount_minor"] for row in catalog.rows("dim_customer")}
    assert amounts == {500}
    assert {row["vip_tier"] for row in catalog.rows("customer_ltv_scoring")} == {HOSTILE_LABEL}


def test_the_view_has_the_scores_and_their_comments_without_technical_columns(
    catalog: Catalog,
) -> None:
    view = catalog.spark.table(f"{MART}.v_customer_ltv")
    scores = contract("customer_ltv_scoring")
    assert view.columns == [name for name in scores.column_names if name != "dbt_updated_at"]
    rows = [in_utc(row.asDict()) for row in view.orderBy("user_id").collect()]
    assert rows == catalog.rows("customer_ltv_scoring")
    described = catalog.spark.sql(f"DESCRIBE {MART}.v_customer_ltv").collect()
    comments = {row["col_name"]: row["comment"] for row in described}
    assert comments["vip_tier"] == next(
        column.description for column in scores.columns if column.name == "vip_tier"
    )
    tables = catalog.tables() - {RUN_CLAIMS}  # there over Spark Connect
    assert tables == {*MART_TABLES, "v_customer_ltv"} - {"erased_customers"}


def test_a_later_run_is_incremental_and_the_view_shows_it(catalog: Catalog) -> None:
    before = catalog.spark.table(f"{MART}.v_customer_ltv").where("user_id = 'u3'")
    assert before.select("total_deposits").collect() == [(1,)]
    late = staging(catalog.spark, "stg_deposits", [("late", "u3", WHEN, 700)])
    late = late.withColumnRenamed("deposit_amount_minor", HOSTILE_COLUMN)
    late.write.format("delta").mode("append").saveAsTable(f"{STAGING}.stg_deposits")
    newcomer = staging(catalog.spark, "stg_signups", [("new", WHEN, "UK")])
    newcomer.write.format("delta").mode("append").saveAsTable(f"{STAGING}.stg_signups")
    assert catalog.build(JANUARY, "--mode", "incremental") == 0
    last = catalog.runs()[-1]
    assert (last["mode"], last["touched_customers"]) == ("incremental", 2)
    after = catalog.spark.table(f"{MART}.v_customer_ltv").where("user_id = 'u3'")
    assert after.select("total_deposits").collect() == [(2,)]


def test_summary_top_and_maintenance_know_the_mart_by_its_names(
    catalog: Catalog, capsys: pytest.CaptureFixture[str]
) -> None:
    assert catalog.run("top", "-n", "1") == 0
    assert "Top 1 players" in capsys.readouterr().out
    assert catalog.run("summary") == 0
    printed = capsys.readouterr().out
    assert f"{MART}.dim_customer" in printed
    # What it shows to query the mart with can be pasted.
    [query] = re.findall("SELECT vip_tier, .*", printed)
    assert [row["count(1)"] for row in catalog.spark.sql(query).collect()] == [13]
    assert catalog.run("maintain") == 0
    assert len(catalog.rows("dim_customer")) == 13


def test_status_history_and_erasure_know_the_mart_by_its_names(
    catalog: Catalog, capsys: pytest.CaptureFixture[str]
) -> None:
    ever = ["--max-age-hours", "1000000"]
    assert catalog.run("status", *ever) == 0
    printed = capsys.readouterr().out
    assert f"Runs of {MART}" in printed
    assert catalog.runs()[-1]["run_id"] in printed
    # One who came with the later run, and one who was there from the first.
    assert catalog.run("history", "--user-id", "new") == 0
    assert "Tier moves of new" in capsys.readouterr().out
    assert catalog.run("history", "--user-id", "u3") == 0
    assert "u3 has not moved since the tier moves are on record." in capsys.readouterr().out

    assert catalog.run("erase", "--user-id", "new") == 0
    for table in ("dim_customer", "customer_ltv_scoring"):
        assert [row["user_id"] for row in catalog.rows(table)] == sorted(USERS)
    assert catalog.rows("customer_tier_changes") == []
    assert catalog.spark.table(f"{MART}.v_customer_ltv").where("user_id = 'new'").isEmpty()
    assert catalog.spark.table(f"{MART}.erased_customers").count() == 1
    assert catalog.run("status", *ever) == 0
    capsys.readouterr()
    assert catalog.run("history", "--user-id", "new") == 3
    assert f"No customer new is or was in {MART}." in capsys.readouterr().err


def test_a_grant_that_the_catalog_refuses_is_a_warning_of_a_build_that_publishes(
    catalog: Catalog, capsys: pytest.CaptureFixture[str]
) -> None:
    before = catalog.version("customer_ltv_scoring")
    readers = "publish.view_readers=['BI users', ann]"
    assert catalog.build(JANUARY, "--set", readers, "--mode", "full") == 0
    [tables] = [line for line in capsys.readouterr().out.splitlines() if " tables " in line]
    for reader in ("BI users", "ann"):
        assert f"SELECT on v_customer_ltv cannot be granted to {reader} (" in tables
    assert catalog.version("customer_ltv_scoring") > before
    assert catalog.runs()[-1]["warnings"]["view_grants_refused"] == 2


def test_a_view_that_is_there_is_altered_and_never_replaced(catalog: Catalog) -> None:
    view = f"{MART}.v_customer_ltv"
    # Kept by the view as a grant is, and gone with a view that is replaced.
    catalog.spark.sql(f"ALTER VIEW {view} SET TBLPROPERTIES ('granted' = 'yes')")
    assert catalog.build(JANUARY, "--mode", "full") == 0
    before = catalog.spark.sql(f"DESCRIBE TABLE EXTENDED {view}").collect()
    catalog.spark.sql(f"ALTER VIEW {view} AS SELECT user_id FROM {MART}.customer_ltv_scoring")
    assert catalog.build(JANUARY, "--mode", "full") == 0
    assert catalog.spark.sql(f"DESCRIBE TABLE EXTENDED {view}").collect() == before
    kept = catalog.spark.sql(f"SHOW TBLPROPERTIES {view} ('granted')").collect()
    assert [row["value"] for row in kept] == ["yes"]


def test_no_view_is_made_where_none_is_wanted(catalog: Catalog) -> None:
    catalog.spark.sql(f"DROP VIEW {MART}.v_customer_ltv")
    assert catalog.run("build", "--set", "publish.view=false", "--as-of", JANUARY.isoformat()) == 0
    assert "v_customer_ltv" not in catalog.tables()
    # Who was erased above is in the sources still.
    assert [row["user_id"] for row in catalog.rows("dim_customer")] == sorted(USERS)


def test_a_table_in_the_view_s_place_is_left_alone(
    catalog: Catalog, capsys: pytest.CaptureFixture[str]
) -> None:
    catalog.spark.sql(f"DROP VIEW IF EXISTS {MART}.v_customer_ltv")
    catalog.spark.sql(f"CREATE TABLE {MART}.v_customer_ltv (mine INT) USING delta")
    assert catalog.build(JANUARY) == 2
    assert f"The view {MART}.v_customer_ltv cannot be made (" in capsys.readouterr().err
    assert catalog.spark.table(f"{MART}.v_customer_ltv").columns == ["mine"]
    catalog.spark.sql(f"DROP TABLE {MART}.v_customer_ltv")
