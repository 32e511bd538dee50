"""What the record of the last run, and the log of a table, tell of whose rows it holds."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from customer_mart.incremental.last_run import LastRun, last_run
from customer_mart.publish.history import Commit
from customer_mart.publish.run_record import RunRecord, append_run
from customer_mart.publish.target import target
from customer_mart.settings.settings import Mart
from tests.frames import utc

JANUARY = utc("2025-01-01 00:00:00")
CREATED, MAINTAINED = Commit(0, "CREATE TABLE", {}), Commit(2, "OPTIMIZE", {})


def _of_run(run_id: str) -> Commit:
    return Commit(1, "WRITE", {"run_id": run_id})


def _recorded(**rows_of: str | None) -> LastRun:
    return LastRun(JANUARY, "abc", "0.1.0", {}, {}, {"quarantine": 2}, rows_of)


@pytest.mark.parametrize(
    ("commits", "last", "change"),
    [
        ([MAINTAINED, _of_run("a"), CREATED], _recorded(quarantine="a"), None),
        (
            [MAINTAINED, _of_run("b"), CREATED],
            _recorded(quarantine="a"),
            "it has the rows of run b, not of run a",
        ),
        (
            [MAINTAINED, Commit(1, "OPTIMIZE", {}), CREATED],
            _recorded(quarantine="a"),
            "it has the rows of no run that it tells of, not of run a",
        ),
        # The log is cleaned up by and by, and the rows are those of a commit it has forgotten.
        ([MAINTAINED], _recorded(quarantine="a"), None),
        (
            [MAINTAINED, _of_run("b")],
            _recorded(quarantine=None),
            "it has the rows of run b, not of no run that it tells of",
        ),
        (
            [Commit(3, "DELETE", {}), MAINTAINED, _of_run("a"), CREATED],
            _recorded(quarantine="a"),
            "version 3 is a DELETE",
        ),
    ],
)
def test_a_table_has_changed_where_it_has_other_rows_or_a_commit_that_is_not_upkeep(
    commits: list[Commit], last: LastRun, change: str | None
) -> None:
    assert last.change_of("quarantine", commits) == change


def test_whose_rows_tables_hold_is_told_by_records_that_know_it(
    spark: SparkSession, tmp_path: Path
) -> None:
    runs = target("mart_runs", Mart(location=str(tmp_path / "mart")))
    built = RunRecord("a", JANUARY, "full", "abc", JANUARY)
    built.target_versions = {"dim_customer": 4, "customer_ltv_scoring": 5, "quarantine": 1}
    built.rows_of = {"quarantine": "z"}
    append_run(spark, runs, built, utc("2025-01-01 03:00:00"))
    scored = RunRecord("b", JANUARY, "full", "abc", JANUARY)
    scored.target_versions = {"customer_ltv_scoring": 6}
    append_run(spark, runs, scored, utc("2025-01-01 04:00:00"))
    found = last_run(spark, runs)
    assert found is not None
    assert found.target_versions == {**built.target_versions, "customer_ltv_scoring": 6}
    assert found.rows_of == {"dim_customer": "a", "customer_ltv_scoring": "b", "quarantine": "z"}
