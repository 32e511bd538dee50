"""Data files that are truncated or gone: one sentence names the table and the file."""

import pytest

from customer_mart.cli import run_job
from tests.faults.damage import (
    SOURCES_ARE_OPEN,
    damaged,
    delete,
    files_of,
    nothing_published,
    once_at,
    only_error,
    truncate,
)
from tests.incremental.warehouse import FEBRUARY, JANUARY, WHEN, Warehouse
from tests.jobs.handful import deliver_good
from tests.jobs.operator_data import Operator, comparable


@pytest.mark.slow
def test_a_damaged_file_of_a_delta_source_is_named_until_it_is_repaired(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    [file] = files_of(warehouse.spark, warehouse.sources / "stg_deposits")
    warehouse.insert("stg_deposits", [("new", "u0", WHEN, 100)])
    told = f"customer-mart: Source stg_deposits: its file {file} cannot be read, being damaged"
    for damage, mode in ((truncate, "full"), (delete, "auto")):
        with damaged(file, damage), nothing_published(warehouse):
            assert warehouse.run(JANUARY, mode) == 3
            assert only_error(capsys).startswith(told)
            assert warehouse.last_run()["status"] == "failed"
    assert warehouse.run(JANUARY, "auto") == 0
    assert warehouse.published() == warehouse.rebuilt(JANUARY)


@pytest.mark.slow
def test_a_damaged_file_of_a_parquet_source_is_named_until_it_is_repaired(
    operator: Operator,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deliver_good(operator)
    assert operator.build() == 0
    before = comparable(operator, "dim_customer")
    version = operator.version("dim_customer")
    [file] = files_of(operator.spark, operator.sources / "stg_deposits")
    with damaged(file, truncate):
        assert operator.build() == 3
        told = f"Source stg_deposits at {file.parent} cannot be read as parquet: "
        assert told in only_error(capsys)
    # A file that is gone before the run starts is missed by nobody.
    with damaged(file, lambda _: None):
        once_at(monkeypatch, SOURCES_ARE_OPEN, file.unlink)
        assert operator.build() == 3
        told = f"Source stg_deposits: its file {file} cannot be read, being damaged or gone"
        assert told in only_error(capsys)
    assert operator.version("dim_customer") == version
    assert operator.build() == 0
    assert comparable(operator, "dim_customer") == before


@pytest.mark.slow
def test_a_damaged_file_of_dim_customer_is_made_good_by_a_rebuild(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    [file] = files_of(warehouse.spark, warehouse.mart / "dim_customer")
    warehouse.insert("stg_deposits", [("new", "u0", WHEN, 100)])
    truncate(file)
    told = f"The table dim_customer: its file {file} cannot be read, being damaged or gone"
    with nothing_published(warehouse):
        assert warehouse.run(JANUARY, "incremental") == 3
        assert told in (error := only_error(capsys))
        assert error.endswith("; rebuild it with --mode full")
        assert run_job("customer_ltv_scoring", ["--mart", str(warehouse.mart)]) == 3
        assert told in only_error(capsys)
    assert warehouse.run(JANUARY, "full") == 0
    assert warehouse.published() == warehouse.rebuilt(JANUARY)


@pytest.mark.slow
def test_a_damaged_file_of_quarantine_is_made_good_by_the_next_run(warehouse: Warehouse) -> None:
    warehouse.insert("stg_deposits", [("lost", "nobody", WHEN, 1)])
    assert warehouse.run(JANUARY) == 0
    [file] = files_of(warehouse.spark, warehouse.mart / "quarantine")
    warehouse.insert("stg_deposits", [("new", "u0", WHEN, 100)])
    truncate(file)
    with nothing_published(warehouse):
        assert warehouse.run(JANUARY, "incremental") == 3
    assert warehouse.run(JANUARY, "auto") == 0
    _was_rebuilt_for(warehouse, "a file of quarantine cannot be read, being damaged or gone")
    assert warehouse.published() == warehouse.rebuilt(JANUARY)


@pytest.mark.slow
def test_a_damaged_file_of_dim_customer_is_made_good_when_only_time_has_passed(
    warehouse: Warehouse,
) -> None:
    [file] = files_of(warehouse.spark, warehouse.mart / "dim_customer")
    delete(file)
    assert warehouse.run(FEBRUARY, "auto") == 0
    _was_rebuilt_for(warehouse, "a file of dim_customer cannot be read, being damaged or gone")
    assert warehouse.published() == warehouse.rebuilt(FEBRUARY)


def _was_rebuilt_for(warehouse: Warehouse, reason: str) -> None:
    """The last run began as an incremental one, and tells nothing of that but the reason."""
    last = warehouse.last_run()
    assert (last["mode"], last["rebuild_reason"]) == ("full", reason)
    assert last["touched_customers"] is None
    lines = [(line["source"], line["disposition"]) for line in last["reconciliation"]]
    assert len(lines) == len(set(lines))


@pytest.mark.slow
def test_a_damaged_file_of_the_scores_is_made_good_by_a_rebuild(warehouse: Warehouse) -> None:
    [file] = files_of(warehouse.spark, warehouse.mart / "customer_ltv_scoring")
    truncate(file)
    # Who moved from the damaged version cannot be told; later runs do not ask again.
    assert warehouse.run(JANUARY, "full") == 0
    assert warehouse.last_run()["warnings"]["tier_comparisons_not_possible"] == 1
    assert warehouse.table("customer_tier_changes").isEmpty()
    assert warehouse.published() == warehouse.rebuilt(JANUARY)
    assert warehouse.run(JANUARY, "full") == 0
    assert "tier_comparisons_not_possible" not in warehouse.last_run()["warnings"]


@pytest.mark.classic("empties the engine's memory of Delta logs")
@pytest.mark.slow
def test_a_damaged_record_of_runs_is_moved_away(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    before = warehouse.published()
    runs = warehouse.mart / "mart_runs"
    [file] = files_of(warehouse.spark, runs)
    truncate(file)
    with nothing_published(warehouse):
        assert warehouse.run(JANUARY, "auto") == 3
    told = f"The table mart_runs: its file {file} cannot be read, being damaged or gone; restore"
    assert told in (error := only_error(capsys))
    assert f"or move {runs} away and the next run creates it anew" in error
    runs.rename(warehouse.folder / "away")
    warehouse.forget_logs()
    assert warehouse.run(JANUARY, "auto") == 0
    assert warehouse.last_run()["rebuild_reason"] == "no successful run is on record"
    assert warehouse.published() == before
