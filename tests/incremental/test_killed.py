"""A driver killed for real at a named point: tables stay whole, and the next run makes it good."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.incremental.warehouse import ALL_DIRT, ANY_SHARE, JANUARY, WHEN, Warehouse
from tests.processes import quick_environment

ROOT = Path(__file__).parents[2]
# Runs the command line with one function of the pipeline replaced by a kill of this process.
DRIVER = """
import os, signal, sys
from customer_mart import cli, pipeline

def kill(*_args, **_kwargs):
    os.kill(os.getpid(), signal.SIGKILL)

assert hasattr(pipeline, sys.argv[1])
setattr(pipeline, sys.argv[1], kill)
sys.exit(cli.main(sys.argv[2:]))
"""


def _killed_at(warehouse: Warehouse, point: str, mode: str) -> None:
    """A run in a process of its own that is killed when it gets to a function."""
    places = ["--sources", str(warehouse.sources), "--mart", str(warehouse.mart)]
    limits = ["--set", ALL_DIRT, "--set", ANY_SHARE]
    when = ["--as-of", JANUARY.isoformat(), "--mode", mode]
    line = [sys.executable, "-c", DRIVER, point, "build", *places, *limits, *when]
    done = subprocess.run(
        line, cwd=ROOT, capture_output=True, text=True, check=False, env=quick_environment()
    )
    assert done.returncode == -9, done.stderr


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
def test_a_driver_killed_before_its_first_commit_changes_nothing(warehouse: Warehouse) -> None:
    before = warehouse.published()
    warehouse.insert("stg_deposits", [("new", "u0", WHEN, 100)])
    _killed_at(warehouse, "merge_dim_customer", "incremental")
    found = warehouse.published()
    assert found.dim_customer == before.dim_customer
    assert found.customer_ltv_scoring == before.customer_ltv_scoring
    assert warehouse.run(JANUARY, "auto") == 0
    assert warehouse.published() == warehouse.rebuilt(JANUARY)
