"""How many files incremental runs leave behind: no more, however many runs there are.

FILE_COUNT_RUNS=50 tries that many; the suite has no time for them.
"""

import os

import pytest

from customer_mart.cli import main
from tests.frames import utc
from tests.incremental.warehouse import FEBRUARY, USERS, WHEN, Warehouse

RUNS = int(os.environ.get("FILE_COUNT_RUNS", "2"))
# Three more signup dates beside the one that the warehouse begins with.
LATER = [
    (f"later{day}{name}", utc(f"2024-11-0{day} 00:00:00"), "UK")
    for day in (2, 3, 4)
    for name in "ab"
]
DATES = 4
COMPACT_ALL = ["--set", "maintenance.max_files_per_partition=1"]


def _files(warehouse: Warehouse, table: str) -> int:
    return len(warehouse.table(table).inputFiles())


@pytest.mark.slow
def test_incremental_runs_leave_one_file_a_date_and_maintenance_one_of_the_record(
    warehouse: Warehouse,
) -> None:
    warehouse.insert("stg_signups", LATER)
    assert warehouse.run(FEBRUARY, "full") == 0
    recorded = _files(warehouse, "mart_runs")
    quarantined, moves = (
        _files(warehouse, "quarantine"),
        _files(warehouse, "customer_tier_changes"),
    )
    for number in range(RUNS):
        # A customer of every date, another one each time.
        users = [
            f"u{number % len(USERS)}",
            *(f"later{day}{'ab'[number % 2]}" for day in (2, 3, 4)),
        ]
        warehouse.insert("stg_deposits", [(f"n{number}{u}", u, WHEN, 100) for u in users])
        assert warehouse.run(FEBRUARY) == 0
        assert warehouse.last_run()["touched_customers"] == len(users)
        assert _files(warehouse, "dim_customer") == DATES
        assert _files(warehouse, "customer_ltv_scoring") == DATES
        assert _files(warehouse, "quarantine") == quarantined
        # Tables that runs only add to have a file more a run until maintenance.
        assert _files(warehouse, "mart_runs") == recorded + number + 1
        assert _files(warehouse, "customer_tier_changes") <= moves + number + 1
    # A newcomer to a date of which nobody else was touched is a file of its own, but for scores.
    late = utc("2024-11-02 00:00:00")
    warehouse.insert("stg_signups", [("late", late, "UK")])
    assert warehouse.run(FEBRUARY) == 0
    assert _files(warehouse, "dim_customer") == DATES + 1
    assert _files(warehouse, "customer_ltv_scoring") == DATES
    assert main(["maintain", "--mart", str(warehouse.mart), *COMPACT_ALL]) == 0
    assert _files(warehouse, "mart_runs") == 1
    assert _files(warehouse, "customer_tier_changes") == 1
    assert _files(warehouse, "dim_customer") == DATES
