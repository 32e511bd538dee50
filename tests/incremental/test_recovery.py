"""Runs after a table was emptied by a run that failed."""

from tests.incremental.warehouse import GAMES, JANUARY, WHEN, Warehouse


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
