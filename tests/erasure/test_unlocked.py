"""Customers erased beside a run: where a mart can have a lock that does not happen."""

import pytest

from customer_mart.cli import main
from customer_mart.erasure.ledger import enter
from customer_mart.settings import load_settings
from tests.faults.damage import DIM_IS_PUBLISHED, SOURCES_ARE_OPEN, once_at, only_error
from tests.frames import utc
from tests.jobs.operator_data import Operator

ENTERED = "The ledger of erased customers was written to while this run worked"
SCORES_ARE_PUBLISHED = "publish_tier_changes"
USERS = ("u1", "u2", "u3", "u4")


def test_a_run_that_an_erasure_overtakes_fails_and_the_next_one_leaves_the_customer_out(
    operator: Operator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    signups = [(user_id, utc("2024-11-01 00:00:00"), "UK") for user_id in USERS]
    operator.deliver("stg_signups", signups)
    operator.deliver_nothing_else()
    settings = load_settings(None, [], {"mart": str(operator.mart)})

    def enters(user_id: str) -> None:
        """As an erasure does, once it has the lock."""
        assert enter(operator.spark, settings, [user_id], f"request-{user_id}") == 1

    empty = operator.version("dim_customer")
    once_at(monkeypatch, SOURCES_ARE_OPEN, lambda: enters("u1"))
    assert operator.build() == 1
    assert ENTERED in only_error(capsys)
    assert operator.version("dim_customer") == empty

    once_at(monkeypatch, SCORES_ARE_PUBLISHED, lambda: enters("u2"))
    assert operator.build() == 1
    assert ENTERED in only_error(capsys)
    assert "u2" in {row["user_id"] for row in operator.rows("dim_customer")}

    # That u2 is gone is a move, not to be told by a run that does not know of u3.
    once_at(monkeypatch, DIM_IS_PUBLISHED, lambda: enters("u3"))
    assert operator.build() == 1
    assert ENTERED in only_error(capsys)
    assert "u3" in {row["user_id"] for row in operator.rows("customer_ltv_scoring")}
    assert operator.table("customer_tier_changes").isEmpty()

    assert operator.build() == 0
    assert operator.last_run()["mode"] == "full"
    for table in ("dim_customer", "customer_ltv_scoring"):
        left = {row["user_id"] for row in operator.rows(table)}
        assert left == {"u4"}
    assert operator.table("customer_tier_changes").isEmpty()


def test_an_erasure_that_finds_its_own_entry_gone_says_what_to_do(
    operator: Operator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("customer_mart.erasure.erase.erased_customers", lambda *_: None)
    assert main(["erase", "--mart", str(operator.mart), "--user-id", "u1"]) == 3
    told = only_error(capsys)
    assert "The ledger erased_customers is empty although customers were entered" in told
    assert told.strip().endswith("then erase the same customers again")
