"""One Spark session for the whole run: local, UTC, ANSI, and few partitions.

With CUSTOMER_MART_TEST_API_MODE=connect it is one of Spark Connect, on a server of its own, which
needs more memory for all tests: CUSTOMER_MART_TEST_MEMORY=6g.
"""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from delta import configure_spark_with_delta_pip
from pyspark.sql import SparkSession

from customer_mart.contracts import MART_TABLES
from customer_mart.publish.tables import ensure_table
from customer_mart.publish.target import target
from customer_mart.session import DELTA, LAPTOP, PINNED, TUNED
from customer_mart.settings.settings import Mart
from tests.connect.server import connect_server
from tests.incremental.warehouse import JANUARY, SOURCES, Warehouse
from tests.interpreted import interpreted
from tests.jobs.operator_data import Operator

IS_CONNECT = os.environ.get("CUSTOMER_MART_TEST_API_MODE") == "connect"
# Seconds since 1970, after which no slow test begins, and none at all.
SLOW_TESTS_START_UNTIL = float(os.environ.get("SLOW_TESTS_START_UNTIL", "inf"))
TESTS_START_UNTIL = float(os.environ.get("TESTS_START_UNTIL", "inf"))
# Folders of the tests that a change is judged by before others that are slow.
PROOFS = ("incremental", "faults", "erasure")
TEST_SETTINGS = {
    "spark.driver.memory": os.environ.get("CUSTOMER_MART_TEST_MEMORY", "3g"),
    "spark.driver.extraJavaOptions": LAPTOP["spark.driver.extraJavaOptions"],
    "spark.sql.shuffle.partitions": "4",
    # The same plans come again and again: what was compiled for one test is there for the next. A
    # build is some 300 pieces of code, and Spark keeps 100.
    "spark.sql.codegen.cache.maxEntries": "5000",
    # Every task that reads a table's log generates code for it anew.
    "spark.databricks.delta.snapshotPartitions": "1",
    # Because of the time zone below, Delta would read the whole log after each commit to compare
    # it with the list of files that it keeps beside the log.
    "spark.databricks.delta.allFilesInCrc.verificationMode.forceOnNonUTC.enabled": "false",
    # VACUUM lists files in this many tasks.
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "4",
    # Paths whole in explained plans, however deep the folder of the tests lies.
    "spark.sql.maxMetadataStringLength": "1000",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    "spark.sql.debug.maxToStringFields": "200",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        needed = item.get_closest_marker("classic")
        if IS_CONNECT and needed:
            item.add_marker(pytest.mark.skip(reason=f"not with Spark Connect: {needed.args[0]}"))
    # Files with slow tests come last: those are what a slow machine leaves out. It is to leave out
    # what is proven of incremental runs and of kills last of all.
    slow = {item.path for item in items if _is_slow(item)}
    other = {path for path in slow if path.parent.name not in PROOFS}
    items.sort(key=lambda item: (item.path in slow) + (item.path in other))


def pytest_runtest_setup(item: pytest.Item) -> None:
    until = SLOW_TESTS_START_UNTIL if _is_slow(item) else TESTS_START_UNTIL
    if time.time() > until:
        pytest.skip("no time left on this machine: see TESTS_START_UNTIL in .ci/run")


def _is_slow(item: pytest.Item) -> bool:
    return item.get_closest_marker("slow") is not None


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    # The zone that Python prints in must not be what makes a test pass.
    os.environ["TZ"] = "America/New_York"
    warehouse = {"spark.sql.warehouse.dir": str(tmp_path_factory.mktemp("warehouse"))}
    settings = {**DELTA, **PINNED, **TUNED, **TEST_SETTINGS, **warehouse}
    with _connect_session(settings) if IS_CONNECT else _classic_session(settings) as session:
        yield session
        session.stop()


@contextmanager
def _classic_session(settings: dict[str, str]) -> Iterator[SparkSession]:
    builder = SparkSession.builder.master("local[2]").appName("customer-mart tests")
    for name, value in settings.items():
        builder = builder.config(name, value)
    yield configure_spark_with_delta_pip(builder).getOrCreate()


@contextmanager
def _connect_session(settings: dict[str, str]) -> Iterator[SparkSession]:
    with connect_server(settings) as url:
        yield SparkSession.builder.remote(url).getOrCreate()


@pytest.fixture(scope="module")
def interpreting(spark: SparkSession) -> Iterator[None]:
    """For tests of what is read and written rather than of what is computed."""
    with interpreted(spark):
        yield


@pytest.fixture(scope="session")
def empty_mart(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mart whose tables have been created and hold nothing."""
    folder = tmp_path_factory.mktemp("empty") / "mart"
    for table in MART_TABLES:
        ensure_table(spark, target(table, Mart(location=str(folder))))
    return folder


@pytest.fixture
def operator(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory, empty_mart: Path
) -> Operator:
    return Operator.with_empty_mart(spark, tmp_path_factory.mktemp("operator"), empty_mart)


@pytest.fixture(scope="session")
def first_run(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory, empty_mart: Path
) -> Path:
    """The folder of a warehouse whose mart was built as of January."""
    folder = tmp_path_factory.mktemp("first") / "run"
    shutil.copytree(empty_mart, folder / "mart")
    made = Warehouse(spark, folder)
    with interpreted(spark):
        for table, rows in SOURCES.items():
            made.create(table, rows)
        assert made.run(JANUARY, "auto") == 0
        assert made.last_run()["mode"] == "full"
    return folder


@pytest.fixture
def warehouse(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory, first_run: Path
) -> Iterator[Warehouse]:
    folder = tmp_path_factory.mktemp("warehouse") / "copy"
    shutil.copytree(first_run, folder)
    with interpreted(spark):
        yield Warehouse(spark, folder)
