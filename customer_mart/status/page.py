"""`customer-mart status`: the health of a mart on one page."""

from collections.abc import Iterator
from datetime import datetime

from pyspark.sql import SparkSession

from customer_mart.errors import UnhealthyError
from customer_mart.settings import Settings
from customer_mart.status.facts import Facts, RecordedRun, TableState, facts_of
from customer_mart.status.health import NOTHING_TO_DO, Problem, age_hours, problems
from customer_mart.terminal import print_line, print_table, shown


def print_status(spark: SparkSession, settings: Settings, now: datetime) -> None:
    """Prints the page.

    now: the clock that ages are told by.

    Raises:
        DataError: if there is no mart.
        UnhealthyError: if anything on the page is not as it should be; says what to do first.
    """
    facts = facts_of(spark, settings)
    found = problems(facts, now, settings.status.max_age_hours)
    _print_runs(facts)
    _print_tables(facts)
    _print_sources(facts.read_by)
    _print_verdict(facts, found, now, settings.status.max_age_hours)
    if found:
        raise UnhealthyError(f"{found[0].found}; {found[0].action}")


def _print_runs(facts: Facts) -> None:
    named = {"last run": facts.last, "last successful run": facts.succeeded}
    if facts.last == facts.succeeded:
        del named["last successful run"]
    runs = {name: run for name, run in named.items() if run}
    lines = zip(*(_lines(run) for run in runs.values()), strict=True)
    rows = [(line[0][0], *(value for _, value in line)) for line in lines]
    names = ["", *runs]
    print_table(rows, names, f"Runs of {facts.place}", names)


def _lines(run: RecordedRun) -> Iterator[tuple[str, str]]:
    yield "run_id", run.run_id
    yield "status", "succeeded" if run.error is None else "failed"
    yield "mode", run.mode
    yield "as_of", shown(run.as_of)
    yield "started_at", shown(run.started_at)
    yield "took", f"{run.took.total_seconds():,.0f} s"
    yield "checks", f"{run.checks_passed} passed, {len(run.checks_failed)} failed"
    yield "failed checks", ", ".join(run.checks_failed)
    yield "warnings", ", ".join(f"{kind} {n:,}" for kind, n in run.warnings.items() if n)
    yield "error", run.error or ""


def _print_tables(facts: Facts) -> None:
    rows = [
        (table.name, table.version, table.recorded, table.rows, shown(table.as_of), _change(table))
        for table in facts.tables
        if table.version is not None or table.change
    ]
    names = ["table", "version", "on record", "rows", "as_of", "since the last successful run"]
    print_table(rows, names, "Tables", ["table", "as_of", names[-1]])


def _change(table: TableState) -> str:
    if table.change is None:
        return "" if table.recorded is None else "unchanged"
    by = f", by run {table.changed_by}" if table.changed_by else ""
    return f"changed: {table.change}{by}"


def _print_sources(run: RecordedRun | None) -> None:
    if run is None:
        return
    rows = [
        (
            balance.source,
            balance.read,
            sum(balance.quarantined.values()),
            f"{balance.quarantined_fraction():.3%}",
            ", ".join(f"{reason} {n:,}" for reason, n in sorted(balance.quarantined.items())),
        )
        for balance in run.balances
    ]
    names = ["source", "rows read", "quarantined", "share", "reasons"]
    title = f"Sources, as run {run.run_id} ({run.mode}) read them"
    print_table(rows, names, title, ["source", "reasons"])


def _print_verdict(facts: Facts, found: list[Problem], now: datetime, max_age_hours: int) -> None:
    age = age_hours(facts, now)
    if age is not None:
        print_line(
            f"Published as of {shown(facts.as_of)}, {age:,.1f} hours ago; at most "
            f"{max_age_hours} are allowed."
        )
    for problem in found:
        print_line(f"{problem.found}.", "red")
    print_line("Not healthy." if found else "Healthy.", "bold red" if found else "bold green")
    print_line(f"Next: {found[0].action if found else NOTHING_TO_DO}.")
