"""A standalone Spark cluster of real processes on loopback: one master, two workers."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pyspark

SPARK_HOME = Path(pyspark.__file__).parent
MASTER = "org.apache.spark.deploy.master.Master"
WORKER = "org.apache.spark.deploy.worker.Worker"
URL = re.compile(r"Starting Spark master at (spark://\S+)")
Found = TypeVar("Found")


@dataclass(frozen=True)
class Daemon:
    """A master or a worker, which leads a process group that its executors belong to."""

    process: subprocess.Popen[bytes]
    folder: Path

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def executor_log(self) -> str:
        """What the executors of this worker have logged so far."""
        return "".join(log.read_text() for log in (self.folder / "work").rglob("stderr"))

    def executors(self) -> list[int]:
        """The process ids of the executors that this worker has running."""
        # Whole lines: the name of the executor's class comes after a long class path.
        line = ["ps", "-e", "-ww", "-o", "pid=,pgid=,args="]
        listed = subprocess.run(line, capture_output=True, text=True, check=True).stdout
        processes = [process.split(maxsplit=2) for process in listed.splitlines()]
        return [
            int(pid)
            for pid, group, command in processes
            if int(group) == self.process.pid and "CoarseGrainedExecutorBackend" in command
        ]

    def map_outputs(self) -> set[Path]:
        """What map tasks have left on this worker: shuffle_SHUFFLE_TASK_0.data, one for each."""
        # Unlike rglob, walk does not mind that Spark deletes folders meanwhile.
        return {
            Path(folder, name)
            for folder, _, names in os.walk(self.folder / "local")
            for name in names
            if name.startswith("shuffle_") and name.endswith(".data")
        }


@dataclass(frozen=True)
class Cluster:
    """What a job is submitted to."""

    url: str
    workers: list[Daemon]


@contextmanager
def standalone_cluster(folder: Path) -> Iterator[Cluster]:
    """A cluster of two workers of one core each; every process of it is stopped at the end."""
    with ExitStack() as daemons:
        here = ["--host", "127.0.0.1", "--port", "0", "--webui-port", "0"]
        master = daemons.enter_context(_daemon(folder / "master", MASTER, *here))
        url = awaited(lambda: URL.search(master.log), master)[1]
        size = ["--cores", "1", "--memory", "1g"]
        workers = []
        for name in ("worker-1", "worker-2"):
            work = ["--work-dir", str(folder / name / "work")]
            start = _daemon(folder / name, WORKER, *here, *size, *work, url)
            workers.append(daemons.enter_context(start))
        awaited(lambda: master.log.count("Registering worker") == len(workers), master)
        yield Cluster(url, workers)


def awaited(find: Callable[[], Found | None], daemon: Daemon, seconds: float = 60) -> Found:
    """What is found in the end, while a process runs; fails with its log when time is up."""
    deadline = time.monotonic() + seconds
    while not (found := find()):
        assert daemon.process.poll() is None, daemon.log[-3000:]
        assert time.monotonic() < deadline, daemon.log[-3000:]
        time.sleep(0.02)
    return found


def without_python() -> dict[str, str]:
    """The environment of a machine that has Java and Spark, and no Python for Spark to find."""
    kept = {name: os.environ[name] for name in ("PATH", "JAVA_HOME") if name in os.environ}
    return {
        **kept,
        "SPARK_HOME": str(SPARK_HOME),
        # Not PySpark's own conf folder, which names the Python of this environment.
        "SPARK_CONF_DIR": "/nonexistent",
        "PYSPARK_PYTHON": "/nonexistent/python",
        "SPARK_LOCAL_IP": "127.0.0.1",
    }


@contextmanager
def _daemon(folder: Path, main_class: str, *arguments: str) -> Iterator[Daemon]:
    folder.mkdir(parents=True)
    places = {"SPARK_LOCAL_DIRS": str(folder / "local"), "SPARK_DAEMON_MEMORY": "256m"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(SPARK_HOME / "bin" / "spark-class"), main_class, *arguments],
            env={**without_python(), **places},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Daemon(process, folder)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
