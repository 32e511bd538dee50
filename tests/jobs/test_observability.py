"""What Spark tells others of a run, where it has been asked to: lineage and the event log."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.handful import GAMES, SIGNUPS
from tests.jobs.operator_data import AS_OF, REQUIRED, Operator
from tests.processes import ROOT
from tests.submission import LOCAL, submit

pytestmark = pytest.mark.classic("starts a driver with a session of its own")

DELTA = os.environ.get("CUSTOMER_MART_TEST_PACKAGES", "io.delta:delta-spark_4.2_2.13:4.4.0")
LINEAGE = {
    "spark.jars.packages": f"{DELTA},io.openlineage:openlineage-spark_2.13:1.53.0",
    "spark.extraListeners": "io.openlineage.spark.agent.OpenLineageSparkListener",
    "spark.openlineage.transport.type": "file",
}


def _confs(settings: dict[str, str]) -> list[str]:
    return [part for name, value in settings.items() for part in ("--conf", f"{name}={value}")]


def _objects(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


@pytest.mark.slow
def test_lineage_names_sources_and_tables_and_the_event_log_names_the_run(
    operator: Operator, tmp_path: Path
) -> None:
    operator.deliver("stg_signups", SIGNUPS)
    operator.deliver("stg_games", GAMES)
    operator.deliver_nothing_else()
    lineage, log = tmp_path / "lineage.jsonl", tmp_path / "log"
    log.mkdir()
    asked = {
        **LINEAGE,
        "spark.openlineage.transport.location": str(lineage),
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": log.as_uri(),
        "spark.eventLog.rolling.enabled": "false",
        "spark.eventLog.compress": "false",
    }
    places = ("--sources", str(operator.sources), "--mart", str(operator.mart), "--as-of", AS_OF)
    job = str(ROOT / "jobs" / "build_customer_mart.py")
    done = submit(job, *places, options=(*LOCAL, *_confs(asked)))
    assert done.returncode == 0, done.stdout
    [run] = operator.table("mart_runs").collect()
    mart, sources = operator.mart, {str(operator.sources / name) for name in REQUIRED}
    made_of = _inputs_by_output(_objects(lineage))
    assert sources <= made_of[None]
    staged = f"{mart}/_staging/{run['run_id']}/dim_customer"
    assert made_of[f"{mart}/dim_customer"] == {staged}
    assert made_of[f"{mart}/customer_ltv_scoring"] == {f"{mart}/dim_customer"}
    [written] = log.iterdir()
    started = [e["Properties"] for e in _objects(written) if e["Event"] == "SparkListenerJobStart"]
    # Delta reads a table's log in threads of its own, whose jobs carry no tag.
    assert any(run["run_id"] in properties.get("spark.job.tags", "") for properties in started)


def _inputs_by_output(events: list[dict[str, Any]]) -> dict[str | None, set[str]]:
    """What every written dataset was made of; under None what was read, for whatever end."""
    inputs: dict[str | None, set[str]] = {}
    for event in events:
        read = {dataset["name"] for dataset in event.get("inputs", [])}
        for output in [None, *(dataset["name"] for dataset in event.get("outputs", []))]:
            inputs[output] = inputs.get(output, set()) | read
    return inputs
