"""The scenarios: who runs on which rows with how much memory, over and over in turn."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby
from typing import Any

from scripts.benchmarking.contenders import (
    BASE,
    DEDUPLICATED,
    DIM_MAKERS,
    DUCKDB,
    FULL,
    GOES_ON_WITH,
    INCREMENTAL,
    OURS,
    PLAIN,
    REBUILT,
    SCORE_MAKERS,
    WITHOUT_AQE,
)
from scripts.benchmarking.data_set import AS_OF, DataSet, data_set, described, doubled, redelivered
from scripts.benchmarking.equality import ORACLE, difference, wrong_scores
from scripts.benchmarking.machine import described_machine
from scripts.benchmarking.process import ChildError, Workshop
from scripts.benchmarking.ratios import Ratio, Timings, ratios

SCENARIOS = ("base", "doubled", "skewed", "redelivered", "small-driver", "incremental")
SMALL_MEMORY = "2g"


@dataclass(frozen=True)
class Entry:
    """A contender on a data set, under a name that is unique within the scenario."""

    name: str
    contender: str
    rows: DataSet
    driver_memory: str | None = None

    @property
    def output(self) -> str:
        """The entry whose output this one writes to: scores go into the mart that was built."""
        return GOES_ON_WITH.get(self.contender, self.name)


@dataclass(frozen=True)
class Measurement:
    """One run of an entry: what was measured, or why it did not finish."""

    entry: str
    repetition: int
    measures: dict[str, Any]
    error: str | None = None


@dataclass(frozen=True)
class Result:
    """Everything a scenario brought to light."""

    scenario: str
    scale: float
    repeat: int
    driver_memory: str
    warms_up: bool
    machine: dict[str, Any]
    entries: list[Entry]
    measurements: list[Measurement] = field(default_factory=list)
    compared: list[tuple[str, str]] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)

    @property
    def key(self) -> str:
        """The scenario's name, with the scale unless it is 1."""
        return self.scenario if self.scale == 1 else f"{self.scenario} at scale {self.scale:g}"

    @property
    def is_sound(self) -> bool:
        """Whether everything finished and all results are equal."""
        return not self.differences and not any(m.error for m in self.measurements)

    @property
    def seconds(self) -> Timings:
        """By entry and repetition, of those that finished."""
        return {
            entry.name: {
                m.repetition: m.measures["seconds"] for m in self.of(entry.name) if not m.error
            }
            for entry in self.entries
        }

    @property
    def ratios(self) -> list[Ratio]:
        return ratios(self.scenario, self.seconds)

    def of(self, entry: str) -> list[Measurement]:
        return [m for m in self.measurements if m.entry == entry]


def entries(scenario: str, scale: float, contenders: Sequence[str]) -> list[Entry]:
    """The scenario's entries, in the order in which they run.

    DuckDB takes part wherever the rows or the memory are unusual, so that the result is known.
    """
    base = data_set(scale)
    twice, skewed = doubled(base), data_set(scale, has_heavy_buyer=True)
    listed = {
        "base": [Entry(name, name, base) for name in BASE],
        "doubled": [
            Entry(OURS, OURS, base),
            Entry(f"{OURS}_doubled", OURS, twice),
            Entry(f"{DUCKDB}_doubled", DUCKDB, twice),
        ],
        "skewed": [
            Entry(OURS, OURS, base),
            Entry(f"{OURS}_skewed", OURS, skewed),
            Entry(f"{OURS}_skewed_deduplicated", DEDUPLICATED, skewed),
            # Without adaptive execution, and by the plan anyone would write first: whether either
            # takes a customer who is most of a partition more lightly.
            Entry(f"{OURS}_skewed_without_aqe", WITHOUT_AQE, skewed),
            Entry(f"{PLAIN}_skewed", PLAIN, skewed),
            # The least memory, and all that a build does.
            Entry(f"{FULL}_skewed_{SMALL_MEMORY}", FULL, skewed, SMALL_MEMORY),
            Entry(f"{DUCKDB}_skewed", DUCKDB, skewed),
        ],
        "redelivered": [
            Entry(OURS, OURS, base),
            Entry(f"{OURS}_redelivered", DEDUPLICATED, redelivered(base)),
        ],
        "small-driver": [
            Entry(OURS, OURS, base),
            Entry(f"{OURS}_{SMALL_MEMORY}", OURS, base, SMALL_MEMORY),
            # Both tables, and duplicates sought: what `customer-mart build` does unless told.
            Entry(f"{FULL}_{SMALL_MEMORY}", FULL, base, SMALL_MEMORY),
            Entry(DUCKDB, DUCKDB, base),
        ],
        "incremental": [Entry(name, name, base) for name in (FULL, *INCREMENTAL, REBUILT)],
    }
    return [entry for entry in listed[scenario] if entry.contender in contenders]


