import errno
import multiprocessing
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from customer_mart.errors import MartError, UsageError
from customer_mart.publish.run_lock import claims_table, folder_lock, leaves_traces, run_lock
from customer_mart.settings.settings import Mart


def _hold(folder: str, ready: str) -> None:
    holder = {"what": "build of customer_mart", "pid": os.getpid(), "host": "h", "since": "s"}
    with folder_lock(Path(folder), holder, 0):
        Path(ready).touch()
        signal.pause()


def _held_elsewhere(folder: Path) -> multiprocessing.process.BaseProcess:
    """A process that holds the lock of the folder's mart."""
    ready = folder / "ready"
    context = multiprocessing.get_context("spawn")
    holder = context.Process(target=_hold, args=(str(folder), str(ready)))
    holder.start()
    while not ready.exists():
        assert holder.is_alive()
    return holder


def test_a_second_process_is_told_who_holds_the_mart(spark: SparkSession, tmp_path: Path) -> None:
    holder = _held_elsewhere(tmp_path)
    told = rf"in use by a build of customer_mart \(process {holder.pid} on h since s\); run again"
    mart = Mart(location=str(tmp_path))
    with pytest.raises(MartError, match=told), run_lock(spark, mart, "build"):
        pytest.fail("two processes hold the lock")
    holder.kill()
    holder.join()


@pytest.mark.parametrize("place", ["mart", "mart/below"])
def test_a_file_in_the_place_of_the_folder_is_one_sentence(tmp_path: Path, place: str) -> None:
    (tmp_path / "mart").touch()
    folder = tmp_path / place
    told = rf"^The mart's lock cannot be written to {folder}: (File exists|Not a directory)$"
    with pytest.raises(MartError, match=told), folder_lock(folder, {}, 0):
        pytest.fail("a lock in a file")


@pytest.mark.parametrize("name", ["_run.lock", "_run.holder"])
def test_a_folder_in_the_place_of_a_file_of_the_lock_is_one_sentence(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / name).mkdir()
    told = rf"^The mart's lock cannot be written to {tmp_path}: Is a directory$"
    with pytest.raises(MartError, match=told), folder_lock(tmp_path, {}, 0):
        pytest.fail("a lock without its files")


def test_a_file_system_without_locks_is_one_sentence_and_nothing_blocks_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_file: int, _operation: int) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    told = rf"^The mart's lock cannot be written to {tmp_path}: Function not implemented$"
    with monkeypatch.context() as without_locks:
        without_locks.setattr("fcntl.flock", refuse)
        with pytest.raises(MartError, match=told), folder_lock(tmp_path, {}, 0):
            pytest.fail("a lock that nothing holds")
    assert [file.name for file in tmp_path.iterdir() if file.stat().st_size] == []
    with folder_lock(tmp_path, {}, 0):
        pass


def test_a_lock_whose_holder_cannot_be_named_is_free_again(tmp_path: Path) -> None:
    (tmp_path / "_run.holder").mkdir()
    with pytest.raises(MartError), folder_lock(tmp_path, {}, 0):
        pytest.fail("a lock without its holder")
    (tmp_path / "_run.holder").rmdir()
    with folder_lock(tmp_path, {"what": "build"}, 0):
        assert (tmp_path / "_run.holder").read_text() == '{"what": "build"}'


def test_a_lock_whose_process_was_killed_is_free(spark: SparkSession, tmp_path: Path) -> None:
    holder = _held_elsewhere(tmp_path)
    assert holder.pid is not None
    os.kill(holder.pid, signal.SIGKILL)
    holder.join()
    with run_lock(spark, Mart(location=str(tmp_path)), "build"):
        assert f'"pid": {os.getpid()}' in (tmp_path / "_run.holder").read_text()
    assert not (tmp_path / "_run.holder").exists()


def test_a_run_waits_as_long_as_it_was_told_to(spark: SparkSession, tmp_path: Path) -> None:
    mart = Mart(location=str(tmp_path), wait_seconds=60)
    holder = _held_elsewhere(tmp_path)
    context = multiprocessing.get_context("spawn")
    killer = context.Process(target=_kill_later, args=(holder.pid,))
    killer.start()
    with run_lock(spark, mart, "build"):
        assert not holder.is_alive()
    killer.join()
    holder.join()


def _kill_later(process: int) -> None:
    signal.sigtimedwait([], 1.0)
    os.kill(process, signal.SIGKILL)


