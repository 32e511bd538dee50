"""databricks.yml and resources/ agree with Databricks, with the package and with themselves.

The bundle is always checked against a JSON schema whose jobs come from Databricks' SDK
(bundle_schema.py). The schema that the Databricks CLI prints is for customers of Databricks, by
its licence: it is used where `databricks bundle schema` is at hand, or where
DATABRICKS_BUNDLE_SCHEMA names a file that it wrote.
"""

import copy
import json
import operator
import os
import re
import shutil
import subprocess
from functools import reduce
from importlib.metadata import EntryPoint
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from customer_mart.cli import main
from customer_mart.publish.run_lock import TABLE_LEASE_SECONDS
from customer_mart.settings import load_settings
from tests.databricks.bundle import ROOT, bundle, jobs, parameters, references, written
from tests.databricks.bundle_schema import bundle_schema

TARGETS = ("dev", "prod")
NAMES = ("customer_mart_classic", "customer_mart_serverless")
STATUS = "customer_mart_status"
COMMANDS = {**{name: ["build", "maintain"] for name in NAMES}, STATUS: ["status"]}
TASKS = [
    (target, name, number)
    for target in TARGETS
    for name, commands in COMMANDS.items()
    for number in range(len(commands))
]
SCHEMA = os.environ.get("DATABRICKS_BUNDLE_SCHEMA")
CLI = shutil.which("databricks")


def _arguments(target: str, name: str, number: int) -> list[str]:
    job = jobs(target)[name]
    return parameters(job, job["tasks"][number])


def test_there_are_these_jobs_and_no_others() -> None:
    assert set(written()["resources"]["jobs"]) == set(COMMANDS)


@pytest.mark.parametrize("target", TARGETS)
def test_the_bundle_is_valid_by_a_schema_whose_jobs_are_those_of_databricks(target: str) -> None:
    jsonschema.validate(bundle(target), bundle_schema())


CLASSIC = ("resources", "jobs", "customer_mart_classic")


@pytest.mark.parametrize(
    "place",
    [
        (),
        ("bundle",),
        ("artifacts", "customer_mart"),
        ("variables", "catalog"),
        ("targets", "prod"),
        ("targets", "prod", "run_as"),
        ("targets", "prod", "workspace"),
        ("resources",),
        CLASSIC,
        (*CLASSIC, "schedule"),
        (*CLASSIC, "job_clusters", 0, "new_cluster"),
        (*CLASSIC, "tasks", 0),
        (*CLASSIC, "tasks", 0, "python_wheel_task"),
        (*CLASSIC, "tasks", 1, "depends_on", 0),
    ],
)
def test_a_name_that_databricks_does_not_know_is_not_valid(place: tuple[str | int, ...]) -> None:
    changed = _copy()
    _at(changed, place)["no_such_name"] = {}
    with pytest.raises(jsonschema.ValidationError, match="no_such_name"):
        jsonschema.validate(changed, bundle_schema())


@pytest.mark.parametrize(
    ("place", "name"),
    [
        (("bundle",), "name"),
        (("variables", "catalog"), "description"),
        ((*CLASSIC, "schedule"), "timezone_id"),
        ((*CLASSIC, "tasks", 0), "task_key"),
        ((*CLASSIC, "tasks", 0, "python_wheel_task"), "entry_point"),
    ],
)
def test_a_name_that_is_missing_is_not_valid(place: tuple[str | int, ...], name: str) -> None:
    changed = _copy()
    del _at(changed, place)[name]
    with pytest.raises(jsonschema.ValidationError, match=name):
        jsonschema.validate(changed, bundle_schema())


@pytest.mark.parametrize(
    ("place", "name", "value"),
    [
        (CLASSIC, "timeout_seconds", "4 hours"),
        ((*CLASSIC, "schedule"), "pause_status", "RUNNING"),
        ((*CLASSIC, "tasks", 0, "python_wheel_task"), "parameters", "build"),
        (("targets", "dev"), "mode", "test"),
    ],
)
def test_a_value_of_another_kind_is_not_valid(
    place: tuple[str | int, ...], name: str, value: str
) -> None:
    changed = _copy()
    _at(changed, place)[name] = value
    with pytest.raises(jsonschema.ValidationError, match=value):
        jsonschema.validate(changed, bundle_schema())


def _copy() -> dict[str, Any]:
    return copy.deepcopy(bundle("prod"))


def _at(node: Any, place: tuple[str | int, ...]) -> Any:
    return reduce(operator.getitem, place, node)


@pytest.mark.skipif(not (CLI or SCHEMA), reason="there is no Databricks CLI to print the schema")
def test_the_bundle_is_valid_by_its_json_schema() -> None:
    if SCHEMA:
        text = Path(SCHEMA).read_text(encoding="utf-8")
    else:
        printed = subprocess.run(
            [str(CLI), "bundle", "schema"], capture_output=True, text=True, check=True
        )
        text = printed.stdout
    # The schema names characters in a way that Python's expressions do not know; ours are ASCII.
    text = text.replace(r"[\\p{L}\\p{N}]", "[A-Za-z0-9]").replace(r"\\p{L}", "[A-Za-z]")
    jsonschema.validate(written(), json.loads(text))