def run_scenario(
    scenario: str, workshop: Workshop, scale: float, repeat: int, contenders: Sequence[str]
) -> Result:
    """The scenario's entries, one after the other, repeated: what comes and goes hits them all.

    Raises:
        SystemExit: if none of the contenders is in the scenario.
        SpaceError: if the disk is too small for one of its data sets.
    """
    listed = entries(scenario, scale, contenders)
    if not listed:
        raise SystemExit(f"None of {', '.join(contenders)} takes part in {scenario}")
    result = Result(
        scenario=scenario,
        scale=scale,
        repeat=repeat,
        driver_memory=workshop.driver_memory,
        warms_up=workshop.warms_up,
        machine=described_machine(),
        entries=listed,
    )
    for entry in listed:
        workshop.sources(entry.rows)
    for repetition in range(repeat):
        for entry in listed:
            result.measurements.append(measured(workshop, entry, repetition))
        compare(workshop, result, repetition)
    return result


def measured(workshop: Workshop, entry: Entry, repetition: int) -> Measurement:
    print(f"Repetition {repetition + 1}: {entry.name}", end=" ", flush=True)
    output = workshop.output(entry.output)
    try:
        measures = workshop.measure(entry.contender, entry.rows, output, entry.driver_memory)
    except ChildError as failure:
        print("failed", flush=True)
        return Measurement(entry.name, repetition, {}, str(failure))
    print(f"{measures['seconds']:.1f} s", flush=True)
    return Measurement(entry.name, repetition, measures)


def compare(workshop: Workshop, result: Result, repetition: int) -> None:
    """Compares what finished in a repetition."""
    finished = {m.entry for m in result.measurements if m.repetition == repetition and not m.error}
    listed = [entry for entry in result.entries if entry.name in finished]
    for first, other, found in comparisons(workshop, listed):
        if found:
            result.differences.append(f"Repetition {repetition + 1}: {found}")
        if (first, other) not in result.compared:
            result.compared.append((first, other))


def comparisons(
    workshop: Workshop, listed: Sequence[Entry]
) -> Iterator[tuple[str, str, str | None]]:
    """Each result with the first on the same rows, and scores with the oracle's, by name.

    Third is what tells the two apart.
    """
    for first, other in pairs(listed):
        outputs = workshop.output(first.output), workshop.output(other.output)
        yield first.name, other.name, difference(first.name, outputs[0], other.name, outputs[1])
    for entry in listed:
        if entry.contender in SCORE_MAKERS:
            yield (
                entry.name,
                ORACLE,
                wrong_scores(entry.name, workshop.output(entry.output), AS_OF),
            )


def pairs(listed: Sequence[Entry]) -> Iterator[tuple[Entry, Entry]]:
    """The entries that make dim_customer of the same rows, each with the first of them."""
    makers = [entry for entry in listed if entry.contender in DIM_MAKERS]
    by_rows = sorted(makers, key=lambda entry: entry.rows.used)
    for _, group in groupby(by_rows, key=lambda entry: entry.rows.used):
        first, *others = group
        yield from ((first, other) for other in others)


def as_json(result: Result) -> dict[str, Any]:
    """The result as JSON holds it: every raw measurement, and the ratios made of them."""
    return {
        "scenario": result.scenario,
        "scale": result.scale,
        "repeat": result.repeat,
        "driver_memory": result.driver_memory,
        "warms_up": result.warms_up,
        "machine": result.machine,
        "data_sets": {entry.name: described(entry.rows) for entry in result.entries},
        "measurements": [asdict(measurement) for measurement in result.measurements],
        "compared": result.compared,
        "differences": result.differences,
        "ratios": [
            {**asdict(ratio), "is_met": ratio.is_met(result.scale)} for ratio in result.ratios
        ],
    }
