from decimal import Decimal

import pytest
from pyspark.sql import SparkSession

from customer_mart.errors import DataError, GaveWayError
from customer_mart.fingerprint import package_version
from customer_mart.publish.checks import Check
from customer_mart.publish.run_record import RunRecord, append_run, source_rows_before
from customer_mart.staging.balance import Balance
from tests.frames import utc
from tests.publish.conftest import CopyOf

AS_OF, STARTED = utc("2025-01-01 00:00:00"), utc("2025-01-02 03:00:00.000001")


def _record(run_id: str, *balances: Balance) -> RunRecord:
    return RunRecord(run_id, AS_OF, "full", "abc", STARTED, balances=list(balances))


def _attempt(record: RunRecord, error: Exception) -> None:
    with record.undone_if_it_gives_way():
        record.balances.append(Balance("stg_signups", {"read": 2}, {}))
        record.warnings["keys_of_other_users"] = 1
        raise error


def test_an_attempt_that_gives_way_leaves_nothing_on_record() -> None:
    games = Balance("stg_games", {"read": 1}, {})
    record = _record("run-1", games)
    with pytest.raises(GaveWayError):
        _attempt(record, GaveWayError())
    assert (record.balances, record.warnings) == ([games], {})


def test_an_attempt_that_fails_leaves_on_record_how_far_it_came() -> None:
    record = _record("run-1")
    with pytest.raises(DataError):
        _attempt(record, DataError())
    assert [balance.source for balance in record.balances] == ["stg_signups"]
    assert record.warnings == {"keys_of_other_users": 1}


def test_a_record_is_a_row_that_tells_everything_the_run_did() -> None:
    record = _record(
        "run-1",
        Balance(
            "stg_deposits",
            {"read": 3, "used": 2, "NULL_KEY": 1},
            {"read": Decimal("5.00"), "used": Decimal("4.00")},
        ),
        Balance("stg_games", {"read": 1, "used": 1}, {}),
    )
    record.source_versions["stg_deposits"] = 7
    record.source_ids["stg_deposits"] = "id-1"
    record.rebuild_reason = "no successful run is on record"
    record.target_versions["dim_customer"] = 3
    record.checks.append(Check("dim_customer.total.rows", passed=False, found="1", expected="2"))
    record.warnings["purchases_before_signup"] = 4
    record.durations["sources"] = 0.5
    record.source_rows["stg_deposits"] = 3
    record.ledger = "id-2@4"
    record.rows_of["quarantine"] = "run-0"
    assert record.row(utc("2025-01-02 03:05:00"), "Check failed", "4.2.0") == {
        "run_id": "run-1",
        "as_of": AS_OF,
        "mode": "full",
        "status": "failed",
        "error": "Check failed",
        "settings_hash": "abc",
        "source_versions": {"stg_deposits": 7},
        "target_versions": {"dim_customer": 3},
        "reconciliation": [
            {
                "source": "stg_deposits",
                "disposition": "read",
                "rows": 3,
                "amount": Decimal("5.00"),
            },
            {
                "source": "stg_deposits",
                "disposition": "used",
                "rows": 2,
                "amount": Decimal("4.00"),
            },
            {"source": "stg_deposits", "disposition": "NULL_KEY", "rows": 1, "amount": None},
            {"source": "stg_games", "disposition": "read", "rows": 1, "amount": None},
            {"source": "stg_games", "disposition": "used", "rows": 1, "amount": None},
        ],
        "checks": [
            {
                "name": "dim_customer.total.rows",
                "passed": False,
                "found": "1",
                "expected": "2",
            }
        ],
        "warnings": {"purchases_before_signup": 4},
        "durations": {"sources": 0.5},
        "started_at": STARTED,
        "finished_at": utc("2025-01-02 03:05:00"),
        "package_version": package_version(),
        "spark_version": "4.2.0",
        "source_ids": {"stg_deposits": "id-1"},
        "rebuild_reason": "no successful run is on record",
        "touched_customers": None,
        "source_rows": {"stg_deposits": 3},
        "ledger": "id-2@4",
        "rows_of": {"quarantine": "run-0"},
    }


def test_a_run_without_an_error_succeeded() -> None:
    row = _record("run-1").row(STARTED, None, "4.2.0")
    assert (row["status"], row["error"]) == ("succeeded", None)


def test_source_rows_before_are_those_of_the_last_run_that_succeeded_and_counted(
    spark: SparkSession, copy_of: CopyOf
) -> None:
    runs = copy_of("mart_runs")
    assert source_rows_before(spark, runs) == {}
    first = _record(
        "run-1",
        Balance("stg_games", {"read": 8, "used": 7, "NULL_KEY": 1}, {}),
        Balance("stg_deposits", {"read": 3, "used": 3}, {"read": Decimal("5.00")}),
    )
    first.source_rows = {"stg_games": 8, "stg_deposits": 3}
    append_run(spark, runs, first, utc("2025-01-02 03:01:00"))
    assert source_rows_before(spark, runs) == {"stg_games": 8, "stg_deposits": 3}
    second = _record("run-1b", Balance("stg_games", {"read": 2, "used": 2}, {}))
    second.mode, second.source_rows = "incremental", {"stg_games": 9, "stg_deposits": 4}
    append_run(spark, runs, second, utc("2025-01-02 04:01:00"))
    failed = _record("run-2", Balance("stg_games", {"read": 0}, {}))
    failed.source_rows = {"stg_games": 0}
    append_run(spark, runs, failed, utc("2025-01-03 03:01:00"), "Source stg_games is empty")
    append_run(spark, runs, _record("run-3"), utc("2025-01-04 03:01:00"))
    append_run(spark, runs, _record("run-4"), utc("2025-01-05 03:01:00"), "")
    assert source_rows_before(spark, runs) == {"stg_games": 9, "stg_deposits": 4}
    written = runs.read(spark).orderBy("run_id").collect()
    assert [(row["run_id"], row["status"], row["error"]) for row in written] == [
        ("run-1", "succeeded", None),
        ("run-1b", "succeeded", None),
        ("run-2", "failed", "Source stg_games is empty"),
        ("run-3", "succeeded", None),
        ("run-4", "failed", ""),
    ]
    [line] = [r for r in written[0]["reconciliation"] if r["amount"] is not None]
    assert (line["source"], line["rows"], line["amount"]) == ("stg_deposits", 3, Decimal("5.00"))
    assert written[0]["spark_version"] == spark.version
