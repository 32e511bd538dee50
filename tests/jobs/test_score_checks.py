"""Scores that break their contract are never published, whichever job computes them."""

from collections.abc import Callable
from typing import Any

import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from customer_mart.cli import run_job
from customer_mart.customer_ltv_scoring.tiers import with_tiers
from customer_mart.steps.publish_scores import scoring_of
from tests.faults.damage import nothing_published, only_error
from tests.incremental.warehouse import FEBRUARY, WHEN, Warehouse

UNKNOWN_TIER = "customer_ltv_scoring.vip_tier_allowed"


@pytest.fixture
def mislabelling(monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect that gives one customer a tier which the settings do not have."""
    emperor = F.when(F.col("user_id") == "u3", "Emperor").otherwise(F.col("vip_tier"))

    def with_it(*arguments: Any) -> DataFrame:
        return with_tiers(*arguments).withColumn("vip_tier", emperor)

    monkeypatch.setattr(
        "customer_mart.customer_ltv_scoring.customer_ltv_scoring.with_tiers", with_it
    )


def _score(warehouse: Warehouse) -> int:
    return run_job("customer_ltv_scoring", ["--mart", str(warehouse.mart)])


@pytest.mark.usefixtures("mislabelling")
def test_a_build_publishes_nothing_when_a_score_breaks_a_rule(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    with nothing_published(warehouse):
        assert warehouse.run(FEBRUARY, "full") == 3
    assert f"Check {UNKNOWN_TIER} failed: found 1, expected 0;" in only_error(capsys)
    failed = [check["name"] for check in warehouse.last_run()["checks"] if not check["passed"]]
    assert failed == [UNKNOWN_TIER]


@pytest.mark.usefixtures("mislabelling")
@pytest.mark.parametrize(
    "run", [_score, lambda warehouse: warehouse.run(FEBRUARY)], ids=["scoring alone", "nobody"]
)
def test_scores_of_published_customers_are_checked_by_the_job_that_writes_them(
    run: Callable[[Warehouse], int], warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    with nothing_published(warehouse):
        assert run(warehouse) == 3
    assert f"Check {UNKNOWN_TIER} failed: found a row that breaks it" in only_error(capsys)


def test_scores_that_are_not_those_of_all_customers_fail_the_run(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        "customer_mart.steps.publish_scores.scoring_of",
        lambda *arguments: scoring_of(*arguments).where("user_id != 'u3'"),
    )
    assert _score(warehouse) == 1
    told = "Check customer_ltv_scoring.total.rows failed: found 11, expected 12;"
    assert told in only_error(capsys)


def test_of_scores_that_go_through_an_exchange_the_totals_are_measured_behind_it(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Before it, an executor's loss may have counted every row twice.
    monkeypatch.setattr("customer_mart.steps.publish_scores.lie_by_partition", lambda *_: False)
    monkeypatch.setattr(
        "customer_mart.steps.publish_scores.observed", lambda _: {"total:rows": 24}
    )
    assert _score(warehouse) == 0
    found = {check["name"]: check["found"] for check in warehouse.last_run()["checks"]}
    assert found["customer_ltv_scoring.total.rows"] == "12"


@pytest.mark.usefixtures("mislabelling")
def test_a_score_that_breaks_a_rule_once_customers_are_merged_is_no_fault_of_the_data(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    version = warehouse.version("customer_ltv_scoring")
    warehouse.insert("stg_deposits", [("new", "u0", WHEN, 100)])
    # Of those who were touched all scores are right: the one that is not was not touched.
    assert warehouse.run(FEBRUARY) == 1
    told = f"Check {UNKNOWN_TIER} failed: found a row that breaks it, expected none; customer_ltv"
    assert told in only_error(capsys)
    run = warehouse.last_run()
    assert [check["name"] for check in run["checks"] if not check["passed"]] == [UNKNOWN_TIER]
    assert run["target_versions"].keys() == {"quarantine", "dim_customer"}
    assert warehouse.version("customer_ltv_scoring") == version


def test_customers_that_no_run_has_checked_are_before_they_are_scored(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    again = warehouse.table("dim_customer").where("user_id = 'u3'").write.format("delta")
    again.mode("append").save(str(warehouse.mart / "dim_customer"))
    with nothing_published(warehouse):
        assert _score(warehouse) == 3
    told = "Check dim_customer.unique.user_id failed: found 2, expected 0;"
    assert told in only_error(capsys)
