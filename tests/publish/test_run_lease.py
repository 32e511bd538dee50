"""Leases on a folder of this machine, through the file systems that every store is reached by."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from customer_mart.errors import MartError
from customer_mart.publish.hadoop_folder import HadoopFolder
from customer_mart.publish.run_lease import Lease, run_lease
from tests.publish.claimants import inside_and_most

pytestmark = pytest.mark.classic("reaches files through the engine's own process")

MART = "s3a://lake/mart"
SOMEBODY = {"what": "build", "pid": 7, "host": "h", "since": "noon"}


@pytest.fixture
def claims(spark: SparkSession, tmp_path: Path) -> HadoopFolder:
    return HadoopFolder(spark, f"{tmp_path.as_uri()}/mart/_run.lease")


def _files(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "mart" / "_run.lease").glob("*.json"))


def _grown_old(tmp_path: Path, seconds: int) -> None:
    [claim] = _files(tmp_path)
    written = claim.stat().st_mtime - seconds
    os.utime(claim, (written, written))


def test_the_second_is_told_who_holds_the_mart_and_the_third_has_it_after_the_first(
    claims: HadoopFolder, tmp_path: Path
) -> None:
    told = (
        r"^The mart s3a://lake/mart is in use by a build \(process 7 on h since noon\), or was "
        r"until it was killed: its lock ends 60 s after its last renewal; run again, or wait"
    )
    with run_lease(claims, MART, SOMEBODY, 60, 0):
        with pytest.raises(MartError, match=told), run_lease(claims, MART, {}, 4, 0):
            pytest.fail("two hold the lease")
        assert [json.loads(claim.read_text())["pid"] for claim in _files(tmp_path)] == [7]
    with run_lease(claims, MART, {}, 4, 0):
        pass
    assert _files(tmp_path) == []


@pytest.mark.parametrize(("age", "is_held"), [(50, True), (70, False)])
def test_a_claim_counts_for_as_long_as_it_says_itself(
    claims: HadoopFolder, tmp_path: Path, age: int, is_held: bool
) -> None:
    killed = Lease(claims, {"lease_seconds": 60}, 60)
    assert killed.claim() is None
    _grown_old(tmp_path, age)
    lease = Lease(claims, {"lease_seconds": 4}, 4)
    assert (lease.claim() is not None) is is_held
    held_by = killed if is_held else lease
    assert [claim.name for claim in _files(tmp_path)] == [held_by.name]


def test_a_claim_that_cannot_be_read_counts(claims: HadoopFolder) -> None:
    claims.write("another.json", "half of a claim")
    assert Lease(claims, {}, 60).claim() == {}
    with (
        pytest.raises(MartError, match="is in use by another run, or was until"),
        run_lease(claims, MART, {}, 60, 0),
    ):
        pytest.fail("two hold the lease")


def test_a_lease_is_renewed_while_it_is_held(claims: HadoopFolder, tmp_path: Path) -> None:
    with run_lease(claims, MART, SOMEBODY, 4, 0):
        _grown_old(tmp_path, 100)
        [claim] = _files(tmp_path)
        old = claim.stat().st_mtime
        until = time.monotonic() + 60
        while not claim.exists() or claim.stat().st_mtime == old:
            assert time.monotonic() < until
            time.sleep(0.05)


def _held_for_long(claims: HadoopFolder, ready: Path) -> None:
    with run_lease(claims, MART, SOMEBODY, 4, 0):
        ready.touch()
        time.sleep(20)


def _stopped_by(claims: HadoopFolder, tmp_path: Path, fault: Callable[[Path], object]) -> str:
    """What a run is told that is stopped by something that befalls its claim."""
    ready = tmp_path / "ready"

    def befall() -> object:
        while not ready.exists():
            time.sleep(0.01)
        return fault(_files(tmp_path)[0])

    with ThreadPoolExecutor() as pool:
        befallen = pool.submit(befall)
        with pytest.raises(MartError) as stopped:
            _held_for_long(claims, ready)
        befallen.result()
    return str(stopped.value)


def test_a_run_whose_claim_was_passed_over_is_stopped(
    claims: HadoopFolder, tmp_path: Path
) -> None:
    other = Lease(claims, {"lease_seconds": 60}, 60)

    def pass_over(_claim: Path) -> None:
        _grown_old(tmp_path, 100)
        assert other.claim() is None

    told = _stopped_by(claims, tmp_path, pass_over)
    assert told.startswith("This run was stopped: for 4 s it could not renew its lock in file:")
    assert [claim.name for claim in _files(tmp_path)] == [other.name]


def test_a_run_that_cannot_write_its_claim_is_stopped_before_the_claim_runs_out(
    claims: HadoopFolder, tmp_path: Path
) -> None:
    def bar(claim: Path) -> None:
        checksum = claim.with_name(f".{claim.name}.crc")
        checksum.unlink()
        (checksum / "in the way").mkdir(parents=True)

    started = time.monotonic()
    assert _stopped_by(claims, tmp_path, bar).startswith("This run was stopped")
    assert 2 < time.monotonic() - started < 4 + 1


@pytest.mark.usefixtures("ignoring_interrupts")
def test_a_process_that_ignores_interrupts_is_stopped_by_its_own_alone(
    claims: HadoopFolder, tmp_path: Path
) -> None:
    def interrupt_and_delete(claim: Path) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.2)
        assert claim.exists()  # the run went on
        claim.unlink()

    told = _stopped_by(claims, tmp_path, interrupt_and_delete)
    assert told.startswith("This run was stopped")
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


@pytest.fixture
def ignoring_interrupts() -> Iterator[None]:
    """As a shell starts what it runs in the background of a script."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, before)


class Mute:
    """Claims in a store that does not answer who renews one."""

    uri = "mute"

    def __init__(self) -> None:
        self.claims = dict[str, int]()

    def write(self, name: str, _: str) -> None:
        self.claims[name] = 0

    def replace(self, _name: str, _text: str) -> bool:
        time.sleep(60)
        return True

    def read(self, _: str) -> str | None:
        return None

    def modified(self) -> dict[str, int]:
        return dict(self.claims)

    def delete(self, name: str) -> None:
        del self.claims[name]


def test_a_run_that_lost_its_lease_does_not_wait_for_a_store_that_does_not_answer() -> None:
    started = time.monotonic()
    with (
        pytest.raises(MartError, match="This run was stopped"),
        run_lease(Mute(), MART, SOMEBODY, 8, 0),
    ):
        time.sleep(30)
    assert 5 < time.monotonic() - started < 12


def test_a_store_that_takes_no_claim_is_named(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    claims = HadoopFolder(spark, f"{tmp_path.as_uri()}/file/_run.lease")
    with pytest.raises(MartError, match=r"^The mart's lock cannot be written to file:.*: "):
        run_lease(claims, MART, {}, 4, 0).__enter__()


def test_of_many_that_want_it_at_once_each_has_it_alone(claims: HadoopFolder) -> None:
    def lease() -> AbstractContextManager[None]:
        return run_lease(claims, MART, SOMEBODY, 60, 60)

    assert inside_and_most(lease, 6, 0.05) == (0, 1)
