"""The shape of the plans: each fact read once and exchanged once, and nothing that expands."""

import dataclasses
import re
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from customer_mart.contracts import Contract
from customer_mart.run import start_run
from customer_mart.session_setting import session_setting
from customer_mart.settings import load_settings
from customer_mart.staging.balance import recount
from customer_mart.staging.user_key import SURE
from customer_mart.steps import reconcile, stage_sources
from customer_mart.steps.open_sources import open_sources
from customer_mart.steps.publish_quarantine import set_aside_of
from customer_mart.steps.publish_scores import scoring_of
from customer_mart.steps.stage_dim_customer import stage_dim_customer
from customer_mart.steps.stage_sources import stage_customers
from tests.jobs.handful import SOURCES
from tests.jobs.operator_data import Operator
from tests.plans import FACTS, NEVER, Plans, plan_of

pytestmark = pytest.mark.classic("reads the physical plan")

KEYS = {
    "stg_signups": "user_id",
    "stg_deposits": "deposit_id",
    "stg_ticket_purchases": "purchase_id",
    "stg_web_events": "event_id",
}
OF_QUICK, OF_SURE = "xxhash64(user_id, 42)", "xxhash64(user_id, 42), user_id"


def _own_exchanges(plan: str) -> list[str]:
    """By what a plan repartitions rows."""
    own = re.findall(r"Exchange hashpartitioning\((.*?), \d+\), REPARTITION", plan)
    return [re.sub(r"#\d+", "", by) for by in own]


def _other_exchanges(plan: str) -> list[str]:
    """The first column of every other exchange: of per-customer frames, each read from staging."""
    others = re.findall(r"Exchange hashpartitioning\((\w+)#.*?, \d+\), ENSURE", plan)
    assert len(others) <= len(re.findall(r"FileScan parquet .*_staging", plan))
    return others


def _exchanges(plan: str) -> list[str]:
    """By what a plan parts rows, whoever asked for it."""
    return re.findall(r"(?<!Broadcast)Exchange (\w+)", plan)


def _plans(spark: SparkSession, folder: Path, *, unique: bool) -> dict[str, str]:
    """The plan of every staged frame and of the scores, by name."""
    operator = Operator(spark, folder)
    operator.deliver_all(SOURCES)
    settings = load_settings(
        None,
        [f"sources.{table}.unique={str(unique).lower()}" for table in FACTS],
        {"sources": str(operator.sources), "mart": str(operator.mart)},
    )
    run = start_run(spark, settings, datetime(2025, 1, 1, tzinfo=timezone.utc))
    area = Plans(spark, str(operator.mart / "_staging"), is_table=False)
    run = dataclasses.replace(run, staging=area)
    # As it is with many customers: none of their frames is small enough to broadcast.
    with (
        session_setting(spark, "spark.sql.autoBroadcastJoinThreshold", "-1"),
        pytest.MonkeyPatch.context() as patched,
    ):
        patched.setattr(reconcile, "recount", _recount_of_small_sources)
        sources = open_sources(run)
        staged = stage_customers(run, sources)
        customers = stage_dim_customer(run, staged, scored=True).rows
        again = {
            f"{name}_set_aside": plan_of(set_aside_of(run, sources[name], staged))
            for name in ("stg_signups", *FACTS)
        }
        scores = plan_of(scoring_of(run, customers))
    return {**area.plans, **again, "customer_ltv_scoring": scores}


def _recount_of_small_sources(rows: DataFrame, table: Contract) -> dict[str, Any]:
    """A fact that had to be counted again would be read twice."""
    assert table.tagged("user") is None
    return recount(rows, table)


@pytest.fixture(scope="module", params=[False, True], ids=["deduplicated", "declared unique"])
def plans(
    request: pytest.FixtureRequest,
    spark: SparkSession,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, str]:
    return _plans(spark, tmp_path_factory.mktemp("plans"), unique=request.param)


@pytest.mark.parametrize("fact", FACTS)
def test_a_fact_is_read_once(plans: dict[str, str], fact: str) -> None:
    # What was found to need comparing is read again by itself.
    scans = {
        name: sum(f"sources/{fact}" in scan for scan in re.findall(r"FileScan parquet .*", plan))
        for name, plan in plans.items()
        if not name.endswith(("_compared", "_set_aside"))
    }
    assert {name: times for name, times in scans.items() if times} == {fact: 1}


@pytest.mark.parametrize("fact", FACTS)
def test_a_fact_goes_through_one_exchange_and_that_is_by_user(
    plans: dict[str, str], fact: str
) -> None:
    # Beside the fact's own, the exchanges are those of per-customer frames, read from staging.
    own, others = _own_exchanges(plans[fact]), _other_exchanges(plans[fact])
    assert own == [OF_QUICK]
    assert set(others) == {"user_hash"}
    assert _exchanges(plans[fact]) == ["hashpartitioning"] * len(own + others)


