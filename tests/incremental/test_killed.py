"""A driver killed for real at a named point: tables stay whole, and the next run makes it good."""

import os
import signal
import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from threading import Timer

import pytest

from customer_mart.cli import main
from tests.incremental.warehouse import ALL_DIRT, ANY_SHARE, JANUARY, WHEN, Warehouse
from tests.processes import quick_environment

pytestmark = pytest.mark.classic("kills a driver and its session with it")

ROOT = Path(__file__).parents[2]
# Runs the command line with one function of the pipeline replaced by a signal to this process.
DRIVER = """
import os, signal, sys
from customer_mart import cli, pipeline

point, name = sys.argv[1:3]

def hit(*_args, **_kwargs):
    os.kill(os.getpid(), signal.Signals[name])

assert hasattr(pipeline, point)
setattr(pipeline, point, hit)
sys.exit(cli.main(sys.argv[3:]))
"""


def _started(driver: list[str], warehouse: Warehouse, *flags: str) -> subprocess.Popen[str]:
    """A run in a process of its own, of a group of its own together with the engine's."""
    places = ["--sources", str(warehouse.sources), "--mart", str(warehouse.mart)]
    limits = ["--set", ALL_DIRT, "--set", ANY_SHARE, "--as-of", JANUARY.isoformat()]
    line = [sys.executable, *driver, "build", *places, *limits, *flags]
    pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
    return subprocess.Popen(
        line,
        cwd=ROOT,
        env=quick_environment(),
        stdout=nothing,
        stderr=pipe,
        text=True,
        start_new_session=True,
    )


def _kill(run: subprocess.Popen[str]) -> None:
    """Ends a run and its engine at once."""
    os.killpg(run.pid, signal.SIGKILL)
    _, errors = run.communicate()
    assert run.returncode == -signal.SIGKILL, errors


def _killed_at(warehouse: Warehouse, point: str, mode: str) -> None:
    """A run that is killed when it gets to a function."""
    run = _started(["-c", DRIVER, point, "SIGKILL"], warehouse, "--mode", mode)
    _, errors = run.communicate()
    assert run.returncode == -signal.SIGKILL, errors


@pytest.mark.slow
@pytest.mark.parametrize(
    ("point", "mode"), [("publish_scoring", "incremental"), ("append_run", "full")]
)
def test_a_killed_driver_leaves_whole_tables_and_the_next_run_converges(
    warehouse: Warehouse, point: str, mode: str
) -> None:
    before = warehouse.published()
    runs = warehouse.table("mart_runs").count()
    warehouse.insert("stg_deposits", [("new", "u0", WHEN, 100), ("lost", "nobody", WHEN, 1)])
    expected = warehouse.rebuilt(JANUARY)
    assert expected.customer_ltv_scoring != before.customer_ltv_scoring
    _killed_at(warehouse, point, mode)

    found = warehouse.published()
    assert found.dim_customer == expected.dim_customer
    scores = before if point == "publish_scoring" else expected
    assert found.customer_ltv_scoring == scores.customer_ltv_scoring
    assert warehouse.table("mart_runs").count() == runs

    assert warehouse.run(JANUARY, "auto") == 0
    assert "was changed since the last run" in warehouse.last_run()["rebuild_reason"]
    assert warehouse.published() == expected
    # And from there on incrementally.
    assert warehouse.run(JANUARY, "incremental") == 0
    assert warehouse.last_run()["touched_customers"] == 0


@pytest.mark.slow
def test_a_driver_killed_while_it_writes_leaves_files_that_only_maintenance_sees(
    warehouse: Warehouse,
) -> None:
    before, version = warehouse.published(), warehouse.version("dim_customer")
    new = [(f"new{number}", WHEN, "UK") for number in range(200)]
    warehouse.insert("stg_signups", new)
    committed = _data_files(warehouse)
    # A file for each of them: the write goes on for long after the first is there.
    slowly = ("--set", "publish.max_records_per_file=1")
    run = _started(["-m", "customer_mart.cli"], warehouse, "--mode", "full", *slowly)
    while _data_files(warehouse) == committed:
        assert run.poll() is None
        time.sleep(0.01)
    _kill(run)
    orphans = _data_files(warehouse) - committed
    assert 0 < len(orphans) < len(new)
    assert warehouse.version("dim_customer") == version
    found = warehouse.published()
    assert found.dim_customer == before.dim_customer
    assert found.customer_ltv_scoring == before.customer_ltv_scoring

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
    at_its_first_commit = ["-c", DRIVER, "merge_dim_customer", "SIGSTOP"]
    first = _started(at_its_first_commit, warehouse, "--mode", "incremental")
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
