"""An S3 server on this machine, and drivers in processes of their own."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.object_storage.processes import (
    BUCKET,
    REFUSED,
    SECRET_PROPERTIES,
    SECRET_VALUES,
    Driver,
    Store,
)
from tests.object_storage.refusal import refusing_store

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the processes put whatever they write on this machine."""
    return tmp_path_factory.mktemp("object_storage")


@pytest.fixture(scope="module")
def store(folder: Path) -> Iterator[Store]:
    log = folder / "moto.log"
    with log.open("w") as written:
        server = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"],
            stdout=written,
            stderr=subprocess.STDOUT,
        )
    while not (found := re.search(r"Running on (http://127\.0\.0\.1:\d+)", log.read_text())):
        assert server.poll() is None, log.read_text()
        time.sleep(0.1)
    client: Any = boto3.client(
        "s3",
        endpoint_url=found[1],
        region_name="us-east-1",
        aws_access_key_id="setup",
        aws_secret_access_key="setup",  # noqa: S106 - the server takes any
    )
    client.create_bucket(Bucket=BUCKET)
    yield Store(client, found[1])
    server.kill()
    server.wait()


@pytest.fixture(scope="module")
def refusing_url() -> Iterator[str]:
    with refusing_store() as url:
        yield url


@pytest.fixture(scope="module")
def start_driver(
    folder: Path, store: Store, refusing_url: str
) -> Iterator[Callable[[str], Driver]]:
    started: list[Driver] = []

    def start(name: str) -> Driver:
        events = folder / f"events-{name}"
        events.mkdir()
        settings = {
            "spark.driver.memory": "1g",
            "spark.sql.shuffle.partitions": "4",
            "spark.databricks.delta.snapshotPartitions": "2",
            "spark.sql.sources.parallelPartitionDiscovery.parallelism": "4",
            "spark.log.level": "INFO",
            "spark.eventLog.enabled": "true",
            "spark.eventLog.compress": "false",
            "spark.eventLog.dir": events.as_uri(),
            "spark.hadoop.fs.s3a.endpoint": store.url,
            "spark.hadoop.fs.s3a.endpoint.region": "us-east-1",
            "spark.hadoop.fs.s3a.path.style.access": "true",
            f"spark.hadoop.fs.s3a.bucket.{REFUSED}.endpoint": refusing_url,
            **SECRET_PROPERTIES,
        }
        options = " ".join(f"--conf {key}={value}" for key, value in settings.items())
        submit = f"--properties-file {ROOT / 'conf' / 'spark-s3.conf'} {options} pyspark-shell"
        environment = {**os.environ, **SECRET_VALUES, "PYSPARK_SUBMIT_ARGS": submit}
        environment.pop("SPARK_HOME", None)
        with (folder / f"stderr-{name}").open("w") as errors:
            process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("driver.py"))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={**environment, "PYTHONPATH": str(ROOT)},
                cwd=folder,
                start_new_session=True,
            )
        started.append(Driver(process, folder / f"stdout-{name}", folder / f"stderr-{name}"))
        return started[-1]

    yield start
    for driver in started:
        if driver.process.poll() is None:
            os.killpg(driver.process.pid, signal.SIGKILL)
            driver.process.wait()
