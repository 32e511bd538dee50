"""The packaged job on a cluster of separate processes whose workers have no Python at all.

Standalone clusters run Python jobs in client mode only, so that there is no other mode to test.
"""

import os
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from scripts.generate_data import staging_tables
from tests.cluster.standalone import Cluster, Daemon, awaited, standalone_cluster, without_python
from tests.frames import utc
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
    spark.conf.set("spark.sql.codegen.wholeStage", "false")
    ids, games = spark.range(CUSTOMERS), spark.range(40)
    for name, table in staging_tables(ids, games, 7, utc("2025-01-01 00:00:00")).items():
        table.repartition(FILES.get(name, 2)).write.parquet(str(folder / name))
    spark.conf.unset("spark.sql.codegen.wholeStage")
    return folder


def _operator(spark: SparkSession, folder: Path, sources: Path, empty_mart: Path) -> Operator:
    operator = Operator.with_empty_mart(spark, folder, empty_mart)
    operator.sources.symlink_to(sources)
    return operator


@pytest.fixture(scope="module")
def local(
    spark: SparkSession,
    tmp_path_factory: pytest.TempPathFactory,
    sources: Path,
    empty_mart: Path,
) -> dict[str, Any]:
    """What the build publishes and records in the session of the tests, on the same sources."""
    operator = _operator(spark, tmp_path_factory.mktemp("local"), sources, empty_mart)
    assert operator.build(*ALL_DIRT) == 0
    return _published(operator)


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


@contextmanager
def _submitted(
    operator: Operator, cluster: Cluster, jars: Path, driver_python: Path
) -> Iterator[subprocess.Popen[str]]:
    """The build on its way, and ended in any case; Spark's log is a file beside the mart."""
    job = str(ROOT / "jobs" / "build_customer_mart.py")
    places = ["--sources", str(operator.sources), "--mart", str(operator.mart), "--as-of", AS_OF]
    to = ["--master", cluster.url, "--jars-dir", str(jars)]
    with (operator.folder / "spark.log").open("w") as log:
        process = subprocess.Popen(
            [str(ROOT / "scripts" / "submit.sh"), *to, *SMALL, job, *places, *ALL_DIRT],
            cwd=operator.folder,
            env={**without_python(), "PYSPARK_DRIVER_PYTHON": str(driver_python)},
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

    with _submitted(operator, cluster, jars, driver_python) as process:
        victim = awaited(half_way, cluster.workers[0], seconds=120)
        (executor,) = awaited(victim.executors, victim)
        os.kill(executor, signal.SIGKILL)
        _assert_done(process, operator)
    assert "exited with code 137" in victim.log
    assert len(local["dim_customer"]) > 300
    assert _published(operator) == local
    assert all("Running task" in worker.executor_log() for worker in cluster.workers)
