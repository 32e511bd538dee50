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

from tests.jobs.handful import ALL_DIRT, SOURCES
from tests.jobs.operator_data import AS_OF, Operator, comparable
from tests.processes import ROOT, quick_environment
from tests.submission import LOCAL, SUBMIT

INCREMENTAL = "incremental/test_incremental.py"
# Every table by itself, a build, an incremental run, an error of the data and one of the engine.
CHOSEN = (
    "dim_customer",
    "customer_ltv_scoring",
    "customer_tier_changes",
    "staging",
    "jobs/test_build.py",
    "jobs/test_bad_input.py::test_a_missing_source_is_named_with_its_place",
    "jobs/test_bad_input.py::test_money_that_overflows_is_an_error_not_a_wrap",
    f"{INCREMENTAL}::test_a_change_of_a_mapped_column_touches_its_customer",
)
LEASE = 24
# A client that takes the lock of a mart for a build, says so, and keeps it until its input ends.
HOLDER = f"""
import sys
from customer_mart.errors import MartError
from customer_mart.publish.run_lock import run_lock
from customer_mart.session import get_session
from customer_mart.settings.settings import Mart

mart = Mart(location=sys.argv[1], lease_seconds={LEASE}, wait_seconds=int(sys.argv[2]))
try:
    with run_lock(get_session(), mart, "build"):
        print("held", flush=True)
        sys.stdin.read()
except MartError as refused:
    print(refused, flush=True)
"""
SERVER = "org.apache.spark.sql.connect.service.SparkConnectServer"
SECONDS_TO_START = 240

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


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with server(_free_port()) as started:
        yield started


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


def _assert_builds_as_in_its_own_process(
    operator: Operator, mart: str, **environment: str
) -> None:
    """Builds by the command line in such an environment, and compares with a build here.

    mart: the operator's, as it is named there.
    """
    operator.deliver_all(SOURCES)
    places = ("--sources", str(operator.sources), "--mart", mart, "--as-of", AS_OF)
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
    address: str, operator: Operator
) -> None:
    nowhere = {"PATH": "/nonexistent", "JAVA_HOME": "/nonexistent"}
    mart = operator.mart.as_uri()
    _assert_builds_as_in_its_own_process(operator, mart, SPARK_REMOTE=address, **nowhere)
    # Its lock, which nobody holds any more.
    assert operator.table("run_claims").isEmpty()


def _client(address: str, mart: str, *, wait_seconds: int = 0) -> subprocess.Popen[str]:
    """A client of the server that takes the lock of a mart, and keeps it."""
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER, mart, str(wait_seconds)],
        cwd=ROOT,
        env=quick_environment(SPARK_REMOTE=address),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_of_two_clients_one_has_a_mart_behind_a_uri_and_killed_it_keeps_it_for_its_lease(
    address: str, operator: Operator
) -> None:
    mart = operator.mart.as_uri()
    with _client(address, mart) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        with _client(address, mart) as refused:
            told, _ = refused.communicate()
        holder.kill()
    killed_at = time.monotonic()
    assert told.startswith(f"The mart {mart} is in use by a build (process {holder.pid} on ")
    assert f"its lock ends {LEASE} s after its last renewal" in told
    with _client(address, mart, wait_seconds=120) as waits:
        assert waits.communicate()[0] == "held\n"
    # The last renewal may have been a quarter of the lease before the kill.
    assert time.monotonic() - killed_at > LEASE * 3 / 4 - 2
    assert operator.table("run_claims").isEmpty()


def test_the_command_line_builds_where_spark_s_own_mode_is_connect(operator: Operator) -> None:
    """PySpark then starts a server in the process of the command line, and is its client."""
    mart = str(operator.mart)
    _assert_builds_as_in_its_own_process(operator, mart, SPARK_API_MODE="connect")
