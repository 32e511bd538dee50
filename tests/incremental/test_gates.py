"""What an incremental run asks of whole sources and of the mart's tables, as a rebuild would."""

from datetime import date
from typing import Any

import pytest
from pyspark.sql import SparkSession

from customer_mart.cli import main
from customer_mart.incremental import decide
from customer_mart.steps import incremental_run
from tests.faults.damage import DIM_IS_PUBLISHED, once_at, only_error
from tests.frames import staging
from tests.incremental.warehouse import FEBRUARY, JANUARY, WHEN, Warehouse

EMPTIED = ("--set", "quality.allow_emptied_sources=true")


def test_scores_of_a_later_instant_are_not_published_from_sources_that_are_too_dirty(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    warehouse.insert("stg_deposits", [("bad", "u0", WHEN, -1)])
    assert warehouse.run(JANUARY) == 0
    version = warehouse.version("customer_ltv_scoring")
    capsys.readouterr()
    limit = ("--set", "quality.max_quarantined_fraction=0.05")
    assert warehouse.run(FEBRUARY, "incremental", *limit) == 3
    assert "has 1 of 13 rows quarantined (BAD_AMOUNT 1)" in only_error(capsys)
    assert warehouse.version("customer_ltv_scoring") == version


def test_a_row_that_quarantine_drops_for_an_erased_id_counts_in_no_run_s_share(
    warehouse: Warehouse,
) -> None:
    # Somebody else's row that cannot be used and happens to hold the id.
    warehouse.insert("stg_web_events", [(None, "u1", WHEN, "u2")])
    assert warehouse.run(JANUARY) == 0
    assert main(["erase", "--mart", str(warehouse.mart), "--user-id", "u2"]) == 0
    limit = ("--set", "quality.max_quarantined_fraction=0")
    for mode in ("incremental", "full"):
        assert warehouse.run(FEBRUARY, mode, *limit) == 0
        # A signup, a deposit, a purchase and an event; the incremental run touches nobody.
        assert warehouse.last_run()["warnings"]["erased_rows"] == 4
    assert warehouse.balance("stg_web_events") == {"read": 12, "used": 11, "NULL_KEY": 1}


def test_a_source_is_emptied_by_what_it_had_in_the_last_run_be_that_incremental(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    warehouse.insert("stg_deposits", [("new", "u0", WHEN, 100)])
    assert warehouse.run(JANUARY) == 0
    warehouse.change("DELETE FROM", "stg_games")
    capsys.readouterr()
    assert warehouse.run(JANUARY) == 3
    assert "stg_games is empty now but had 3 rows in the last run" in only_error(capsys)
    assert warehouse.run(JANUARY, "auto", *EMPTIED) == 0
    warehouse.insert("stg_deposits", [("newer", "u0", WHEN, 100)])
    assert warehouse.run(JANUARY) == 0
    assert warehouse.last_run()["source_rows"] == {
        "stg_signups": 12,
        "stg_games": 0,
        "stg_deposits": 14,
        "stg_ticket_purchases": 6,
        "stg_web_events": 12,
    }


def test_spend_of_no_user_that_comes_due_is_judged(
    spark: SparkSession, warehouse: Warehouse
) -> None:
    spend = [(date(2025, 1, 10), "spring", "search", -1)]
    rows = staging(spark, "stg_funnel_spend", spend).write.format("delta")
    place = warehouse.sources / "stg_funnel_spend"
    rows.option("delta.enableChangeDataFeed", "true").save(str(place))
    assert warehouse.run(JANUARY, "auto") == 0
    assert warehouse.table("quarantine").isEmpty()
    assert warehouse.run(FEBRUARY) == 0
    assert warehouse.last_run()["touched_customers"] == 0
    assert [row[:2] for row in warehouse.quarantined()] == [("stg_funnel_spend", "BAD_AMOUNT")]
    assert warehouse.published() == warehouse.rebuilt(FEBRUARY)


def _deletes_a_customer(warehouse: Warehouse) -> None:
    place = f"delta.`{warehouse.mart / 'dim_customer'}`"
    warehouse.spark.sql(f"DELETE FROM {place} WHERE user_id = 'u5'")


def test_a_table_that_something_else_changes_in_mid_run_is_rebuilt(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    warehouse.insert("stg_deposits", [("new", "u0", WHEN, 100)])
    once_at(monkeypatch, DIM_IS_PUBLISHED, lambda: _deletes_a_customer(warehouse))
    capsys.readouterr()
    assert warehouse.run(JANUARY) == 1
    told = "While this run went on, dim_customer was changed by something else: version"
    assert told in only_error(capsys)
    assert warehouse.run(JANUARY, "auto") == 0
    assert warehouse.last_run()["rebuild_reason"].startswith("dim_customer was changed since")
    assert warehouse.published() == warehouse.rebuilt(JANUARY)


def test_a_table_that_something_else_changes_once_it_was_judged_is_judged_by_the_next_run(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def judged_too_early(*arguments: Any) -> str | None:
        change = decide.changed_meanwhile(*arguments)
        _deletes_a_customer(warehouse)
        return change

    with monkeypatch.context() as beside:
        beside.setattr(incremental_run, "changed_meanwhile", judged_too_early)
        assert warehouse.run(JANUARY) == 0
    capsys.readouterr()
    assert warehouse.run(JANUARY) == 3
    assert "dim_customer was changed since the last run: version" in only_error(capsys)
