"""Customers taken out of the ledger again: the next run is a rebuild, which has them."""

import re
import shutil
from pathlib import Path

import pytest

from customer_mart.cli import main
from tests.faults.damage import only_error
from tests.incremental.warehouse import FORGOTTEN, JANUARY, USERS, Mart, Warehouse

CHANGED = "the ledger of erased customers was changed since the last run: version "


def test_a_customer_who_is_taken_out_of_the_ledger_is_back_by_the_next_run(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    before = warehouse.published()
    for user_id in ("u1", "never seen"):
        assert main(["erase", "--mart", str(warehouse.mart), "--user-id", user_id]) == 0
        # Whom an erasure enters is no reason to rebuild, though the last run knew of others.
        assert warehouse.run(JANUARY, "incremental") == 0
    assert warehouse.table("dim_customer").where("user_id = 'u1'").isEmpty()

    request = min(row["request_id"] for row in warehouse.table("erased_customers").collect())
    _taken_out(warehouse, request)
    _is_rebuilt(warehouse, capsys, CHANGED, "is a DELETE; use --mode auto or full")
    assert warehouse.published() == before
    assert warehouse.run(JANUARY, "incremental") == 0


def test_a_ledger_that_was_restored_is_missed(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = f"delta.`{warehouse.mart / 'erased_customers'}`"
    before = warehouse.version("erased_customers")
    assert main(["erase", "--mart", str(warehouse.mart), "--user-id", "u1"]) == 0
    warehouse.spark.sql(f"RESTORE TABLE {ledger} TO VERSION AS OF {before}")
    capsys.readouterr()
    for mode in ("incremental", "full"):
        assert warehouse.run(JANUARY, mode) == 3
        assert "was restored to an older version (in version " in only_error(capsys)
    assert warehouse.table("dim_customer").where("user_id = 'u1'").isEmpty()


@FORGOTTEN
def test_a_copy_of_the_ledger_from_before_an_erasure_that_was_killed_is_missed(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger, backup = warehouse.mart / "erased_customers", warehouse.folder / "backup"
    assert main(["erase", "--mart", str(warehouse.mart), "--user-id", "u1"]) == 0
    shutil.copytree(ledger, backup)
    with monkeypatch.context() as killed:
        # Right after the customer was entered.
        killed.setattr("customer_mart.erasure.erase.erased_customers", _dies)
        assert main(["erase", "--mart", str(warehouse.mart), "--user-id", "u2"]) == 1
    assert warehouse.run(JANUARY, "auto") == 0
    before = warehouse.published()
    _ledger_gone(warehouse)
    backup.rename(ledger)
    capsys.readouterr()
    assert warehouse.run(JANUARY, "full") == 3
    assert "is an older copy of the one this mart had (version " in only_error(capsys)
    assert warehouse.published() == before


@FORGOTTEN
def test_of_the_first_erasure_of_a_mart_too_before_any_run_has_seen_its_ledger(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    before = _built_without_ledger(warehouse)
    assert main(["erase", "--mart", str(warehouse.mart), "--user-id", "u1"]) == 0
    [row] = warehouse.table("erased_customers").collect()
    _taken_out(warehouse, row["request_id"])
    _is_rebuilt(warehouse, capsys, CHANGED, "is a DELETE; use --mode auto or full")
    assert warehouse.published() == before


@FORGOTTEN
def test_an_erasure_whose_ledger_was_given_up_is_undone_by_the_next_run(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    before = _built_without_ledger(warehouse)
    assert main(["erase", "--mart", str(warehouse.mart), "--user-id", "u1"]) == 0
    runs = f"delta.`{warehouse.mart / 'mart_runs'}`"
    warehouse.spark.sql(f"ALTER TABLE {runs} UNSET TBLPROPERTIES ('customer_mart.ledger')")
    _ledger_gone(warehouse)
    told = "has changed dim_customer since, and no ledger tells of it"
    _is_rebuilt(warehouse, capsys, "erasure erase_", told)
    assert warehouse.published() == before


def test_a_request_whose_customers_nobody_knows_is_closed_as_the_page_says(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as killed:
        killed.setattr("customer_mart.erasure.erase.finish", _dies)
        assert main(["erase", "--mart", str(warehouse.mart), "--user-id", "u1"]) == 1
    [row] = warehouse.table("erased_customers").collect()
    assert main(["erase", "--mart", str(warehouse.mart), "--user-id", "u2"]) == 0
    assert warehouse.run(JANUARY, "incremental") == 3

    page = (Path(__file__).parents[2] / "docs" / "erasure.md").read_text(encoding="utf-8")
    [statement] = re.findall(r"    (UPDATE .*\n    WHERE .*)\n", page)
    statement = statement.replace("DIR", str(warehouse.mart)).replace(
        "'ID'", f"'{row.request_id}'"
    )
    warehouse.spark.sql(statement)
    assert warehouse.run(JANUARY, "auto") == 0
    customers = {row["user_id"] for row in warehouse.table("dim_customer").collect()}
    assert customers == set(USERS) - {"u1", "u2"}
    assert warehouse.run(JANUARY, "incremental") == 0


def _dies(*_: object) -> None:
    raise MemoryError


def _built_without_ledger(warehouse: Warehouse) -> Mart:
    """The mart as it is before its first erasure, which makes the ledger."""
    _ledger_gone(warehouse)
    assert warehouse.run(JANUARY, "full") == 0
    assert warehouse.last_run()["ledger"] is None
    return warehouse.published()


def _ledger_gone(warehouse: Warehouse) -> None:
    shutil.rmtree(warehouse.mart / "erased_customers")
    warehouse.forget_logs()


def _taken_out(warehouse: Warehouse, request: str) -> None:
    ledger = warehouse.mart / "erased_customers"
    warehouse.spark.sql(f"DELETE FROM delta.`{ledger}` WHERE request_id = '{request}'")


def _is_rebuilt(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str], begins: str, ends: str
) -> None:
    """An incremental run is refused for a reason, and the next one rebuilds for the same."""
    capsys.readouterr()
    assert warehouse.run(JANUARY, "incremental") == 3
    error = only_error(capsys)
    assert begins in error
    assert ends in error
    assert warehouse.run(JANUARY, "auto") == 0
    assert warehouse.last_run()["rebuild_reason"].startswith(begins)