def test_every_reference_is_declared_and_every_variable_used() -> None:
    everything = {**written(), "variables": {}}
    used = {name for name in references(everything) if name.startswith("var.")}
    assert used == {f"var.{name}" for name in written()["variables"]}
    for target in written()["targets"].values():
        assert set(target["variables"]) <= set(written()["variables"])


@pytest.mark.parametrize("name", NAMES)
def test_maintenance_waits_for_the_build_on_compute_that_is_declared(name: str) -> None:
    job = jobs("prod")[name]
    build, maintain = job["tasks"]
    assert (build["task_key"], maintain["task_key"]) == ("build", "maintain")
    assert "depends_on" not in build
    assert maintain["depends_on"] == [{"task_key": "build"}]
    if name == "customer_mart_classic":
        declared = [cluster["job_cluster_key"] for cluster in job["job_clusters"]]
        used = [task["job_cluster_key"] for task in job["tasks"]]
        wheels = [task["libraries"] for task in job["tasks"]]
    else:
        declared = [environment["environment_key"] for environment in job["environments"]]
        used = [task["environment_key"] for task in job["tasks"]]
        wheels = [job["environments"][0]["spec"]["dependencies"]]
    assert used == declared * 2
    assert all(re.search(r"\.\./dist/\*\.whl", str(wheel)) for wheel in wheels)


@pytest.mark.parametrize(("target", "name", "number"), TASKS)
def test_every_task_calls_an_entry_point_of_the_wheel(target: str, name: str, number: int) -> None:
    task = jobs(target)[name]["tasks"][number]["python_wheel_task"]
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'\nname = "{task["package_name"]}"\n' in project
    scripts = project.split("[project.scripts]")[1].split("\n[")[0]
    declared = dict(re.findall(r'^([\w-]+) = "([\w.:]+)"$', scripts, re.MULTILINE))
    entry_point = EntryPoint(task["entry_point"], declared[task["entry_point"]], "console_scripts")
    assert callable(entry_point.load())


@pytest.mark.parametrize(("target", "name", "number"), TASKS)
def test_the_command_line_knows_every_argument_of_a_task(
    target: str, name: str, number: int, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = _arguments(target, name, number)
    assert arguments[0] == COMMANDS[name][number]
    assert not [argument for argument in arguments if "{{" in argument or "${" in argument]
    # The last argument is wrong, and the first thing found to be wrong.
    assert main([*arguments, "--set", "no_such_setting=1"]) == 2
    assert capsys.readouterr().err.startswith("customer-mart: Unknown setting no_such_setting;")


MARTS: dict[str, Any] = {"dev": "lottery.mart_ann_doe", "prod": "lottery.mart"}


@pytest.mark.parametrize(("target", "name", "number"), TASKS)
def test_every_task_is_told_of_the_targets_tables(target: str, name: str, number: int) -> None:
    arguments = _arguments(target, name, number)
    pairs = list(pairwise(arguments))
    config = next(Path(value) for flag, value in pairs if flag == "--config")
    overrides = [value for flag, value in pairs if flag == "--set"]
    settings = load_settings(config, overrides)
    assert settings.mart.catalog_schema == MARTS[target]
    assert settings.sources.source("stg_games").table == "lottery.staging.stg_games"
    # The settings of production name the same schema: a build does not count on them.
    assert ("sources.schema=lottery.staging" in overrides) == (arguments[0] == "build")
    if arguments[0] != "status":
        assert settings.mart.wait_seconds > TABLE_LEASE_SECONDS


def test_production_runs_one_build_and_the_status_by_the_clock_and_development_none() -> None:
    states = {
        target: {name: job["schedule"]["pause_status"] for name, job in jobs(target).items()}
        for target in TARGETS
    }
    assert states == {
        "dev": dict.fromkeys(COMMANDS, "PAUSED"),
        "prod": {
            "customer_mart_classic": "PAUSED",
            "customer_mart_serverless": "UNPAUSED",
            "customer_mart_status": "UNPAUSED",
        },
    }
    assert all(jobs("prod")[name]["max_concurrent_runs"] == 1 for name in NAMES)


def test_the_as_of_is_the_day_that_a_run_was_due() -> None:
    for name in NAMES:
        build = _arguments("prod", name, 0)
        assert build[build.index("--as-of") + 1] == "2025-01-02"
        assert build[build.index("--mode") + 1] == "auto"


def test_the_status_is_asked_an_hour_after_the_build_and_tells_who_hears_of_failures() -> None:
    build, status = jobs("prod")["customer_mart_serverless"], jobs("prod")[STATUS]
    times = [job["schedule"]["quartz_cron_expression"] for job in (build, status)]
    assert times == ["0 15 3 * * ?", "0 15 4 * * ?"]
    assert status["email_notifications"] == {"on_failure": ["data@example.com"]}
    assert status["environments"] == build["environments"]
    [task] = status["tasks"]
    assert task["environment_key"] == status["environments"][0]["environment_key"]
    assert "depends_on" not in task


@pytest.mark.parametrize("target", TARGETS)
def test_a_build_that_was_never_started_is_stale_on_its_own_day(target: str) -> None:
    pairs = list(pairwise(_arguments(target, STATUS, 0)))
    [hours] = [value for flag, value in pairs if flag == "--max-age-hours"]
    # At a quarter past four, the as-of of the day before is 28 hours old.
    assert 4 < int(hours) < 28
