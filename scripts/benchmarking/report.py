"""What the benchmark shows: tables on the terminal, a JSON file and a picture."""

import json
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from scripts.benchmarking.picture import draw_ratios
from scripts.benchmarking.ratios import Ratio, Spread, spread
from scripts.benchmarking.scenarios import Result, as_json

# Column heading, measure and the divisor of its unit.
COSTS = (
    ("shuffled MB", "shuffle_bytes", 1e6),
    ("spilled MB", "spilled_bytes", 1e6),
    ("exchanges", "exchanges", 1),
    ("broadcasts", "broadcasts", 1),
    ("files", "files", 1),
    ("memory GB", "peak_memory_bytes", 1e9),
    ("longest task s", "longest_task_seconds", 1),
)
FACTS = ("stg_deposits", "stg_ticket_purchases", "stg_web_events")
VERDICTS = {True: "met", False: "MISSED", None: "-"}


def print_report(result: Result) -> None:
    """The tables of a scenario, and what went wrong in plain words."""
    console = Console(width=160)
    console.print(costs_table(result))
    by_entry = {entry.name: stage_seconds(result, entry.name) for entry in result.entries}
    if staged := {name: stages for name, stages in by_entry.items() if stages}:
        console.print(stages_table(result.key, staged))
    console.print(ratios_table(result))
    for measurement in result.measurements:
        if measurement.error:
            where = f"{measurement.entry}, repetition {measurement.repetition + 1}"
            console.print(f"{where} did not finish: {measurement.error}", markup=False)
    for difference in result.differences:
        console.print(difference, markup=False)
    if result.compared and not result.differences:
        names = dict.fromkeys(name for pair in result.compared for name in pair)
        console.print(f"All results are equal: {', '.join(names)}", markup=False)


def costs_table(result: Result) -> Table:
    """One row per entry: seconds and costs, medians all of them."""
    table = Table(title=f"{result.key}: {result.repeat} repetitions", title_justify="left")
    table.add_column("contender")
    headings = ("finished", "seconds", "min - max", *(name for name, *_ in COSTS), "fact reads")
    for heading in headings:
        table.add_column(heading, justify="right")
    for entry in result.entries:
        done = [m.measures for m in result.of(entry.name) if not m.error]
        seconds = spread(measures["seconds"] for measures in done)
        costs = [cost(done, name, unit) for _, name, unit in COSTS]
        finished = f"{len(done)} of {len(result.of(entry.name))}"
        table.add_row(entry.name, finished, *spread_cells(seconds, 1), *costs, fact_reads(done))
    return table


def stages_table(key: str, staged: dict[str, dict[str, float]]) -> Table:
    """One row per stage of a run, one column per entry: median seconds."""
    table = Table(title=f"{key}: seconds by stage", title_justify="left")
    table.add_column("stage")
    for name in staged:
        table.add_column(name, justify="right")
    for stage in dict.fromkeys(stage for stages in staged.values() for stage in stages):
        cells = (f"{s[stage]:.1f}" if stage in s else "-" for s in staged.values())
        table.add_row(stage, *cells)
    return table


def stage_seconds(result: Result, entry: str) -> dict[str, float]:
    """The median seconds of each stage of an entry's runs, in the order of the first."""
    done = [m.measures["stages"] for m in result.of(entry) if not m.error]
    names = dict.fromkeys(name for stages in done for name in stages)
    return {name: median(stages[name] for stages in done if name in stages) for name in names}


def ratios_table(result: Result) -> Table:
    """One row per ratio: what was measured, what is wanted at scale 1."""
    title = f"{result.key}: ratios within a repetition, targets for scale 1"
    table = Table(title=title, title_justify="left")
    table.add_column("ratio")
    for heading in ("median", "min - max", "target", "verdict"):
        table.add_column(heading, justify="right")
    for ratio in result.ratios:
        cells = spread_cells(ratio.measured, 2)
        verdict = VERDICTS[ratio.is_met(result.scale)]
        table.add_row(ratio.target.name, *cells, wanted(ratio), verdict)
    return table


def wanted(ratio: Ratio) -> str:
    target = ratio.target
    if target.at_most is None:
        return "-"
    aim = f", aim {target.aim:g}" if target.aim else ""
    return f"at most {target.at_most:g}{aim}"


def cost(done: list[dict[str, Any]], name: str, unit: float) -> str:
    """The median of a measure in its unit; - where nobody measured it."""
    values = spread(measures[name] / unit for measures in done if measures[name] is not None)
    if values is None:
        return "-"
    return f"{values.median:.1f}" if unit > 1 else f"{values.median:g}"


def fact_reads(done: list[dict[str, Any]]) -> str:
    """How often deposits, purchases and web events were read; - where nobody counted."""
    counted = [measures["reads"] for measures in done if measures["reads"] is not None]
    return ", ".join(str(counted[0].get(fact, 0)) for fact in FACTS) if counted else "-"


def spread_cells(values: Spread | None, decimals: int) -> tuple[str, str]:
    if values is None:
        return "-", "-"
    lowest, highest = f"{values.lowest:.{decimals}f}", f"{values.highest:.{decimals}f}"
    return f"{values.median:.{decimals}f}", f"{lowest} - {highest}"


def summary(result: Result) -> dict[str, Any]:
    """The spread of the seconds by entry; None for one that never finished."""
    spreads = {name: spread(taken.values()) for name, taken in result.seconds.items()}
    return {name: asdict(values) if values else None for name, values in spreads.items()}


def save_results(result: Result, file: Path | None, picture: Path | None) -> None:
    """Puts the scenario beside those that the file holds, and draws the ratios of all."""
    content: dict[str, Any] = {"scenarios": {}}
    if file and file.exists():
        content = json.loads(file.read_text(encoding="utf-8"))
    content["scenarios"][result.key] = {**as_json(result), "seconds": summary(result)}
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    if picture:
        picture.parent.mkdir(parents=True, exist_ok=True)
        draw_ratios(content["scenarios"], picture)
