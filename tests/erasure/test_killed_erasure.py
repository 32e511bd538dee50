"""An erasure killed for real between its steps: nobody is forgotten, and nobody comes back."""

from decimal import Decimal

import pytest

from customer_mart.cli import main
from tests.erasure.files import tables_that_hold
from tests.incremental.warehouse import JANUARY, WHEN, Mart, Warehouse
from tests.processes import killed_at

pytestmark = [pytest.mark.classic("kills a driver and its session with it"), pytest.mark.slow]

ERASED = "erase-me-4711"
MODULE, LEDGER = "customer_mart.erasure.erase", "customer_mart.erasure.ledger"


def _without(mart: Mart) -> Mart:
    """What a mart publishes, but for the customer."""
    dim, scores = (
        [row for row in rows if row["user_id"] != ERASED]
        for rows in (mart.dim_customer, mart.customer_ltv_scoring)
    )
    return Mart(dim, scores, [row for row in mart.quarantine if row[2] != ERASED])


def test_an_erasure_killed_between_its_steps_is_finished_by_the_next_run_and_the_next_erasure(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    warehouse.insert("stg_signups", [(ERASED, WHEN, "UK")])
    warehouse.insert("stg_deposits", [("d", ERASED, WHEN, 500), ("bad", ERASED, WHEN, -1)])
    warehouse.insert("stg_ticket_purchases", [("p", ERASED, "big", WHEN, Decimal("5.00"))])
    assert warehouse.run(JANUARY, "auto") == 0
    before = warehouse.published()
    others = _without(before)
    assert others != before
    erase = ["erase", "--mart", str(warehouse.mart), "--user-id", ERASED]
    ever = "status.max_age_hours=1000000"
    status = ["status", "--mart", str(warehouse.mart), "--set", ever]

    # The ledger made and given its salt, and nobody in it yet: nothing was asked for.
    killed_at(f"{LEDGER}:salted_hash_of", *erase)
    assert warehouse.published() == before
    assert warehouse.table("erased_customers").isEmpty()
    assert main(status) == 0

    # In the ledger, and still everywhere.
    killed_at(f"{MODULE}:erased_customers", *erase)
    assert warehouse.published() == before
    assert main(status) == 3

    # Gone from dim_customer, and from nowhere else.
    killed_at(f"{MODULE}:drop_deleted_rows", *erase)
    found = warehouse.published()
    assert found.dim_customer == others.dim_customer
    assert found.customer_ltv_scoring == before.customer_ltv_scoring
    assert found.quarantine == before.quarantine
    capsys.readouterr()
    assert main(status) == 3
    assert "An erasure did not come to its end" in capsys.readouterr().err
    assert warehouse.run(JANUARY, "auto") == 0
    assert warehouse.last_run()["rebuild_reason"].startswith("an erasure did not come to its end")
    assert warehouse.published() == others

    # Gone from every table, and not yet from old files.
    killed_at(f"{MODULE}:_purge", *erase, "--purge")
    assert main(status) == 3
    assert warehouse.run(JANUARY, "auto") == 0
    assert warehouse.published() == others
    assert main([*erase, "--purge"]) == 0
    assert tables_that_hold(warehouse.mart, ERASED) == set()
    assert [row["erased_at"] is None for row in warehouse.table("erased_customers").collect()] == [
        False
    ]
    assert main(status) == 0
    assert warehouse.run(JANUARY, "incremental") == 0
    assert warehouse.published() == others
