"""A driver killed for real at a named point: tables stay whole, and the next run makes it good."""

import json
import os
import signal
import subprocess
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from threading import Timer

import pytest

from customer_mart.cli import main
from tests.incremental.warehouse import ALL_DIRT, ANY_SHARE, JANUARY, WHEN, Warehouse
from tests.processes import hit_at, killed_at, started

pytestmark = pytest.mark.classic("kills a driver and its session with it")

PIPELINE, RECORDING = "customer_mart.pipeline", "customer_mart.recording"


# Where a run has not yet published these.
BEFORE_DIM = ("require_sound_sources",)
BEFORE_SCORES = (*BEFORE_DIM, "publish_scoring")


def _build(warehouse: Warehouse, *flags: str) -> list[str]:
    """The command that builds the mart."""
    places = ["--sources", str(warehouse.sources), "--mart", str(warehouse.mart)]
    limits = ["--set", ALL_DIRT, "--set", ANY_SHARE, "--as-of", JANUARY.isoformat()]
    return ["build", *places, *limits, *flags]


def _kill(run: subprocess.Popen[str]) -> None:
    """Ends a run and its engine at once."""
    os.killpg(run.pid, signal.SIGKILL)
    _, errors = run.communicate()
    assert run.returncode == -signal.SIGKILL, errors


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "point", "mode"),
    [
        (PIPELINE, "require_sound_sources", "incremental"),
        (PIPELINE, "publish_scoring", "incremental"),
        (PIPELINE, "publish_tier_changes", "incremental"),
        (RECORDING, "append_run", "incremental"),
        (PIPELINE, "publish_scoring", "full"),
        (RECORDING, "append_run", "full"),
    ],
)
def test_a_killed_driver_leaves_whole_tables_and_the_next_run_converges(
    warehouse: Warehouse, module: str, point: str, mode: str
) -> None:
    before = warehouse.published()
    runs = warehouse.table("mart_runs").count()
    warehouse.insert("stg_deposits", [("new", "u0", WHEN, 100), ("lost", "nobody", WHEN, 1)])
    expected = warehouse.rebuilt(JANUARY)
    assert expected.customer_ltv_scoring != before.customer_ltv_scoring
    killed_at(f"{module}:{point}", *_build(warehouse, "--mode", mode))

    found = warehouse.published()
    assert found.quarantine == expected.quarantine != before.quarantine
    dim = before if point in BEFORE_DIM else expected
    assert found.dim_customer == dim.dim_customer
    scores = before if point in BEFORE_SCORES else expected
    assert found.customer_ltv_scoring == scores.customer_ltv_scoring
    assert warehouse.table("mart_runs").count() == runs

    assert warehouse.run(JANUARY, "auto") == 0
    assert "was changed since the last run" in warehouse.last_run()["rebuild_reason"]
    assert warehouse.published() == expected
    # The moves by the scores of the killed run, if it got there, are told as those of others.
    published = _runs(warehouse, "customer_ltv_scoring")
    assert _runs(warehouse, "customer_tier_changes") == published
    assert len(published) == (2 if point in BEFORE_SCORES else 3)
    # And from there on incrementally.
    assert warehouse.run(JANUARY, "incremental") == 0
    assert warehouse.last_run()["touched_customers"] == 0


def _runs(warehouse: Warehouse, table: str) -> list[str]:
    """The runs whose commits a table has, in order."""
    history = warehouse.spark.sql(f"DESCRIBE HISTORY delta.`{warehouse.mart / table}`")
    said = history.where("userMetadata IS NOT NULL").orderBy("version").collect()
    return [json.loads(row["userMetadata"])["run_id"] for row in said]


@pytest.mark.slow
def test_drivers_killed_while_they_write_leave_files_that_only_maintenance_sees(
    warehouse: Warehouse,
) -> None:
    before, version = warehouse.published(), warehouse.version("dim_customer")
    # A date and so a file for each of them: the write goes on for long after the first is there.
    new = [(f"new{days}", WHEN - timedelta(days=days), "UK") for days in range(100)]
    warehouse.insert("stg_signups", new)
    committed = _data_files(warehouse)
    # One in its merge, and then one in its overwrite.
    for mode in ("incremental", "full"):
        left = _data_files(warehouse)
        run = started("-m", "customer_mart.cli", *_build(warehouse, "--mode", mode))
        while _data_files(warehouse) == left:
            assert run.poll() is None
            time.sleep(0.01)
        _kill(run)
        assert 0 < len(_data_files(warehouse) - left) < len(new)
        assert warehouse.version("dim_customer") == version
        found = warehouse.published()
        assert found.dim_customer == before.dim_customer
        assert found.customer_ltv_scoring == before.customer_ltv_scoring

    orphans = _data_files(warehouse) - committed
    # They had published quarantine by then, so that the next run rebuilds.
    assert warehouse.run(JANUARY, "auto") == 0
    expected = warehouse.rebuilt(JANUARY)
    assert warehouse.published() == expected
    assert orphans < _data_files(warehouse)
    assert (warehouse.mart / "_staging").exists()
    keep_nothing = ["--set", "maintenance.retention_hours=0"]
    keep_nothing += ["--set", "maintenance.keep_last_run=false"]
    assert main(["maintain", "--mart", str(warehouse.mart), *keep_nothing]) == 0
    assert not orphans & _data_files(warehouse)
    assert not (warehouse.mart / "_staging").exists()
    assert warehouse.published() == expected


def _data_files(warehouse: Warehouse) -> set[Path]:
    """The files of dim_customer, committed or not."""
    return set((warehouse.mart / "dim_customer").glob("signup_date=*/*.parquet"))


@pytest.mark.slow
def test_a_second_run_is_told_of_the_first_and_goes_on_when_that_is_killed(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    before = warehouse.published()
    warehouse.insert("stg_deposits", [("new", "u0", WHEN, 100)])
    incremental = _build(warehouse, "--mode", "incremental")
    first = hit_at(f"{PIPELINE}:merge_dim_customer", "SIGSTOP", *incremental)
    state = os.waitid(os.P_PID, first.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    assert state is not None
    assert state.si_code == os.CLD_STOPPED

    assert warehouse.run(JANUARY) == 1
    [error] = capsys.readouterr().err.strip().splitlines()
    assert f"in use by a build of customer_mart (process {first.pid} on " in error
    found = warehouse.published()
    assert found.dim_customer == before.dim_customer
    assert found.customer_ltv_scoring == before.customer_ltv_scoring

    killed: list[datetime] = []

    def kill() -> None:
        killed.append(datetime.now(tz=timezone.utc))
        _kill(first)

    Timer(2, kill).start()
    assert warehouse.run(JANUARY, "auto", "--set", "mart.wait_seconds=60") == 0
    assert warehouse.last_run()["started_at"].astimezone(timezone.utc) > killed[0]
    assert warehouse.published() == warehouse.rebuilt(JANUARY)
    # What the killed run left is no obstacle: the lock was free without anybody's doing.
    assert (warehouse.mart / "_run.lock").exists()
    assert not (warehouse.mart / "_run.holder").exists()
