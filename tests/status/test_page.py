"""The page of a small mart: well, stale, changed by hand, and left by a run that was killed."""

import shutil
from contextlib import suppress
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from customer_mart.cli import main
from customer_mart.errors import DataError, UnhealthyError
from customer_mart.publish.checks import Check
from customer_mart.publish.commit import commit_metadata, publish
from customer_mart.publish.history import newest_version
from customer_mart.publish.run_record import RunRecord, append_run
from customer_mart.publish.target import target
from customer_mart.settings import Settings, load_settings
from customer_mart.staging.balance import Balance
from customer_mart.status.facts import Facts, TableState
from customer_mart.status.page import _print_tables, print_status
from tests.frames import by_name, utc
from tests.publish.mart_rows import Row, customer, score

AS_OF, NOON = utc("2025-01-01 00:00:00"), utc("2025-01-01 12:00:00")


class SmallMart:
    """A mart of one customer whose runs are published by hand."""

    def __init__(self, spark: SparkSession, folder: Path) -> None:
        self.spark, self.folder = spark, folder
        self.settings: Settings = load_settings(None, [], {"mart": str(folder)})

    def publish(self, run_id: str, table: str, row: Row, **said: str) -> int:
        where = target(table, self.settings.mart)
        rows = by_name(self.spark, where.contract.ddl, [row])
        metadata = {**commit_metadata(run_id, AS_OF, "abc"), **said}
        order = [F.asc("user_id")]
        return publish(self.spark, rows, where, metadata, order=order, max_records_per_file=10)

    def record(self, record: RunRecord, finished: str, error: str | None = None) -> None:
        runs = target("mart_runs", self.settings.mart)
        append_run(self.spark, runs, record, utc(finished), error)


@pytest.fixture
def mart(spark: SparkSession, tmp_path: Path, empty_mart: Path) -> SmallMart:
    shutil.copytree(empty_mart, tmp_path / "mart")
    made = SmallMart(spark, tmp_path / "mart")
    dim = made.publish("r1", "dim_customer", customer())
    said = {"dim_customer_version": str(dim)}
    scores = made.publish("r1", "customer_ltv_scoring", score(), **said)
    record = RunRecord("r1", AS_OF, "full", "abc", utc("2025-01-01 03:00:00"))
    record.target_versions.update(dim_customer=dim, customer_ltv_scoring=scores)
    for table in ("quarantine", "customer_tier_changes"):
        record.target_versions[table] = newest_version(spark, target(table, made.settings.mart))
        record.rows_of[table] = None
    record.checks.append(Check("dim_customer.total.rows", passed=True, found="1", expected="1"))
    record.warnings["deposits_before_signup"] = 7
    rows = {"read": 8, "used": 6, "NULL_KEY": 1, "BAD_AMOUNT": 1}
    record.balances.append(Balance("stg_deposits", rows, {}))
    made.record(record, "2025-01-01 03:01:30")
    return made


def _cells(page: str, name: str) -> list[str]:
    """What stands in the last row of that name, from the left."""
    *_, line = (line for line in page.splitlines() if line.startswith(f"│ {name} "))
    return [cell.strip() for cell in line.strip("│").split("│")[1:]]


def test_a_healthy_mart_shows_its_last_run_its_tables_and_sources(
    mart: SmallMart, capsys: pytest.CaptureFixture[str]
) -> None:
    print_status(mart.spark, mart.settings, NOON)
    page = capsys.readouterr().out
    assert _cells(page, "run_id") == ["r1"]
    assert _cells(page, "status") == ["succeeded"]
    assert _cells(page, "took") == ["90 s"]
    assert _cells(page, "checks")[0] == "1 passed, 0 failed"
    assert _cells(page, "warnings")[0] == "deposits_before_signup 7"
    dim = _cells(page, "dim_customer")
    assert dim[2:] == ["1", "2025-01-01T00:00:00Z", "unchanged"]
    assert dim[0] == dim[1]
    assert _cells(page, "mart_runs")[1:] == ["", "1", "", ""]
    deposits = ["8", "2", "25.000%", "BAD_AMOUNT 1, NULL_KEY 1"]
    assert _cells(page, "stg_deposits") == deposits
    assert "Published as of 2025-01-01T00:00:00Z, 12.0 hours ago; at most 36 are allowed." in page
    assert page.endswith("Healthy.\nNext: nothing to do.\n")

    # By today's clock a mart of that day is stale, unless it may be.
    where = ["status", "--mart", str(mart.folder)]
    assert main(where) == 3
    told = capsys.readouterr()
    assert "Not healthy.\nNext: see why the scheduler started no run since" in told.out
    assert told.err.startswith("customer-mart: What is published is as of 2025-01-01T00:00:00Z")
    assert main([*where, "--max-age-hours", "1000000"]) == 0


