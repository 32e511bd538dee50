"""A session that somebody else made keeps its master, its jars, its memory and all else."""

import json
import logging
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from customer_mart.errors import UsageError
from customer_mart.session import DELTA, LAPTOP, PINNED, TUNED, _pin, _tune, get_session

ROOT = Path(__file__).parents[1]
# No session that runs takes this one: its refusal is that of a platform.
REFUSED = {"spark.sql.warehouse.dir": "/elsewhere"}


def _settings(spark: SparkSession) -> dict[str, str | None]:
    return {**dict(spark.sparkContext.getConf().getAll()), **spark.conf.getAll}


@pytest.mark.classic("reads the settings of the process")
def test_on_a_runtime_only_what_rows_and_plans_depend_on_is_set(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "17.3")
    spark.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
    spark.conf.set("spark.sql.ansi.enabled", "false")
    spark.conf.set("spark.sql.codegen.hugeMethodLimit", "65535")
    spark.conf.set("spark.sql.files.ignoreMissingFiles", "True")
    spark.conf.set("spark.sql.timestampType", "TIMESTAMP_NTZ")
    before = _settings(spark)
    try:
        assert get_session(show_progress_bar=True, verbose=True) is spark
        after = _settings(spark)
    finally:
        for name, value in {**PINNED, **TUNED}.items():
            spark.conf.set(name, value)
        spark.conf.unset("spark.sql.files.ignoreMissingFiles")
        spark.conf.unset("spark.sql.timestampType")
    assert {name: value for name, value in after.items() if before.get(name) != value} == {
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.ansi.enabled": "true",
        "spark.sql.codegen.hugeMethodLimit": "8000",
        "spark.sql.files.ignoreMissingFiles": "false",
        "spark.sql.timestampType": "TIMESTAMP_LTZ",
    }
    assert set(before) <= set(after)


@pytest.mark.classic("reads the settings of the process")
def test_the_session_of_another_thread_is_left_as_it_is(spark: SparkSession) -> None:
    ours = {"spark.master", "spark.app.name", *DELTA, *LAPTOP, *PINNED, *TUNED}
    before = _settings(spark)
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(get_session).result() is spark
    after = _settings(spark)
    assert {name: after.get(name) for name in ours} == {name: before.get(name) for name in ours}
    assert before["spark.sql.shuffle.partitions"] != LAPTOP["spark.sql.shuffle.partitions"]


def test_a_refused_setting_that_rows_depend_on_is_a_usage_error(spark: SparkSession) -> None:
    with pytest.raises(UsageError) as refused:
        _pin(spark, REFUSED)
    assert "session refuses spark.sql.warehouse.dir=/elsewhere, on which" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_refused_setting_of_mere_speed_is_noted_and_nothing_more(
    spark: SparkSession, caplog: pytest.LogCaptureFixture
) -> None:
    _tune(spark, REFUSED)
    [line] = caplog.messages
    assert "refuses spark.sql.warehouse.dir=/elsewhere and may be slower" in line


@pytest.mark.parametrize(
    ("file", "is_told"),
    [
        ("/lib/py4j/java_gateway.py", False),
        ("/spark/python/lib/py4j-0.10.9.9-src.zip/py4j/clientserver.py", False),
        ("/lib/other/java_gateway.py", True),
    ],
)
def test_what_py4j_logs_of_a_broken_call_is_not_shown(
    spark: SparkSession, file: str, *, is_told: bool
) -> None:
    assert get_session() is spark
    told = "Exception while sending command."
    record = logging.LogRecord("root", logging.ERROR, file, 1, told, (), None)
    assert bool(logging.getLogger().filter(record)) is is_told


@pytest.mark.slow
@pytest.mark.parametrize(
    "address",
    [
        "sc://h:443/;token={}==",
        "sc:///;token={}",
        "h/token={}",
        # Without the / the token stands in the place of the port, or of the host's name.
        "sc://localhost:15002;token={}",
        "sc://localhost;token={}",
        "sc://localhost:{}",
    ],
)
def test_an_address_that_is_none_is_not_repeated_with_its_token(
    address: str, tmp_path: Path
) -> None:
    sentinel = "dapi0123456789"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "customer_mart.cli",
            "status",
            "--mart",
            str(tmp_path),
            "--verbose",
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "SPARK_REMOTE": address.format(sentinel)},
    )
    assert done.returncode == 2
    assert "customer-mart: Spark does not start: SPARK_REMOTE is no address such as" in done.stderr
    assert sentinel not in done.stdout + done.stderr


PLATFORM = {
    "spark.master": "local[1]",
    "spark.app.name": "the platform's",
    "spark.driver.memory": "1g",
    "spark.ui.enabled": "false",
}
PRINT_SETTINGS = """
import json
from customer_mart.session import get_session
print(json.dumps(dict(get_session().sparkContext.getConf().getAll())))
"""


def _printed_settings(environment: dict[str, str]) -> dict[str, str]:
    """The settings of the session that a process of its own gets."""
    done = subprocess.run(
        [sys.executable, "-c", PRINT_SETTINGS],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, **environment},
    )
    settings: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return settings


def _properties(file: Path) -> dict[str, str]:
    """What a properties file sets; a line that ends in a backslash goes on in the next."""
    lines = re.sub(r"\\\n\s*", "", file.read_text(encoding="utf-8")).splitlines()
    return dict(line.split(maxsplit=1) for line in lines if line and not line.startswith("#"))


def test_a_laptop_s_own_session_is_set_as_the_file_for_spark_submit_has_it() -> None:
    own, submitted = {**DELTA, **LAPTOP}, _properties(ROOT / "conf" / "spark-local.conf")
    both = own.keys() & submitted.keys()
    assert both >= {"spark.jars.excludes", "spark.driver.memory", *DELTA}
    assert {name: own[name] for name in both} == {name: submitted[name] for name in both}


@pytest.mark.slow
@pytest.mark.classic("starts a driver with a session of its own")
def test_a_laptop_s_own_session_takes_delta_without_what_spark_ships() -> None:
    settings = _printed_settings({})
    assert settings["spark.jars.excludes"] == LAPTOP["spark.jars.excludes"]
    jars = {Path(jar).name.rsplit("-", 1)[0] for jar in settings["spark.jars"].split(",")}
    assert any(jar.startswith("io.delta_delta-spark") for jar in jars)
    shipped = ("org.apache.hadoop", "org.apache.parquet")
    assert not any(jar.startswith(shipped) for jar in jars)


@pytest.mark.slow
@pytest.mark.classic("starts a driver with a session of its own")
def test_a_runtime_without_a_session_yet_decides_on_the_one_it_makes(tmp_path: Path) -> None:
    lines = [f"{name} {value}" for name, value in PLATFORM.items()]
    (tmp_path / "spark-defaults.conf").write_text("\n".join(lines), encoding="utf-8")
    runtime = {"DATABRICKS_RUNTIME_VERSION": "17.3", "SPARK_CONF_DIR": str(tmp_path)}
    settings = _printed_settings(runtime)
    assert {name: settings[name] for name in PLATFORM} == PLATFORM
    ours = {*DELTA, *LAPTOP, "spark.jars", "spark.jars.packages", "spark.log.level"}
    # PySpark's launcher gives every driver options of its own.
    launched = settings["spark.driver.extraJavaOptions"]
    assert LAPTOP["spark.driver.extraJavaOptions"] not in launched
    assert ours & set(settings) == {
        "spark.driver.extraJavaOptions",
        "spark.driver.memory",
        "spark.ui.enabled",
    }
