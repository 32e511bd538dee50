"""Claims in a Delta table, and leases by them."""

import json
import time
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from customer_mart.errors import MartError
from customer_mart.publish.claims_table import ClaimsTable
from customer_mart.publish.run_lease import Lease, run_lease
from customer_mart.publish.run_lock import claims_table
from customer_mart.settings.settings import Mart
from tests.publish.claimants import inside_and_most

pytestmark = pytest.mark.usefixtures("interpreting")

MART = "lottery.mart"
SOMEBODY = {"what": "build", "pid": 7, "host": "h's", "since": "noon"}


@pytest.fixture
def claims(spark: SparkSession, tmp_path: Path) -> ClaimsTable:
    return ClaimsTable(spark, claims_table(Mart(location=f"{tmp_path}/mart")))


def _names(claims: ClaimsTable) -> set[str]:
    return {row["name"] for row in claims.table.read(claims.spark).collect()}


def test_a_claim_is_there_for_whoever_looks_until_it_is_taken_away(claims: ClaimsTable) -> None:
    said = json.dumps({"what": 'it\'s a "build" \\'})
    claims.write("a's.json", said)
    first = claims.modified()
    claims.write("b.json", "{}")
    claims.write("a's.json", said)
    renewed = claims.modified()
    assert list(first) == ["a's.json"]
    assert set(renewed) == {"a's.json", "b.json"}
    assert first["a's.json"] < renewed["b.json"] < renewed["a's.json"]
    assert claims.read("a's.json") == said
    claims.delete("a's.json")
    assert claims.read("a's.json") is None
    assert set(claims.modified()) == {"b.json"}


def test_the_second_is_told_who_holds_the_mart_and_the_third_has_it_after_the_first(
    claims: ClaimsTable,
) -> None:
    told = r"^The mart lottery\.mart is in use by a build \(process 7 on h's since noon\), or was "
    with run_lease(claims, MART, SOMEBODY, 60, 0):
        with pytest.raises(MartError, match=told), run_lease(claims, MART, {}, 60, 0):
            pytest.fail("two hold the lease")
        assert len(_names(claims)) == 1
    with run_lease(claims, MART, {}, 60, 0):
        pass
    assert _names(claims) == set()


def test_a_claim_counts_for_as_long_as_it_says_itself(claims: ClaimsTable) -> None:
    killed = Lease(claims, {"lease_seconds": 8}, 8)
    assert killed.claim() is None
    claimed_at = time.monotonic()
    lease = Lease(claims, {"lease_seconds": 4}, 4)
    assert lease.claim() == {"lease_seconds": 8}
    assert _names(claims) == {killed.name}
    time.sleep(max(0, claimed_at + 9 - time.monotonic()))
    assert lease.claim() is None
    assert _names(claims) == {lease.name}


def test_a_claim_that_another_takes_away_first_is_held_for_now(
    claims: ClaimsTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = Lease(claims, {"lease_seconds": 0}, 4)
    assert killed.claim() is None
    time.sleep(0.1)
    lease = Lease(claims, {"lease_seconds": 4}, 4)
    delete = claims.spark.sql

    def conflicts(statement: str) -> object:
        if killed.name in statement:
            raise RuntimeError("another has deleted these files")
        return delete(statement)

    with monkeypatch.context() as patched:
        patched.setattr(claims.spark, "sql", conflicts)
        assert lease.claim() == {"lease_seconds": 0}
    assert lease.claim() is None


def test_a_lease_is_renewed_while_it_is_held(claims: ClaimsTable) -> None:
    with run_lease(claims, MART, SOMEBODY, 20, 0):
        [taken] = claims.modified().values()
        until = time.monotonic() + 120
        while max(claims.modified().values()) == taken:
            assert time.monotonic() < until
            time.sleep(0.5)
    assert _names(claims) == set()


def _hold_a_claim_that_is_taken_away(claims: ClaimsTable) -> None:
    with run_lease(claims, MART, SOMEBODY, 40, 0):
        [name] = claims.modified()
        claims.delete(name)
        time.sleep(60)


def test_a_run_whose_claim_was_passed_over_is_stopped(claims: ClaimsTable) -> None:
    with pytest.raises(MartError, match="This run was stopped: for 40 s it could not renew its"):
        _hold_a_claim_that_is_taken_away(claims)
    # Nor does the renewal that found it gone keep the next run from the mart.
    assert _names(claims) == set()


def test_of_several_that_want_it_at_once_each_has_it_alone(claims: ClaimsTable) -> None:
    def lease() -> AbstractContextManager[None]:
        return run_lease(claims, MART, SOMEBODY, 60, 120)

    assert inside_and_most(lease, 3, 0.5) == (0, 1)
