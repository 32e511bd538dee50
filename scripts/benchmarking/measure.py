"""One measurement, in a process of its own: warm up on a few rows, then time the real ones."""

import math
import os
import resource
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from delta import configure_spark_with_delta_pip
from pyspark.sql import SparkSession

from customer_mart.session import DELTA, LAPTOP, get_session
from scripts.benchmarking.contenders import (
    DUCKDB,
    FINDS_SOURCES_OF,
    GOES_ON_WITH,
    PREPARATIONS,
    SPARK_WORK,
    duckdb_dim_customer,
)
from scripts.benchmarking.data_set import DataSet, write_sources
from scripts.benchmarking.event_log import EngineMeasures, engine_measures

Answer = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """What to measure: folders as text, memory as Spark writes it, such as 8g.

    warm_up: the sources to warm up on, None for a cold start.
    """

    contender: str
    sources: str
    warm_up: str | None
    output: str
    driver_memory: str
    scratch: str


def measure(given: dict[str, Any]) -> Answer:
    """The seconds a contender takes and what it costs; memory is the process's, in bytes.

    What was not measured is None: DuckDB has no exchanges.
    """
    task = Task(**given)
    output = Path(task.output)
    if task.contender not in GOES_ON_WITH:
        shutil.rmtree(output, ignore_errors=True)
    before = data_files(output)
    with scratch_folder(task) as scratch, redirect_stdout(sys.stderr):
        contest = measured_duckdb if task.contender == DUCKDB else measured_spark
        answer = contest(task, output, scratch)
    return {**answer, "files": data_files(output) - before}


def make_data_set(given: dict[str, Any]) -> Answer:
    """Writes a data set; its size in bytes."""
    folder = Path(given["folder"])
    with TemporaryDirectory(dir=given["scratch"], ignore_cleanup_errors=True) as scratch:
        spark = session(Path(scratch), given["driver_memory"])
        write_sources(spark, DataSet(**given["rows"]), folder)
        spark.stop()
    return {"bytes": sum(file.stat().st_size for file in folder.rglob("*.parquet"))}


CHILD_COMMANDS: dict[str, Callable[[dict[str, Any]], Answer]] = {
    "measure": measure,
    "make-data-set": make_data_set,
}


def measured_spark(task: Task, output: Path, scratch: Path) -> Answer:
    spark = session(scratch, task.driver_memory)
    try:
        if task.warm_up:
            warm_up_spark(spark, task.contender, Path(task.warm_up), scratch / "warm-up")
        sources = prepared(spark, task.contender, Path(task.sources), output)
        write_back()
        begun, start = time.time(), time.perf_counter()
        stages = SPARK_WORK[task.contender](spark, sources, output)
        seconds, ended = time.perf_counter() - start, time.time()
        memory = peak_memory(jvm_id(spark))
    finally:
        spark.stop()
    (log,) = (scratch / "events").iterdir()
    with log.open(encoding="utf-8") as lines:
        engine = engine_measures(lines, math.floor(begun * 1000), math.ceil(ended * 1000))
    taken = {"seconds": seconds, "stages": dict(stages)}
    return {**taken, **asdict(engine), "peak_memory_bytes": memory}


def write_back() -> None:
    """Has everything on disk that others have written: thousands of files, of some contenders."""
    os.sync()


def prepared(spark: SparkSession, contender: str, sources: Path, output: Path) -> Path:
    """The sources as the contender is to find them."""
    prepare = PREPARATIONS.get(contender)
    return prepare(spark, sources, output) if prepare else sources


def warm_up_spark(spark: SparkSession, contender: str, sources: Path, output: Path) -> None:
    """The contender's work on a few rows, so that the JVM has compiled most of it.

    One that goes on with what another made, or reads what that left, needs that first.
    """
    if contender in FINDS_SOURCES_OF:
        warm_up_spark(spark, FINDS_SOURCES_OF[contender], sources, output)
    SPARK_WORK[contender](spark, prepared(spark, contender, sources, output), output)


def measured_duckdb(task: Task, output: Path, scratch: Path) -> Answer:
    spilled, memory = scratch / "spilled", task.driver_memory
    if task.warm_up:
        duckdb_dim_customer(Path(task.warm_up), scratch / "warm-up", memory, spilled)
    write_back()
    start = time.perf_counter()
    duckdb_dim_customer(Path(task.sources), output, memory, spilled)
    seconds = time.perf_counter() - start
    nothing = dict.fromkeys(field.name for field in fields(EngineMeasures))
    # Kilobytes on Linux, bytes on macOS.
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return {"seconds": seconds, "stages": {}, **nothing, "peak_memory_bytes": peak}


@contextmanager
def scratch_folder(task: Task) -> Iterator[Path]:
    # The JVM may still delete its own files when Python deletes the folder.
    with TemporaryDirectory(dir=task.scratch, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def session(scratch: Path, driver_memory: str) -> SparkSession:
    """The laptop's session, with an event log and every temporary file below the scratch folder.

    The log is one plain file, because it is read line by line.
    """
    events = scratch / "events"
    events.mkdir()
    settings = {
        **DELTA,
        **LAPTOP,
        "spark.driver.memory": driver_memory,
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": events.as_uri(),
        "spark.eventLog.compress": "false",
        "spark.eventLog.rolling.enabled": "false",
        "spark.local.dir": str(scratch / "local"),
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
    }
    builder = SparkSession.builder.appName("customer-mart benchmark").master("local[*]")
    for name, value in settings.items():
        builder = builder.config(name, value)
    configure_spark_with_delta_pip(builder).getOrCreate()
    return get_session()


def data_files(output: Path) -> int:
    """The number of Parquet files with rows; those of Delta's log have none."""
    files = output.rglob("*.parquet")
    return sum("_delta_log" not in file.parts for file in files)


def jvm_id(spark: SparkSession) -> int | None:
    """The process id of the JVM that Python started."""
    process = getattr(getattr(spark.sparkContext, "_gateway", None), "proc", None)
    return process.pid if process else None


def peak_memory(process: int | None) -> int | None:
    """The most memory a process has held, in bytes; None where /proc does not tell."""
    status = Path(f"/proc/{process}/status")
    if process is None or not status.exists():
        return None
    for line in status.read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None
