"""Customers taken out of the ledger again: the next run is a rebuild, which has them."""

import pytest

from customer_mart.cli import main
from tests.faults.damage import only_error
from tests.incremental.warehouse import JANUARY, Warehouse


def test_a_customer_who_is_taken_out_of_the_ledger_is_back_by_the_next_run(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    before = warehouse.published()
    for user_id in ("u1", "never seen"):
        assert main(["erase", "--mart", str(warehouse.mart), "--user-id", user_id]) == 0
        # Whom an erasure enters is no reason to rebuild, though the last run knew of others.
        assert warehouse.run(JANUARY, "incremental") == 0
    assert warehouse.table("dim_customer").where("user_id = 'u1'").isEmpty()

    ledger = warehouse.mart / "erased_customers"
    request = min(row["request_id"] for row in warehouse.table("erased_customers").collect())
    warehouse.spark.sql(f"DELETE FROM delta.`{ledger}` WHERE request_id = '{request}'")
    capsys.readouterr()
    assert warehouse.run(JANUARY, "incremental") == 3
    told = "the ledger of erased customers was changed since the last run: version "
    error = only_error(capsys)
    assert told in error
    assert "is a DELETE; run with --mode full or auto" in error
    assert warehouse.run(JANUARY, "auto") == 0
    assert warehouse.last_run()["rebuild_reason"].startswith(told)
    assert warehouse.published() == before
    assert warehouse.run(JANUARY, "incremental") == 0
