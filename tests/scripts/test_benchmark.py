"""The benchmark: its arithmetic by hand, and one tiny run of it from end to end.

BENCHMARK_SCENARIOS=1 runs the incremental scenario as well; the suite has no time for it.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from customer_mart.contracts import contract
from scripts import benchmark
from scripts.benchmarking.contenders import BASE, CONTENDERS
from scripts.benchmarking.data_set import (
    AS_OF,
    DataSet,
    SpaceError,
    data_set,
    doubled,
    require_space,
)
from scripts.benchmarking.equality import difference, live_files, wrong_scores
from scripts.benchmarking.event_log import (
    EXECUTION,
    REPLANNED,
    TASK_END,
    EngineMeasures,
    engine_measures,
)
from scripts.benchmarking.measure import data_files
from scripts.benchmarking.picture import draw_ratios
from scripts.benchmarking.ratios import TARGETS, Ratio, Spread, Target, ratio, ratios, spread
from scripts.benchmarking.report import FACTS, save_results, stage_seconds
from scripts.benchmarking.scenarios import SCENARIOS, Measurement, Result, entries, pairs
from tests.processes import quick_environment

ROOT = Path(__file__).parents[2]
HALF = Target("ours / theirs", "ours", "theirs", at_most=0.5)


def node(name: str, *children: dict[str, Any]) -> dict[str, Any]:
    return {"nodeName": name, "children": list(children)}


def scan(place: str) -> dict[str, Any]:
    location = f"InMemoryFileIndex(1 paths)[{place}]"
    return {**node("Scan parquet "), "metadata": {"Location": location}}


def execution(number: int, time: int, plan: dict[str, Any], description: str = "save") -> str:
    event = {"Event": EXECUTION, "executionId": number, "time": time, "sparkPlanInfo": plan}
    return json.dumps({**event, "description": description})


def replanned(number: int, plan: dict[str, Any]) -> str:
    return json.dumps({"Event": REPLANNED, "executionId": number, "sparkPlanInfo": plan})


def task(launched: int, shuffled: int, spilled: int, lasted: int = 1) -> str:
    metrics = {
        "Disk Bytes Spilled": spilled,
        "Shuffle Write Metrics": {"Shuffle Bytes Written": shuffled},
    }
    info = {"Launch Time": launched, "Finish Time": launched + lasted}
    return json.dumps({"Event": TASK_END, "Task Info": info, "Task Metrics": metrics})


def result_of(seconds: dict[str, list[float]], *, scale: float = 1.0) -> Result:
    """A finished base scenario of the entries that are named."""
    listed = entries("base", scale, list(seconds))
    measurements = [
        Measurement(name, repetition, {"seconds": taken, "stages": {"stg_signups": taken / 4}})
        for name, values in seconds.items()
        for repetition, taken in enumerate(values)
    ]
    return Result("base", scale, 3, "8g", True, {}, listed, measurements)


def customers(
    folder: Path,
    rows: list[tuple[str, int]],
    name: str = "dim_customer",
    *,
    as_delta: bool = False,
) -> Path:
    """An output with a table of these users and deposits; the rest of the row is 0."""
    table = contract(name)
    values = {"string": "'x'", "timestamp": "TIMESTAMP '2024-01-01'", "date": "DATE '2024-01-01'"}
    columns = ", ".join(
        f"CAST({values.get(c.type, '0')} AS {c.type}) AS {c.name}"
        for c in table.columns
        if c.name not in ("user_id", "total_deposits")
    )
    listed = ", ".join(f"('{user}', {deposits})" for user, deposits in rows)
    place = folder / name
    place.mkdir(parents=True)
    query = f"SELECT *, {columns} FROM (VALUES {listed}) AS t (user_id, total_deposits)"
    relation = duckdb.sql(query)
    assert relation is not None
    if as_delta:
        relation.write_parquet(str(place), partition_by=["signup_date"], overwrite=True)
        (place / "_delta_log").mkdir()
    else:
        relation.write_parquet(str(place / "rows.parquet"))
    return folder


def test_a_spread_is_the_median_with_the_extremes() -> None:
    assert spread([3.0, 1.0, 2.5]) == Spread(2.5, 1.0, 3.0)
    assert spread([4.0, 1.0]) == Spread(2.5, 1.0, 4.0)
    assert spread([]) is None


def test_a_ratio_is_taken_within_each_repetition() -> None:
    seconds = {"ours": {0: 2.0, 1: 9.0, 2: 3.0}, "theirs": {0: 4.0, 1: 10.0, 2: 10.0}}
    assert ratio(HALF, seconds) == Ratio(HALF, Spread(0.5, 0.3, 0.9))


def test_a_repetition_in_which_one_side_failed_has_no_ratio() -> None:
    seconds = {"ours": {0: 2.0, 1: 9.0}, "theirs": {1: 10.0}}
    assert ratio(HALF, seconds) == Ratio(HALF, Spread(0.9, 0.9, 0.9))
    assert ratio(HALF, {"ours": {}, "theirs": {0: 1.0}}) == Ratio(HALF, None)


@pytest.mark.parametrize(
    ("median", "scale", "met"), [(0.5, 1.0, True), (0.51, 1.0, False), (0.51, 0.1, None)]
)
def test_a_target_holds_at_scale_1(median: float, scale: float, *, met: bool | None) -> None:
    assert Ratio(HALF, Spread(median, median, median)).is_met(scale) is met


def test_a_ratio_without_a_target_is_neither_met_nor_missed() -> None:
    target = Target("ours / theirs", "ours", "theirs")
    assert Ratio(target, Spread(7.0, 7.0, 7.0)).is_met(1.0) is None


def test_only_ratios_of_those_who_took_part_are_listed() -> None:
    found = ratios("base", {"dim_customer": {0: 8.0}, "duckdb": {0: 2.0}})
    assert [(r.target.name, r.measured) for r in found] == [
        ("dim_customer / DuckDB", Spread(4.0, 4.0, 4.0))
    ]


def test_every_target_names_entries_of_its_scenario() -> None:
    for scenario, targets in TARGETS.items():
        names = {entry.name for entry in entries(scenario, 1, CONTENDERS)}
        assert {n for t in targets for n in (t.numerator, t.denominator)} <= names


def test_only_what_starts_within_the_span_is_measured() -> None:
    log = [
        task(99, 1_000, 1_000),
        task(100, 5, 0),
        task(200, 7, 3, lasted=1_500),
        task(201, 1_000, 1_000, lasted=9_000),
        execution(1, 99, node("Exchange")),
        execution(2, 100, node("Sort", node("Exchange", node("Exchange")))),
        json.dumps({"Event": "SparkListenerApplicationEnd", "Timestamp": 150}),
    ]
    assert engine_measures(log, 100, 200) == EngineMeasures(12, 3, 2, 0, {}, 1.5)


def test_an_execution_counts_with_the_last_plan_it_had() -> None:
    log = [
        execution(1, 100, node("Join", node("Exchange"), node("Exchange"))),
        replanned(1, node("Join", node("Exchange"), node("BroadcastExchange"))),
        replanned(1, node("Join", node("ReusedExchange"), node("BroadcastExchange"))),
        replanned(9, node("Exchange")),
    ]
    assert engine_measures(log, 100, 200) == EngineMeasures(0, 0, 0, 1, {}, 0)


def test_queries_on_delta_s_own_log_have_no_exchange_that_counts() -> None:
    description = "Delta: Compute snapshot for version: 3"
    log = [execution(1, 100, node("Exchange"), description), replanned(1, node("Exchange"))]
    assert engine_measures(log, 0, 200) == EngineMeasures(0, 0, 0, 0, {}, 0)


def test_reads_of_a_source_are_counted_and_those_of_staged_rows_and_tables_are_not() -> None:
    sources, mart = "file:/data/sources", "file:/data/mart"
    join = node("Join", scan(f"{sources}/stg_deposits"), scan(f"{mart}/_staging/run/stg_signups"))
    log = [
        execution(1, 100, scan(f"{sources}/stg_web_events")),
        execution(2, 100, node("Join", join, scan(f"{mart}/dim_customer"))),
        execution(3, 100, node("Union", scan(f"{sources}/stg_deposits"))),
    ]
    reads = {"stg_deposits": 2, "stg_web_events": 1}
    assert engine_measures(log, 100, 200) == EngineMeasures(0, 0, 0, 0, reads, 0)


def test_a_task_that_failed_before_it_began_has_no_metrics() -> None:
    info = {"Launch Time": 100, "Finish Time": 103}
    log = [json.dumps({"Event": TASK_END, "Task Info": info})]
    assert engine_measures(log, 100, 200) == EngineMeasures(0, 0, 0, 0, {}, 0.003)


def test_scales_below_1_have_fewer_customers_and_above_1_more_facts_each() -> None:
    assert data_set(1) == DataSet(1_000_000, 5_000_000, 20_000_000, 30_000_000)
    assert data_set(0.1) == DataSet(100_000, 500_000, 2_000_000, 3_000_000)
    assert data_set(2) == DataSet(1_000_000, 10_000_000, 40_000_000, 60_000_000)
    assert doubled(data_set(0.1)) == DataSet(100_000, 1_000_000, 4_000_000, 6_000_000)


def test_a_disk_that_is_too_small_is_refused_with_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=6_599_999_999))
    with pytest.raises(SpaceError) as refused:
        require_space(data_set(1), tmp_path)
    assert str(refused.value) == (
        "The data set customers_1000000_facts_55000000 needs 6.6 GB of disk with what is made of "
        f"it, and 6.6 GB are free in {tmp_path}"
    )
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=6_600_000_000))
    require_space(data_set(1), tmp_path)


def test_of_all_scenarios_those_that_the_disk_allows_are_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = []

    def run(scenario: str, *_: object) -> Result:
        if scenario == "doubled":
            raise SpaceError("too small")
        ran.append(scenario)
        return Result(scenario, 1, 1, "8g", True, {}, [])

    monkeypatch.setattr(benchmark, "run_scenario", run)
    monkeypatch.setattr(sys, "argv", ["benchmark.py", "--scenario", "all"])
    assert benchmark.main() == 1
    assert ran == [name for name in SCENARIOS if name != "doubled"]
    assert "doubled is left out: too small" in capsys.readouterr().err


def test_results_on_the_same_rows_are_compared_with_the_first_of_them() -> None:
    found = pairs(entries("base", 1, CONTENDERS))
    assert [(first.name, other.name) for first, other in found] == [
        ("duckdb", "plain"),
        ("duckdb", "dim_customer"),
        ("duckdb", "dim_customer_deduplicated"),
    ]
    unequal_rows = pairs(entries("doubled", 1, CONTENDERS))
    assert [(first.name, other.name) for first, other in unequal_rows] == [
        ("dim_customer_doubled", "duckdb_doubled")
    ]
    skewed = pairs(entries("skewed", 1, CONTENDERS))
    assert [(first.name, other.name) for first, other in skewed] == [
        ("dim_customer_skewed", "dim_customer_skewed_deduplicated"),
        ("dim_customer_skewed", "dim_customer_skewed_without_aqe"),
        ("dim_customer_skewed", "plain_skewed"),
        ("dim_customer_skewed", "customer_mart_skewed_2g"),
        ("dim_customer_skewed", "duckdb_skewed"),
    ]
    redeliveries = pairs(entries("redelivered", 1, CONTENDERS))
    assert [(first.name, other.name) for first, other in redeliveries] == [
        ("dim_customer", "dim_customer_redelivered")
    ]
    after_incremental_runs = pairs(entries("incremental", 1, CONTENDERS))
    assert [(first.name, other.name) for first, other in after_incremental_runs] == [
        ("customer_mart", "customer_mart_rebuilt")
    ]


def test_equal_rows_in_another_order_and_layout_are_equal(tmp_path: Path) -> None:
    one = customers(tmp_path / "one", [("a", 1), ("b", 2)])
    other = customers(tmp_path / "other", [("b", 2), ("a", 1)], as_delta=True)
    assert difference("one", one, "other", other) is None


def test_of_a_delta_table_only_the_files_of_its_newest_version_are_compared(
    tmp_path: Path,
) -> None:
    log = tmp_path / "_delta_log"
    log.mkdir()
    (log / "00000000000000000000.json").write_text(
        '{"add": {"path": "a.parquet"}}\n{"add": {"path": "b.parquet"}}\n'
    )
    (log / "00000000000000000001.json").write_text(
        '{"remove": {"path": "a.parquet"}}\n{"add": {"path": "c%20d.parquet"}}\n'
    )
    (tmp_path / "a.parquet").touch()
    assert live_files(tmp_path) == [tmp_path / "b.parquet", tmp_path / "c d.parquet"]


def test_a_difference_names_its_columns(tmp_path: Path) -> None:
    one = customers(tmp_path / "one", [("a", 1), ("b", 2), ("c", 3)])
    other = customers(tmp_path / "other", [("a", 1), ("b", 3)])
    assert difference("one", one, "other", other) == (
        "dim_customer of one and other differ: 2 rows are only in one, 1 only in other; columns: "
        "total_deposits (1)"
    )


def test_scores_are_compared_where_both_have_them(tmp_path: Path) -> None:
    one = customers(tmp_path / "one", [("a", 1)])
    other = customers(tmp_path / "other", [("a", 1)])
    customers(one, [("a", 2)], "customer_ltv_scoring")
    assert difference("one", one, "other", other) is None
    customers(other, [("a", 3)], "customer_ltv_scoring")
    assert difference("one", one, "other", other) == (
        "customer_ltv_scoring of one and other differ: 1 rows are only in one, 1 only in other; "
        "columns: total_deposits (1)"
    )


def test_columns_of_other_types_are_a_difference_even_where_the_values_are_the_same(
    tmp_path: Path,
) -> None:
    one = customers(tmp_path / "one", [("a", 1)])
    other = customers(tmp_path / "other", [("a", 1)])
    file = other / "dim_customer" / "rows.parquet"
    widened = "SELECT * REPLACE (CAST(total_deposits AS HUGEINT) AS total_deposits)"
    duckdb.sql(f"COPY ({widened} FROM '{file}') TO '{file}.new' (FORMAT parquet)")
    Path(f"{file}.new").rename(file)
    assert difference("one", one, "other", other) == (
        "dim_customer of one and other differ in types of columns: "
        "total_deposits (INTEGER, DOUBLE)"
    )


def test_scores_that_are_not_those_of_the_customers_beside_them_are_a_difference(
    tmp_path: Path,
) -> None:
    mart = customers(tmp_path / "mart", [("a", 4), ("b", 4)])
    customers(mart, [("a", 4)], "customer_ltv_scoring")
    found = wrong_scores("ours", mart, AS_OF)
    assert found is not None
    assert found.startswith(
        "customer_ltv_scoring of ours and the tests' oracle differ: 1 rows are only in ours, "
        "2 only in the tests' oracle; columns: "
    )
    # Of four deposits: three or more are a 3.
    assert "deposit_behavior_score (1)" in found
    assert "total_deposits" not in found


def test_a_row_that_is_there_twice_is_a_difference(tmp_path: Path) -> None:
    one = customers(tmp_path / "one", [("a", 1), ("a", 1)])
    other = customers(tmp_path / "other", [("a", 1)])
    assert difference("one", one, "other", other) == (
        "dim_customer of one and other differ: 1 rows are only in one, 0 only in other; columns: "
        "only the rows differ"
    )


def test_files_of_delta_s_log_are_not_counted(tmp_path: Path) -> None:
    for name in ("t/a.parquet", "t/d=1/b.parquet", "t/_delta_log/1.checkpoint.parquet"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    assert data_files(tmp_path) == 2


def test_scenarios_are_saved_beside_each_other(tmp_path: Path) -> None:
    file, seconds = tmp_path / "deep" / "results.json", {"dim_customer": [8.0, 6.0, 7.0]}
    save_results(result_of(seconds, scale=0.1), file, None)
    save_results(result_of(seconds), file, None)
    save_results(result_of({"dim_customer": [1.0]}), file, None)
    saved = json.loads(file.read_text())["scenarios"]
    assert {key: scenario["seconds"] for key, scenario in saved.items()} == {
        "base at scale 0.1": {"dim_customer": {"median": 7.0, "lowest": 6.0, "highest": 8.0}},
        "base": {"dim_customer": {"median": 1.0, "lowest": 1.0, "highest": 1.0}},
    }


def test_what_a_stage_took_is_its_median_over_the_repetitions() -> None:
    result = result_of({"dim_customer": [8.0, 6.0, 7.0], "duckdb": []})
    assert stage_seconds(result, "dim_customer") == {"stg_signups": 1.75}
    assert stage_seconds(result, "duckdb") == {}


def test_the_same_ratios_give_the_same_picture(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    save_results(result_of({"dim_customer": [8.0], "duckdb": [3.2]}), file, tmp_path / "a.svg")
    draw_ratios(json.loads(file.read_text())["scenarios"], tmp_path / "b.svg")
    picture = (tmp_path / "a.svg").read_text()
    assert picture == (tmp_path / "b.svg").read_text()
    assert "2.50 (target 4)" in picture


@pytest.mark.slow
def test_every_contender_finishes_with_the_same_result(tmp_path: Path) -> None:
    save, picture = tmp_path / "results.json", tmp_path / "ratios.svg"
    line = [
        *(sys.executable, "scripts/benchmark.py", "--scale", "0.0001", "--repeat", "1"),
        *("--no-warm-up", "--driver-memory", "2g", "--work", str(tmp_path / "work")),
        *("--save", str(save), "--picture", str(picture)),
    ]
    done = subprocess.run(
        line, cwd=ROOT, capture_output=True, text=True, check=False, env=quick_environment()
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All results are equal" in done.stdout
    base = json.loads(save.read_text())["scenarios"]["base at scale 0.0001"]
    assert base["differences"] == []
    assert base["compared"] == [
        ["duckdb", "plain"],
        ["duckdb", "dim_customer"],
        ["duckdb", "dim_customer_deduplicated"],
        ["customer_ltv_scoring", "the tests' oracle"],
    ]
    assert base["machine"].keys() >= {"cores", "memory_bytes", "python", "pyspark", "duckdb"}
    assert [m["entry"] for m in base["measurements"]] == list(BASE)
    measures = {m["entry"]: m["measures"] for m in base["measurements"]}
    assert all(taken["seconds"] > 0 for taken in measures.values())
    for name in ("plain", "dim_customer", "dim_customer_deduplicated"):
        assert min(measures[name][c] for c in ("shuffle_bytes", "exchanges", "files")) > 0, name
    once = dict.fromkeys(("stg_signups", *FACTS), 1)
    for name in ("scan", "dim_customer", "dim_customer_deduplicated"):
        assert measures[name]["reads"].items() >= once.items(), name
    assert measures["scan"]["files"] == 0
    for name in ("dim_customer", "dim_customer_deduplicated", "customer_ltv_scoring"):
        stages = measures[name]["stages"].values()
        assert 0 < sum(stages) <= measures[name]["seconds"], name
    assert measures["plain"]["stages"] == {}
    assert measures["duckdb"]["files"] == 1
    assert [r["target"]["name"] for r in base["ratios"]] == [t.name for t in TARGETS["base"]]
    assert "<svg" in picture.read_text()


@pytest.mark.slow
@pytest.mark.skipif("BENCHMARK_SCENARIOS" not in os.environ, reason="takes minutes: by hand")
def test_incremental_runs_end_with_what_a_rebuild_makes(tmp_path: Path) -> None:
    save = tmp_path / "results.json"
    line = [
        *(sys.executable, "scripts/benchmark.py", "--scenario", "incremental"),
        *("--contenders", "customer_mart,incremental_1_percent,customer_mart_rebuilt"),
        *("--scale", "0.0001", "--repeat", "1", "--no-warm-up", "--driver-memory", "2g"),
        *("--work", str(tmp_path / "work"), "--save", str(save)),
    ]
    done = subprocess.run(
        line, cwd=ROOT, capture_output=True, text=True, check=False, env=quick_environment()
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(save.read_text())["scenarios"]["incremental at scale 0.0001"]
    assert found["compared"] == [
        ["customer_mart", "customer_mart_rebuilt"],
        ["customer_mart", "the tests' oracle"],
        ["customer_mart_rebuilt", "the tests' oracle"],
    ]
    assert found["differences"] == []
    assert [r["target"]["name"] for r in found["ratios"]] == ["1 % touched / full build"]
