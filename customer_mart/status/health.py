"""The judgement: what is not as it should be, and the one thing to do next."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from customer_mart.status.facts import Facts, TableState
from customer_mart.terminal import shown

NOTHING_TO_DO = "nothing to do"
LOOK_UP = (
    "look its message up in docs/operations.md, do what stands there, and run customer-mart build "
    "again"
)
# No run makes its rows anew: it only adds to them.
MOVES = "customer_tier_changes"


@dataclass(frozen=True)
class Problem:
    """What was found and what to do about it, two halves of a sentence."""

    found: str
    action: str


def problems(facts: Facts, now: datetime, max_age_hours: int) -> list[Problem]:
    """Everything that is wrong, what has to be seen to first in front; none if all is well."""
    return [
        *_problems_of_runs(facts),
        *_problems_of_erasures(facts),
        *(problem for table in facts.tables for problem in _problems_of(table, facts)),
        *_problems_of_age(facts, now, max_age_hours),
    ]


def age_hours(facts: Facts, now: datetime) -> float | None:
    """Hours since the as-of instant of what is published; None where nothing is."""
    return (now - facts.as_of).total_seconds() / 3600 if facts.as_of else None


def _problems_of_runs(facts: Facts) -> Iterator[Problem]:
    if facts.last is None:
        yield Problem("No run has ended yet", "run customer-mart build")
    elif facts.last.error is not None:
        yield Problem(f"The last run, {facts.last.run_id}, failed: {facts.last.error}", LOOK_UP)
    elif facts.missed:
        # Scores that were made since, of the old dim_customer, do not make up for it.
        yield Problem(
            f"Run {facts.missed.run_id}, as of {shown(facts.missed.as_of)}, failed, and none has "
            f"got that far since: {facts.missed.error}",
            LOOK_UP,
        )


def _problems_of_erasures(facts: Facts) -> Iterator[Problem]:
    if facts.missing_ledger:
        yield Problem(
            f"The ledger of erased customers {facts.missing_ledger}",
            "put the right one back from its backup, for no run goes on without it",
        )
    if facts.unfinished_erasures:
        yield Problem(
            f"An erasure did not come to its end: {', '.join(facts.unfinished_erasures)}",
            "run customer-mart erase for its customers again",
        )


def _problems_of(table: TableState, facts: Facts) -> Iterator[Problem]:
    if table.change is None:
        return
    outcome = "adds the moves that are owed" if table.name == MOVES else "makes the tables anew"
    if table.changed_by is None:
        yield Problem(
            f"{table.name} was changed by something other than a run since the last successful "
            f"one: {table.change}",
            f"find out who changed it, and {_repair(table)}",
        )
    elif table.changed_by in facts.failed:
        yield Problem(
            f"{table.name} holds what the failed run {table.changed_by} had published by then",
            f"run customer-mart build again, which {outcome}",
        )
    else:
        yield Problem(
            f"{table.name} was changed by run {table.changed_by}, which is not on record: it was "
            "killed or is still going",
            f"once it has ended run customer-mart build, which {outcome}",
        )


def _repair(table: TableState) -> str:
    """What brings back the rows of a table that something other than a run has changed."""
    if table.name != MOVES:
        return "run customer-mart build, which makes it anew"
    if table.version is None:
        return (
            "put it back or run customer-mart build, which makes it again with the moves that the "
            "history of customer_ltv_scoring still tells"
        )
    return (
        f"if its rows are not right, RESTORE it (it was at version {table.recorded}) or put it "
        "back from a backup, for a build only adds to them; then run customer-mart build"
    )


def _problems_of_age(facts: Facts, now: datetime, max_age_hours: int) -> Iterator[Problem]:
    if facts.are_scores_behind:
        yield Problem(
            "customer_ltv_scoring was computed from an older dim_customer than is published",
            "run customer-mart build, or that with --only customer_ltv_scoring",
        )
    age = age_hours(facts, now)
    if age is None:
        return
    if age < 0:
        yield Problem(
            f"What is published is as of {shown(facts.as_of)}, which is still to come",
            "run customer-mart build with the right --as-of",
        )
    elif age > max_age_hours:
        yield Problem(
            f"What is published is as of {shown(facts.as_of)}, {age:.1f} hours ago, and "
            f"status.max_age_hours is {max_age_hours}",
            "see why the scheduler started no run since, and run customer-mart build",
        )