def test_tables_that_are_not_as_the_last_run_left_them_are_told(
    mart: SmallMart, capsys: pytest.CaptureFixture[str]
) -> None:
    mart.publish("r2", "dim_customer", customer(country="DE"))
    with pytest.raises(UnhealthyError, match="dim_customer was changed by run r2, which is not"):
        print_status(mart.spark, mart.settings, NOON)
    failed = RunRecord("r2", AS_OF, "full", "abc", utc("2025-01-01 04:00:00"))
    mart.record(failed, "2025-01-01 04:02:00", "No space left on device")
    with pytest.raises(UnhealthyError, match="The last run, r2, failed: No space left on device"):
        print_status(mart.spark, mart.settings, NOON)
    page = capsys.readouterr().out
    assert _cells(page, "run_id")[-2:] == ["r2", "r1"]
    assert "dim_customer holds what the failed run r2 had published by then." in page
    scores = target("customer_ltv_scoring", mart.settings.mart).identifier
    mart.spark.sql(f"DELETE FROM {scores}")
    with pytest.raises(UnhealthyError):
        print_status(mart.spark, mart.settings, NOON)
    assert "customer_ltv_scoring was changed by something other" in capsys.readouterr().out


def test_what_a_failed_run_published_is_its_own_also_after_a_run_of_the_scores_alone(
    mart: SmallMart, capsys: pytest.CaptureFixture[str]
) -> None:
    mart.publish("r2", "dim_customer", customer(country="DE"))
    failed = RunRecord("r2", AS_OF, "full", "abc", utc("2025-01-01 04:00:00"))
    mart.record(failed, "2025-01-01 04:02:00", "No space left on device")
    scored = RunRecord("r3", AS_OF, "full", "abc", utc("2025-01-01 05:00:00"))
    mart.record(scored, "2025-01-01 05:01:00")
    with pytest.raises(UnhealthyError, match="dim_customer holds what the failed run r2 had"):
        print_status(mart.spark, mart.settings, NOON)
    assert _cells(capsys.readouterr().out, "run_id")[-1] == "r3"


def test_a_build_that_failed_before_the_scores_were_made_again_is_told_until_one_gets_there(
    mart: SmallMart, capsys: pytest.CaptureFixture[str]
) -> None:
    next_day, started = utc("2025-01-02 00:00:00"), utc("2025-01-02 03:00:00")
    failed = RunRecord("r2", next_day, "full", "abc", started)
    mart.record(failed, "2025-01-02 03:01:00", "Source stg_games is missing")
    scored = RunRecord("r3", AS_OF, "full", "abc", utc("2025-01-02 03:30:00"))
    scored.target_versions["customer_ltv_scoring"] = 2
    mart.record(scored, "2025-01-02 03:31:00")
    with pytest.raises(UnhealthyError, match="Run r2, as of 2025-01-02T00:00:00Z, failed, and"):
        print_status(mart.spark, mart.settings, NOON)
    assert "Next: look its message up in docs/operations.md" in capsys.readouterr().out

    again = RunRecord("r3a", AS_OF, "full", "abc", utc("2025-01-02 03:40:00"))
    again.target_versions["dim_customer"] = 2
    mart.record(again, "2025-01-02 03:41:00")
    with pytest.raises(UnhealthyError):
        print_status(mart.spark, mart.settings, NOON)
    assert "Run r2, as of 2025-01-02T00:00:00Z, failed, and" in capsys.readouterr().out

    made = RunRecord("r4", next_day, "full", "abc", utc("2025-01-02 04:00:00"))
    made.target_versions["dim_customer"] = 2
    mart.record(made, "2025-01-02 04:01:00")
    with suppress(UnhealthyError):  # of tables that nobody changed here
        print_status(mart.spark, mart.settings, NOON)
    page = capsys.readouterr().out
    assert _cells(page, "run_id")[-1] == "r4"
    assert "Run r2" not in page


def test_a_table_that_was_never_made_is_not_shown_but_one_that_is_gone_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    gone = TableState("dim_customer", None, recorded=3, rows=None, change="it is not there")
    never = TableState("erased_customers", None, recorded=None, rows=None)
    _print_tables(
        Facts("mart", None, None, None, frozenset(), (gone, never), are_scores_behind=False)
    )
    page = capsys.readouterr().out
    assert _cells(page, "dim_customer") == ["", "3", "", "", "changed: it is not there"]
    assert "erased_customers" not in page


def test_a_place_without_a_mart_says_so(spark: SparkSession, tmp_path: Path) -> None:
    nowhere = load_settings(None, [], {"mart": str(tmp_path)})
    with pytest.raises(DataError, match=f"There is no mart_runs at {tmp_path}"):
        print_status(spark, nowhere, NOON)