def test_signups_go_through_one_exchange(plans: dict[str, str]) -> None:
    assert plans["stg_signups"].count("Exchange") == 1
    assert _own_exchanges(plans["stg_signups"]) == [OF_QUICK]


def test_by_ids_too_a_source_goes_through_one_exchange(
    spark: SparkSession,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stage_sources, "QUICK", SURE)
    # A plan cuts long paths short.
    by_ids = _plans(spark, tmp_path_factory.mktemp("plans"), unique=False)
    for source in ("stg_signups", *FACTS):
        assert _own_exchanges(by_ids[source]) == [OF_SURE]
        assert set(_other_exchanges(by_ids[source])) <= {"user_hash"}
    assert _own_exchanges(by_ids["stg_deposits_compared"]) == [OF_SURE, "deposit_id"]


def test_nothing_expands_rows_or_leaves_the_engine(plans: dict[str, str]) -> None:
    for name, plan in plans.items():
        assert NEVER.findall(plan) == [], name


def test_only_rows_of_users_who_may_have_duplicates_are_sorted_by_key(
    plans: dict[str, str], request: pytest.FixtureRequest
) -> None:
    is_unique = "declared unique" in request.node.name
    compared = {name for name in plans if name.endswith("_compared")}
    assert compared == (set() if is_unique else {"stg_deposits_compared"})
    for name in compared:
        assert "Sort [key_hash#" in plans[name]
        # The suspects are few and go to the facts: those of nobody else are exchanged, by key to
        # be compared with whosever they are, and by user.
        assert "BroadcastHashJoin" in plans[name]
        assert _own_exchanges(plans[name]) == [OF_QUICK, "deposit_id"]
    assert [fact for fact in FACTS if "Window" in plans[fact]] == []


@pytest.mark.parametrize("fact", FACTS)
def test_whether_users_share_a_key_costs_an_exchange_of_one_number_a_row(
    plans: dict[str, str], fact: str, request: pytest.FixtureRequest
) -> None:
    if "declared unique" in request.node.name:
        assert f"{fact}_shared_keys" not in plans
        return
    plan = plans[f"{fact}_shared_keys"]
    # Of what the one pass over the fact has staged, and of that the hashes of keys alone.
    [scan] = re.findall(r"FileScan parquet \[(.*?)\]", plan)
    assert re.sub(r"#\d+", "", scan) == "key_hashes"
    assert _own_exchanges(plan) == ["key_hashL"]
    assert _exchanges(plan) == ["hashpartitioning"]
    assert "Aggregate" not in plan[plan.index("Exchange") :]


@pytest.mark.parametrize("fact", FACTS)
def test_users_are_put_side_by_side_by_a_number_and_stream_through_one_aggregate(
    plans: dict[str, str], fact: str
) -> None:
    # One number to sort by is a radix sort; more, or text, is one that compares.
    sorts = [re.sub(r"#\d+", "", found) for found in re.findall(r"Sort \[.*?\]", plans[fact])]
    # Customers are joined to their first purchases before web events are joined to them.
    joined = 2 if fact == "stg_web_events" else 0
    assert sorts == ["Sort [user_hashL ASC NULLS FIRST]"] * (1 + joined)
    assert re.findall(r"(\w+Aggregate)\(key=\[user_hash", plans[fact]) == ["SortAggregate"]
    assert "HashAggregate" not in plans[fact]


def test_customers_are_joined_in_the_order_of_their_hash_and_counted_without_a_sort(
    plans: dict[str, str],
) -> None:
    joins_on = plans["dim_customer"]
    # One exchange for each of the four frames that are joined, and none to count copies.
    assert _exchanges(joins_on) == ["hashpartitioning"] * 4
    assert set(re.findall(r"Sort \[(\w+)#", joins_on)) == {"user_hash"}
    # The window is above the joins, and no sort is above the joins.
    assert "Sort" not in joins_on[: joins_on.index("SortMergeJoin")]
    assert "Window" in joins_on[: joins_on.index("SortMergeJoin")]


@pytest.mark.parametrize("source", ["stg_signups", *FACTS])
def test_of_a_source_read_again_for_quarantine_suspects_alone_are_exchanged(
    plans: dict[str, str], source: str
) -> None:
    plan = plans[f"{source}_set_aside"]
    # Suspects go to the rows, and their signups to what is left of these.
    joins = re.findall(r"(\w+Join) \[user_id#", plan)
    assert joins == ["BroadcastHashJoin"] * (1 if source == "stg_signups" else 3)
    assert "SortMergeJoin" not in plan
    scans = re.findall(r"FileScan parquet .*", plan)
    assert sum(f"sources/{source}" in scan for scan in scans) == 1
    assert _own_exchanges(plan) == [f"{KEYS[source]}, apartL"]
    assert _exchanges(plan) == ["hashpartitioning"]


def test_scoring_moves_no_row(plans: dict[str, str]) -> None:
    assert "Exchange" not in plans["customer_ltv_scoring"]
