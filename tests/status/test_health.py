"""The judgement of a mart's health, from facts by hand. Nothing here reads a table."""

from dataclasses import replace
from datetime import timedelta

import pytest

from customer_mart.status.facts import Facts, RecordedRun, TableState
from customer_mart.status.health import age_hours, problems
from tests.frames import utc

AS_OF, NOW = utc("2025-01-01 00:00:00"), utc("2025-01-02 12:00:00")
RUN = RecordedRun("r1", AS_OF, "full", None, AS_OF, timedelta(minutes=5), 40, (), {}, ())
DIM = TableState("dim_customer", version=3, recorded=3, rows=12, as_of=AS_OF)
SCORES = TableState("customer_ltv_scoring", version=2, recorded=2, rows=12, as_of=AS_OF)
WELL = Facts("mart", RUN, RUN, RUN, frozenset(), (DIM, SCORES), are_scores_behind=False)
FAILED = replace(RUN, run_id="r2", error="Source stg_games is missing")


def _found(facts: Facts) -> list[str]:
    return [problem.found for problem in problems(facts, NOW, 36)]


def test_a_mart_just_within_its_age_is_healthy() -> None:
    assert age_hours(WELL, NOW) == 36.0
    assert _found(WELL) == []


def test_what_is_older_by_the_earlier_of_the_two_tables_is_stale() -> None:
    older = replace(SCORES, as_of=utc("2024-12-31 23:54:00"))
    assert _found(replace(WELL, tables=(DIM, older))) == [
        (
            "What is published is as of 2024-12-31T23:54:00Z, 36.1 hours ago, and "
            "status.max_age_hours is 36"
        )
    ]


def test_an_as_of_that_is_still_to_come_is_not_taken_for_fresh() -> None:
    tomorrow = [replace(table, as_of=utc("2025-01-03 00:00:00")) for table in WELL.tables]
    assert _found(replace(WELL, tables=tuple(tomorrow))) == [
        "What is published is as of 2025-01-03T00:00:00Z, which is still to come"
    ]


def test_a_run_that_failed_comes_first_and_what_it_left_behind_after_it() -> None:
    left = replace(DIM, version=4, change="version 4 is a WRITE", changed_by="r2")
    facts = replace(WELL, last=FAILED, failed=frozenset(["r2"]), tables=(left, SCORES))
    assert _found(facts) == [
        "The last run, r2, failed: Source stg_games is missing",
        "dim_customer holds what the failed run r2 had published by then",
    ]


def test_a_build_that_failed_is_told_though_a_run_of_the_scores_alone_came_after_it() -> None:
    missed = replace(FAILED, as_of=utc("2025-01-02 00:00:00"))
    assert _found(replace(WELL, missed=missed)) == [
        (
            "Run r2, as of 2025-01-02T00:00:00Z, failed, and none has got that far since: "
            "Source stg_games is missing"
        )
    ]


def test_a_mart_that_no_run_has_published_has_no_age() -> None:
    tables = (replace(DIM, as_of=None), replace(SCORES, version=None, as_of=None))
    empty = replace(WELL, last=FAILED, succeeded=None, tables=tables)
    assert age_hours(empty, NOW) is None
    assert _found(empty) == ["The last run, r2, failed: Source stg_games is missing"]
    assert _found(replace(empty, last=None)) == ["No run has ended yet"]


def test_scores_of_an_older_dim_customer_are_told() -> None:
    assert _found(replace(WELL, are_scores_behind=True)) == [
        "customer_ltv_scoring was computed from an older dim_customer than is published"
    ]


@pytest.mark.parametrize(
    ("by", "found"),
    [
        (
            None,
            (
                "dim_customer was changed by something other than a run since the last successful "
                "one: version 4 is a DELETE"
            ),
        ),
        (
            "r9",
            (
                "dim_customer was changed by run r9, which is not on record: it was killed or is "
                "still going"
            ),
        ),
    ],
)
def test_a_table_that_is_not_as_the_last_run_left_it_is_told_by_who_changed_it(
    by: str | None, found: str
) -> None:
    changed = replace(DIM, version=4, change="version 4 is a DELETE", changed_by=by)
    assert _found(replace(WELL, tables=(changed, SCORES))) == [found]


@pytest.mark.parametrize(
    ("version", "action"),
    [
        (4, "find out who changed it, and if its rows are not right, RESTORE it (it was at "),
        (None, "find out who changed it, and put it back or run customer-mart build, which makes"),
    ],
)
def test_rows_that_no_build_makes_anew_are_restored(version: int | None, action: str) -> None:
    moves = TableState("customer_tier_changes", version, recorded=3, rows=None, change="a DELETE")
    [problem] = problems(replace(WELL, tables=(DIM, SCORES, moves)), NOW, 36)
    assert problem.action.startswith(action)


def test_an_erasure_that_was_interrupted_is_named() -> None:
    [problem] = problems(replace(WELL, unfinished_erasures=("erase_1", "erase_2")), NOW, 36)
    assert problem.found == "An erasure did not come to its end: erase_1, erase_2"
    assert problem.action == "run customer-mart erase for its customers again"


def test_a_ledger_that_is_gone_is_a_problem() -> None:
    gone = replace(WELL, missing_ledger="is not at mart/erased_customers any more")
    [problem] = problems(gone, NOW, 36)
    told = "The ledger of erased customers is not at mart/erased_customers any more"
    assert problem.found == told
    assert problem.action.startswith("put the right one back")