@pytest.fixture
def schema(spark: SparkSession, tmp_path: Path) -> Iterator[str]:
    spark.sql(f"CREATE SCHEMA locked LOCATION '{tmp_path}/a schema'")
    yield "locked"
    spark.sql("DROP SCHEMA locked CASCADE")


@pytest.mark.classic("locks what only the engine's own process can")
@pytest.mark.parametrize("catalog", ["", "spark_catalog.", "SPARK_CATALOG."])
def test_a_schema_of_spark_s_own_catalog_is_locked_in_its_folder(
    spark: SparkSession, schema: str, tmp_path: Path, catalog: str
) -> None:
    mart = Mart.model_validate({"schema": catalog + schema})
    with run_lock(spark, mart, "build"):
        assert '"what": "build"' in (tmp_path / "a schema" / "_run.holder").read_text()


def test_a_schema_that_is_not_there_is_named(spark: SparkSession) -> None:
    mart = Mart.model_validate({"schema": "spark_catalog.nowhere"})
    with pytest.raises(UsageError, match=r"There is no schema spark_catalog\.nowhere"):
        run_lock(spark, mart, "build")


def test_a_catalog_that_is_not_there_is_named(spark: SparkSession) -> None:
    mart = Mart.model_validate({"schema": "unity.mart"})
    told = r"^The mart's lock cannot be written to unity\.mart\.run_claims: .*unity"
    with pytest.raises(MartError, match=told), run_lock(spark, mart, "build"):
        pytest.fail("a lock in no catalog")


def test_a_schema_on_databricks_is_locked_by_a_table_in_it(
    spark: SparkSession, schema: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "17.3")
    mart = Mart.model_validate({"schema": schema})
    assert leaves_traces(spark, mart)
    told = rf"^The mart locked is in use by a build \(process {os.getpid()} on .*lock ends 1800 s"
    with run_lock(spark, mart, "build"):
        assert list(tmp_path.rglob("_run.*")) == []
        with pytest.raises(MartError, match=told), run_lock(spark, mart, "maintenance"):
            pytest.fail("two hold the lock")
    assert not leaves_traces(spark, mart)
    with run_lock(spark, mart, "maintenance"):
        pass
    assert spark.table(f"{schema}.run_claims").isEmpty()


def test_a_schema_on_databricks_that_is_not_there_is_named(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "17.3")
    mart = Mart.model_validate({"schema": "spark_catalog.nowhere"})
    with (
        pytest.raises(UsageError, match=r"There is no schema spark_catalog\.nowhere, which"),
        run_lock(spark, mart, "build"),
    ):
        pytest.fail("a lock in no schema")


@pytest.mark.classic("locks what only the engine's own process can")
@pytest.mark.parametrize("scheme", ["file:", "file://"])
def test_a_folder_s_uri_is_locked_where_its_characters_say(
    spark: SparkSession, tmp_path: Path, scheme: str
) -> None:
    mart = Mart(location=f"{scheme}{tmp_path}/50%25 #1?")
    with run_lock(spark, mart, "build"):
        assert (tmp_path / "50%25 #1?" / "_run.holder").exists()


@pytest.mark.classic("asks the engine for its file system")
@pytest.mark.parametrize("setting", ["location", "staging"])
def test_a_folder_that_the_engine_would_look_for_elsewhere_is_refused(
    spark: SparkSession, tmp_path: Path, setting: str
) -> None:
    places = {"location": tmp_path.as_uri(), setting: str(tmp_path / "mine")}
    mart = Mart.model_validate(places)
    spark.conf.set("fs.defaultFS", "hdfs://namenode:8020")
    told = f"The folder {tmp_path}/mine is named without its file system, and .* is hdfs"
    try:
        with pytest.raises(UsageError, match=told), run_lock(spark, mart, "build"):
            pytest.fail("a lock on another file system")
    finally:
        spark.conf.unset("fs.defaultFS")
    assert not (tmp_path / "mine").exists()


def test_without_a_jvm_a_plain_folder_is_locked_by_a_file_and_others_by_a_table(
    spark: SparkSession, schema: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("customer_mart.publish.run_lock.has_jvm", lambda _session: False)
    servers = [Mart(location=f"{tmp_path.as_uri()}/mart"), Mart.model_validate({"schema": schema})]
    for mart in servers:
        with run_lock(spark, mart, "build"):
            assert list(tmp_path.rglob("_run.*")) == []
            assert [row["name"] for row in claims_table(mart).read(spark).collect()]
        assert claims_table(mart).read(spark).isEmpty()
    with run_lock(spark, Mart(location=str(tmp_path)), "build"):
        assert (tmp_path / "_run.holder").exists()
