"""Tier moves of real runs: one that fails before it has written them, one of a past day."""

import os
import shutil
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from customer_mart.cli import main
from tests.frames import utc
from tests.incremental.warehouse import FEBRUARY, JANUARY, Warehouse

NO_U0 = "CONSTRAINT no_u0 CHECK (user_id <> 'u0')"
LATE = utc("2025-01-31 00:00:00")


def _moves(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    rows = warehouse.table("customer_tier_changes").orderBy("run_id", "user_id").collect()
    return [tuple(map(_in_utc, row)) for row in rows]


def _in_utc(value: object) -> object:
    return value.astimezone(timezone.utc) if isinstance(value, datetime) else value


def _alter(warehouse: Warehouse, change: str) -> None:
    table = warehouse.mart / "customer_tier_changes"
    warehouse.spark.sql(f"ALTER TABLE delta.`{table}` {change}")


def _age(warehouse: Warehouse, days: int) -> None:
    """Makes every commit older than Delta lets a reader go back unasked."""
    then = (datetime.now(tz=timezone.utc) - timedelta(days=days)).timestamp()
    for commit in sorted(warehouse.mart.glob("*/_delta_log/*.json")):
        os.utime(commit, (then, then + int(commit.stem)))


def test_moves_that_a_failed_run_owes_are_made_good_and_each_is_there_once(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _moves(warehouse) == []  # the first publication moved nobody
    # In February u0 has bought for 545 dollars: 14/15 x 40 + 9/20 x 30 + 1.0 x 30 = 80.8333...
    bought = [(f"x{n}", "u0", "big", LATE, Decimal("60.00")) for n in range(9)]
    warehouse.insert("stg_ticket_purchases", bought)
    warehouse.insert("stg_signups", [("new", utc("2025-01-10 00:00:00"), "DE")])
    warehouse.change("DELETE FROM", "stg_signups", "WHERE user_id = 'u6'")
    _alter(warehouse, f"ADD {NO_U0}")
    assert warehouse.run(FEBRUARY) == 1
    failed = warehouse.last_run()["run_id"]
    assert warehouse.table("customer_ltv_scoring").where("user_id = 'new'").count() == 1
    assert _moves(warehouse) == []
    _alter(warehouse, "DROP CONSTRAINT no_u0")

    # The next run makes them good; it looks from January again, when new was still to come.
    assert warehouse.run(JANUARY, "auto") == 0
    back = warehouse.last_run()["run_id"]
    low, high = ("Standard", Decimal("25.00")), ("Diamond VIP", Decimal("80.83"))
    moves = [
        ("new", FEBRUARY, failed, None, "Standard", None, Decimal("22.00"), JANUARY),
        ("u0", FEBRUARY, failed, low[0], high[0], low[1], high[1], JANUARY),
        ("u6", FEBRUARY, failed, "Standard", None, Decimal("20.83"), None, JANUARY),
        ("new", JANUARY, back, "Standard", None, Decimal("22.00"), None, FEBRUARY),
        ("u0", JANUARY, back, high[0], low[0], high[1], low[1], FEBRUARY),
    ]
    assert _moves(warehouse) == moves
    assert warehouse.run(JANUARY, "full") == 0
    assert _moves(warehouse) == moves

    mart = ["--mart", str(warehouse.mart)]
    capsys.readouterr()
    assert main(["history", "--user-id", "u0", *mart]) == 0
    shown = capsys.readouterr().out
    assert shown.index("2025-02-01T00:00:00Z") < shown.rindex("2025-01-01T00:00:00Z")
    assert "As of 2025-01-01T00:00:00Z, u0 is in Standard with a score of 25.00." in shown
    assert main(["history", "--user-id", "new", *mart]) == 0
    assert "As of 2025-01-01T00:00:00Z, new is no customer any more." in capsys.readouterr().out
    assert main(["history", "--user-id", "u1", *mart]) == 0
    assert "u1 has not moved since the tier moves are on record" in capsys.readouterr().out
    assert main(["history", "--user-id", "nobody", *mart]) == 3
    assert "No customer nobody is or was in" in capsys.readouterr().err


def test_a_table_that_is_new_begins_with_what_can_still_be_read(warehouse: Warehouse) -> None:
    warehouse.insert("stg_signups", [("new", utc("2024-12-10 00:00:00"), "DE")])
    assert warehouse.run(JANUARY) == 0
    second = warehouse.last_run()["run_id"]
    came = ("new", JANUARY, second, None, "Standard", None, Decimal("22.00"), JANUARY)
    assert _moves(warehouse) == [came]
    # As in a mart that has rested since, and was built before there was such a table.
    _age(warehouse, days=10)
    shutil.rmtree(warehouse.mart / "customer_tier_changes")
    assert warehouse.run(FEBRUARY) == 0
    assert _moves(warehouse) == [came]
    # Lost when nothing else has changed, it is made again all the same.
    shutil.rmtree(warehouse.mart / "customer_tier_changes")
    scores = warehouse.version("customer_ltv_scoring")
    assert warehouse.run(FEBRUARY) == 0
    assert warehouse.version("customer_ltv_scoring") == scores
    assert _moves(warehouse) == [came]
    # With old files gone, the moves by the second publication cannot be told any more.
    shutil.rmtree(warehouse.mart / "customer_tier_changes")
    none = ["maintenance.retention_hours=0", "maintenance.keep_last_run=false"]
    flags = [flag for setting in none for flag in ("--set", setting)]
    assert main(["maintain", "--mart", str(warehouse.mart), *flags]) == 0
    assert warehouse.run(FEBRUARY, "full") == 0
    assert _moves(warehouse) == []
    assert warehouse.last_run()["warnings"]["tier_comparisons_not_possible"] == 2


def test_moves_that_a_restore_took_away_are_told_again_once(warehouse: Warehouse) -> None:
    came = {}
    for user in ("first", "second"):
        warehouse.insert("stg_signups", [(user, utc("2024-12-10 00:00:00"), "DE")])
        assert warehouse.run(JANUARY) == 0
        run_id = warehouse.last_run()["run_id"]
        came[user] = (user, JANUARY, run_id, None, "Standard", None, Decimal("22.00"), JANUARY)
        if user == "first":
            whole = warehouse.version("customer_tier_changes")
            place = f"delta.`{warehouse.mart / 'customer_tier_changes'}`"
            warehouse.spark.sql(f"DELETE FROM {place}")
    assert _moves(warehouse) == [came["second"]]
    warehouse.spark.sql(f"RESTORE TABLE {place} TO VERSION AS OF {whole}")
    assert _moves(warehouse) == [came["first"]]
    for _ in range(2):
        assert warehouse.run(JANUARY) == 0
        assert _moves(warehouse) == [came["first"], came["second"]]


@pytest.mark.classic("empties the engine's memory of Delta logs")
def test_scores_that_were_made_anew_tell_no_moves_and_a_warning_says_so(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(warehouse.mart / "customer_ltv_scoring")
    warehouse.forget_logs()
    warehouse.insert("stg_signups", [("new", utc("2024-12-10 00:00:00"), "DE")])
    capsys.readouterr()
    assert warehouse.run(JANUARY, "auto") == 0
    assert "customer_ltv_scoring was made anew" in capsys.readouterr().out
    assert warehouse.last_run()["warnings"]["tier_comparisons_not_possible"] == 1
    assert _moves(warehouse) == []
    # The next publication is compared as ever.
    warehouse.change("DELETE FROM", "stg_signups", "WHERE user_id = 'new'")
    assert warehouse.run(JANUARY) == 0
    run_id = warehouse.last_run()["run_id"]
    assert "tier_comparisons_not_possible" not in warehouse.last_run()["warnings"]
    left = ("new", JANUARY, run_id, "Standard", None, Decimal("22.00"), None, JANUARY)
    assert _moves(warehouse) == [left]
