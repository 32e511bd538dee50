"""Spark Connect: a part of the suite in such a session, and the command line as a client."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.jobs.operator_data import AS_OF, Operator, comparable
from tests.jobs.test_build import ALL_DIRT, SOURCES
from tests.jobs.test_spark_submit import LOCAL, ROOT, SUBMIT
from tests.processes import quick_environment

INCREMENTAL = "incremental/test_incremental.py"
# Every table by itself, a build, an incremental run, an error of the data and one of the engine.
CHOSEN = (
    "dim_customer",
    "customer_ltv_scoring",
    "customer_tier_changes",
    "staging/test_balance.py",
    "jobs/test_build.py",
    "jobs/test_bad_input.py::test_a_missing_source_is_named_with_its_place",
    "jobs/test_bad_input.py::test_money_that_overflows_is_an_error_not_a_wrap",
    f"{INCREMENTAL}::test_a_change_of_a_mapped_column_touches_its_customer",
)
SERVER = "org.apache.spark.sql.connect.service.SparkConnectServer"
SECONDS_TO_START = 60

pytestmark = [
    pytest.mark.slow,
    pytest.mark.classic("starts a Spark Connect server and a client of its own"),
]


def test_a_part_of_the_suite_passes_in_a_session_of_spark_connect(tmp_path: Path) -> None:
    chosen = [str(ROOT / "tests" / test) for test in CHOSEN]
    apart = ["-p", "no:cacheprovider", "--basetemp", str(tmp_path / "pytest")]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *apart, *chosen],
        cwd=ROOT,
        env=quick_environment(CUSTOMER_MART_TEST_API_MODE="connect"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@contextmanager
def server(port: int) -> Iterator[str]:
    """The address of a server that was started as docs/platforms/connect.md says."""
    where = ("--conf", f"spark.connect.grpc.binding.port={port}")
    packages = os.environ.get("CUSTOMER_MART_TEST_PACKAGES")
    chosen = ("--packages", packages) if packages else ()
    with subprocess.Popen(
        [str(SUBMIT), *LOCAL, *chosen, *where, "--class", SERVER, "spark-internal"],
        env=quick_environment(PYSPARK_PYTHON=sys.executable),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            _await(port, process)
            yield f"sc://localhost:{port}"
        finally:
            process.terminate()


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    """Waits until somebody listens at the port."""
    end = time.monotonic() + SECONDS_TO_START
    while process.poll() is None and time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("localhost", port)) == 0:
                return
        time.sleep(0.2)
    raise AssertionError(f"nothing listens at port {port}; the server: {process.poll()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return int(probe.getsockname()[1])


def _assert_builds_as_in_its_own_process(operator: Operator, **environment: str) -> None:
    """Builds by the command line in such an environment, and compares with a build here."""
    operator.deliver_all(SOURCES)
    places = ("--sources", str(operator.sources), "--mart", str(operator.mart), "--as-of", AS_OF)
    done = subprocess.run(
        [sys.executable, "-m", "customer_mart.cli", "build", *places, *ALL_DIRT],
        cwd=ROOT,
        env=quick_environment(TZ="Asia/Tokyo", **environment),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    tables = ("dim_customer", "customer_ltv_scoring")
    found = [comparable(operator, table) for table in tables]
    assert [row["user_id"] for row in found[0]] == ["ann", "bob"]
    assert operator.build(*ALL_DIRT) == 0
    assert [comparable(operator, table) for table in tables] == found


def test_the_command_line_builds_without_java_where_spark_remote_names_a_server(
    operator: Operator,
) -> None:
    with server(_free_port()) as address:
        nowhere = {"PATH": "/nonexistent", "JAVA_HOME": "/nonexistent"}
        _assert_builds_as_in_its_own_process(operator, SPARK_REMOTE=address, **nowhere)


def test_the_command_line_builds_where_spark_s_own_mode_is_connect(operator: Operator) -> None:
    """PySpark then starts a server in the process of the command line, and is its client."""
    _assert_builds_as_in_its_own_process(operator, SPARK_API_MODE="connect")
