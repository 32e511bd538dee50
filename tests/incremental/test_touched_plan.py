"""The plans of an incremental run: touched customers go to the facts, and no fact is exchanged."""

import dataclasses
import re

import pytest
from pyspark.sql import SparkSession

from customer_mart import joins
from customer_mart.run import start_run
from customer_mart.session_setting import session_setting
from customer_mart.settings import load_settings
from customer_mart.steps.incremental_run import touched_customers
from customer_mart.steps.open_sources import open_sources
from tests.incremental.warehouse import ALL_DIRT, ANY_SHARE, FEBRUARY, WHEN, Warehouse
from tests.plans import FACTS, NEVER, Plans

# By what the rows of a source are told apart: whose they are, and where rows came, their keys, for
# another customer may have one.
FEW = {
    "stg_signups": ["user_id"],
    "stg_deposits": ["key_hash", "user_id"],
    "stg_ticket_purchases": ["user_id"],
    "stg_web_events": ["user_id"],
}

pytestmark = pytest.mark.classic("reads the physical plan")


def _plans(spark: SparkSession, warehouse: Warehouse) -> dict[str, str]:
    """The plan of every frame that an incremental run stages until its sources are cut down."""
    places = {"sources": str(warehouse.sources), "mart": str(warehouse.mart)}
    settings = load_settings(None, [ALL_DIRT, ANY_SHARE], places)
    run = start_run(spark, settings, FEBRUARY, "incremental")
    area = Plans(spark, str(warehouse.mart / "_staging"), is_table=False)
    run = dataclasses.replace(run, staging=area)
    # As it is with many customers: none of their frames is small enough by itself.
    with session_setting(spark, "spark.sql.autoBroadcastJoinThreshold", "-1"):
        assert touched_customers(run, open_sources(run)) is not None
    return area.plans


def test_touched_customers_are_broadcast_to_the_facts_and_no_fact_is_exchanged(
    spark: SparkSession, warehouse: Warehouse
) -> None:
    # Every way to be touched: by a change, by a game, and by the month that has gone by.
    warehouse.insert("stg_deposits", [("new", "u0", WHEN, 100)])
    crossed = "SET jackpot_estimate_minor = 1000001 WHERE game_id = 'near'"
    warehouse.change("UPDATE", "stg_games", crossed)
    plans = _plans(spark, warehouse)
    for name, plan in plans.items():
        assert NEVER.findall(plan) == [], name
        assert "SortMergeJoin" not in plan, name

    for source in ("stg_signups", *FACTS):
        plan = plans[f"touched_{source}"]
        few = re.findall(r"BroadcastHashJoin \[(\w+)#.* BuildRight", plan)
        assert few == FEW[source]
        # Read once, beside the few themselves.
        assert [scan.count("_staging/") for scan in _scans(plan)] == [0, *[1] * len(few)]
        # What is exchanged are keys that came, of the touched rows alone.
        assert set(_exchanged(plan)) <= {"HashAggregate"}

    touched = plans["touched"]
    # What is exchanged has been aggregated before: users, games, and keys that came, once each.
    assert set(_exchanged(touched)) == {"HashAggregate"}
    assert re.findall(r"BroadcastHashJoin \[(\w+)#", touched) == ["game_id"]
    # Files without a row of the month are not even opened.
    come_due = re.findall(r"PushedFilters: .*GreaterThanOrEqual\((\w+)", touched)
    times = ["signup_timestamp", "deposit_timestamp", "purchase_timestamp", "event_timestamp"]
    # What is high among the games that changed is asked of the change feed.
    assert [name for name in come_due if name != "jackpot_estimate_minor"] == times


def test_touched_customers_too_many_to_broadcast_are_hashed(
    spark: SparkSession, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joins, "MOST_IDS", 0)
    monkeypatch.setattr(joins, "MOST_HASHES", 0)
    warehouse.insert("stg_deposits", [("new", "u0", WHEN, 100)])
    plans = _plans(spark, warehouse)
    for source in ("stg_signups", *FACTS):
        found = re.findall(r"(\w+Join) \[(\w+)#.* BuildRight", plans[f"touched_{source}"])
        # Keys are looked for by a pass of their own then.
        assert found == [("ShuffledHashJoin", "user_id")]


def _exchanged(plan: str) -> list[str]:
    """What each exchange by a hash gets its rows from."""
    return re.findall(r"Exchange hashpartitioning.*\n\W*(\w+)", plan)


def _scans(plan: str) -> list[str]:
    return re.findall(r"FileScan parquet .*", plan)
