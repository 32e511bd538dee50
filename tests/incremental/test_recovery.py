"""Runs after a table went away, or was emptied by a run that failed."""

import shutil

import pytest

from customer_mart.cli import main, run_job
from tests.faults.damage import only_error
from tests.incremental.warehouse import FORGOTTEN, GAMES, JANUARY, WHEN, Warehouse


@FORGOTTEN
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


def test_a_merge_that_changes_no_row_leaves_those_of_the_run_before(warehouse: Warehouse) -> None:
    first = warehouse.last_run()
    warehouse.insert("stg_deposits", [("lost", "nobody", WHEN, 100)])
    assert warehouse.run(JANUARY) == 0
    assert warehouse.last_run()["touched_customers"] == 1
    assert warehouse.last_run()["rows_of"] == {"dim_customer": first["run_id"]}
    assert warehouse.run(JANUARY) == 0


@FORGOTTEN
@pytest.mark.parametrize(
    ("table", "command"),
    [
        ("dim_customer", ["erase", "--user-id", "u1"]),
        ("customer_ltv_scoring", ["maintain"]),
        ("quarantine", ["maintain"]),
    ],
)
def test_an_older_copy_is_not_trusted_once_other_commits_bring_it_to_the_version_on_record(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str], table: str, command: list[str]
) -> None:
    where, backup = ["--mart", str(warehouse.mart)], warehouse.folder / "backup"
    shutil.copytree(warehouse.mart / table, backup)
    first = warehouse.last_run()
    warehouse.insert("stg_deposits", [("new", "u0", WHEN, 100), ("bad", "u0", WHEN, -1)])
    assert warehouse.run(JANUARY) == 0
    second = warehouse.last_run()
    # A run that leaves the tables as they are puts on record whose rows they hold.
    assert warehouse.run(JANUARY) == 0
    assert warehouse.last_run()["rows_of"][table] == second["run_id"]

    shutil.rmtree(warehouse.mart / table)
    backup.rename(warehouse.mart / table)
    warehouse.forget_logs()
    assert main([command[0], *where, *command[1:]]) == 0
    assert warehouse.version(table) >= second["target_versions"][table]
    told = f"it has the rows of run {first['run_id']}, not of run {second['run_id']}"
    capsys.readouterr()
    assert main(["status", *where, "--max-age-hours", "1000000"]) == 3
    assert told in only_error(capsys)
    assert warehouse.run(JANUARY) == 3
    assert f"{table} was changed since the last run: {told}" in only_error(capsys)
    assert warehouse.run(JANUARY, "auto") == 0
    assert warehouse.last_run()["mode"] == "full"
    assert warehouse.run(JANUARY) == 0
