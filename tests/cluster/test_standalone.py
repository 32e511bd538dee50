"""The packaged job on a cluster of separate processes whose workers have no Python at all.

Standalone clusters run Python jobs in client mode only, so that there is no other mode to test.
"""

import os
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from scripts.generating.staging import staging_tables
from tests.cluster.conftest import environment_in, zip_in
from tests.cluster.standalone import Cluster, Daemon, awaited, standalone_cluster, without_python
from tests.frames import utc
from tests.interpreted import INTERPRETED, interpreted
from tests.jobs.operator_data import AS_OF, Operator

ROOT = Path(__file__).parents[2]
CUSTOMERS = 400
# Each file of a source is a task, and its one exchange leaves a file for each.
FILES = {"stg_ticket_purchases": 12}
SMALL = (
    *("--conf", "spark.driver.host=127.0.0.1", "--conf", "spark.driver.memory=1g"),
    *("--conf", "spark.executor.memory=1g", "--conf", "spark.executor.cores=1"),
    *("--conf", "spark.sql.shuffle.partitions=4", "--conf", "spark.ui.enabled=false"),
    *("--conf", "spark.databricks.delta.snapshotPartitions=2"),
    *("--conf", "spark.sql.files.openCostInBytes=128m"),
    # A short run is over before the JVM's best compiler pays.
    *("--conf", "spark.driver.extraJavaOptions=-XX:TieredStopAtLevel=1"),
    *("--conf", "spark.executor.extraJavaOptions=-XX:TieredStopAtLevel=1"),
    *(word for name, value in INTERPRETED.items() for word in ("--conf", f"{name}={value}")),
)
ALL_DIRT = ("--set", "quality.max_quarantined_fraction=1")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.classic("starts a driver with a session of its own"),
]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with standalone_cluster(tmp_path_factory.mktemp("cluster")) as started:
        yield started


@pytest.fixture(scope="module")
def sources(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generated") / "sources"
    ids, games = spark.range(CUSTOMERS), spark.range(40)
    with interpreted(spark):
        for name, table in staging_tables(ids, games, 7, utc("2025-01-01 00:00:00")).items():
            table.repartition(FILES.get(name, 2)).write.parquet(str(folder / name))
    return folder


def _operator(spark: SparkSession, folder: Path, sources: Path, empty_mart: Path) -> Operator:
    operator = Operator.with_empty_mart(spark, folder, empty_mart)
    operator.sources.symlink_to(sources)
    return operator


@pytest.fixture(scope="module")
def built(
    spark: SparkSession,
    tmp_path_factory: pytest.TempPathFactory,
    sources: Path,
    empty_mart: Path,
) -> Operator:
    """A mart that was built in the session of the tests, on the same sources."""
    operator = _operator(spark, tmp_path_factory.mktemp("local"), sources, empty_mart)
    assert operator.build(*ALL_DIRT) == 0
    return operator


@pytest.fixture(scope="module")
def local(built: Operator) -> dict[str, Any]:
    """What that build published and recorded."""
    return _published(built)


def _published(operator: Operator) -> dict[str, Any]:
    run = operator.last_run()
    assert run["status"] == "succeeded", run["error"]
    return {
        "dim_customer": operator.rows("dim_customer"),
        "customer_ltv_scoring": operator.rows("customer_ltv_scoring"),
        "quarantine": operator.table("quarantine").count(),
        "reconciliation": sorted(run["reconciliation"], key=str),
        "warnings": run["warnings"],
    }


@pytest.fixture
def operator(spark: SparkSession, tmp_path: Path, sources: Path, empty_mart: Path) -> Operator:
    return _operator(spark, tmp_path, sources, empty_mart)


def _build(operator: Operator) -> tuple[str, ...]:
    places = ("--sources", str(operator.sources), "--mart", str(operator.mart))
    return (_job("build_customer_mart"), *places, "--as-of", AS_OF, *ALL_DIRT)


def _job(name: str) -> str:
    return str(ROOT / "jobs" / f"{name}.py")


@contextmanager
def _submitted(
    operator: Operator, cluster: Cluster, jars: Path, *line: str, **environment: str
) -> Iterator[subprocess.Popen[str]]:
    """A job on its way, and ended in any case; Spark's log is a file beside the mart."""
    to = ["--master", cluster.url, "--jars-dir", str(jars)]
    with (operator.folder / "spark.log").open("w") as log:
        process = subprocess.Popen(
            [str(ROOT / "scripts" / "submit.sh"), *to, *SMALL, *line],
            cwd=operator.folder,
            env={**without_python(), **environment},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def _assert_done(process: subprocess.Popen[str], operator: Operator) -> None:
    printed, _ = process.communicate(timeout=240)
    log = (operator.folder / "spark.log").read_text()
    assert process.returncode == 0, printed + log[-3000:]


def test_a_cluster_that_loses_an_executor_publishes_the_rows_of_one_machine(
    operator: Operator,
    cluster: Cluster,
    jars: Path,
    driver_python: Path,
    local: dict[str, Any],
) -> None:
    def half_way() -> Daemon | None:
        """A worker that has done about half of its tasks of the one source of many files."""
        for worker in cluster.workers:
            shuffles = [path.name.split("_")[1] for path in worker.map_outputs()]
            if max(Counter(shuffles).values(), default=0) >= 3:
                return worker
        return None

    python = {"PYSPARK_DRIVER_PYTHON": str(driver_python)}
    with _submitted(operator, cluster, jars, *_build(operator), **python) as process:
        victim = awaited(half_way, cluster.workers[0], seconds=120)
        (executor,) = awaited(victim.executors, victim)
        os.kill(executor, signal.SIGKILL)
        _assert_done(process, operator)
    assert "exited with code 137" in victim.log
    assert len(local["dim_customer"]) > 300
    assert _published(operator) == local
    assert all("Running task" in worker.executor_log() for worker in cluster.workers)


def test_an_erasure_takes_the_package_from_the_zip_and_executors_their_python_from_the_archive(
    built: Operator,
    cluster: Cluster,
    jars: Path,
    packages: Path,
    python_without_the_package: Path,
    tmp_path: Path,
) -> None:
    operator = Operator(built.spark, tmp_path)
    shutil.copytree(built.mart, operator.mart)
    erased, *others = [row["user_id"] for row in operator.rows("dim_customer")]
    archive, zipped = environment_in(packages), zip_in(packages)
    sent = ("--archives", f"{archive}#environment", "--py-files", str(zipped))
    pythons = (
        *("--conf", "spark.pyspark.python=./environment/bin/python"),
        *("--conf", f"spark.pyspark.driver.python={python_without_the_package}"),
    )
    erase = (_job("erase_customers"), "--mart", str(operator.mart), "--user-id", erased)
    with _submitted(operator, cluster, jars, *sent, *pythons, *erase) as process:
        _assert_done(process, operator)
    assert [row["user_id"] for row in operator.rows("dim_customer")] == others
    # The workers are told of no other Python, and the rows of ids need one.
    unpacked = [
        list(worker.folder.glob("work/*/*/environment/bin/python")) for worker in cluster.workers
    ]
    assert any(unpacked)
