"""Runs after a table went away, or was emptied by a run that failed."""

import shutil

import pytest

from customer_mart.cli import run_job
from tests.incremental.warehouse import GAMES, JANUARY, WHEN, Warehouse


@pytest.mark.classic("empties the engine's memory of Delta logs")
def test_dim_customer_alone_is_rebuilt_where_the_scores_are_gone(warehouse: Warehouse) -> None:
    shutil.rmtree(warehouse.mart / "customer_ltv_scoring")
    warehouse.forget_logs()
    places = ["--sources", str(warehouse.sources), "--mart", str(warehouse.mart)]
    assert run_job("dim_customer", [*places, "--as-of", JANUARY.isoformat()]) == 0
    told = "customer_ltv_scoring is not there any more"
    assert warehouse.last_run()["rebuild_reason"] == told
    assert not (warehouse.mart / "customer_ltv_scoring").exists()
    assert warehouse.run(JANUARY, "auto") == 0
    assert warehouse.published() == warehouse.rebuilt(JANUARY)


def test_a_quarantine_that_a_failed_run_emptied_is_trusted_once_a_run_succeeds(
    warehouse: Warehouse,
) -> None:
    warehouse.insert("stg_deposits", [("bad", "u0", WHEN, -1)])
    assert warehouse.run(JANUARY) == 0
    assert warehouse.table("quarantine").count() == 1
    warehouse.change("DELETE FROM", "stg_deposits", "WHERE deposit_id = 'bad'")
    # Quarantine is published, and then the games are missed.
    warehouse.change("DELETE FROM", "stg_games")
    assert warehouse.run(JANUARY) == 3
    assert warehouse.table("quarantine").isEmpty()
    warehouse.insert("stg_games", GAMES)
    assert warehouse.run(JANUARY, "auto") == 0
    assert warehouse.last_run()["rebuild_reason"].startswith("quarantine was changed since")
    assert warehouse.run(JANUARY, "incremental") == 0
