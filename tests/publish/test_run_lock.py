import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from customer_mart.errors import MartError
from customer_mart.publish.run_lock import run_lock
from customer_mart.settings.settings import Mart


def _hold(folder: str, ready: str) -> None:
    with run_lock(Mart(location=folder), "build of customer_mart", 0):
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


def test_a_second_process_is_told_who_holds_the_mart(tmp_path: Path) -> None:
    holder = _held_elsewhere(tmp_path)
    told = (
        rf"in use by a build of customer_mart \(process {holder.pid} on .* since .*\); run again"
    )
    with pytest.raises(MartError, match=told), run_lock(Mart(location=str(tmp_path)), "build", 0):
        pytest.fail("two processes hold the lock")
    holder.kill()
    holder.join()


def test_a_lock_whose_process_was_killed_is_free(tmp_path: Path) -> None:
    holder = _held_elsewhere(tmp_path)
    assert holder.pid is not None
    os.kill(holder.pid, signal.SIGKILL)
    holder.join()
    with run_lock(Mart(location=str(tmp_path)), "build", 0):
        assert f'"pid": {os.getpid()}' in (tmp_path / "_run.holder").read_text()
    assert not (tmp_path / "_run.holder").exists()


def test_a_run_waits_as_long_as_it_was_told_to(tmp_path: Path) -> None:
    mart = Mart(location=str(tmp_path))
    holder = _held_elsewhere(tmp_path)
    context = multiprocessing.get_context("spawn")
    killer = context.Process(target=_kill_later, args=(holder.pid,))
    killer.start()
    with run_lock(mart, "build", 60):
        assert not holder.is_alive()
    killer.join()
    holder.join()


def _kill_later(process: int) -> None:
    signal.sigtimedwait([], 1.0)
    os.kill(process, signal.SIGKILL)


@pytest.mark.parametrize("place", [{"schema": "mart"}, {"location": "s3a://bucket/mart"}])
def test_a_mart_that_is_no_folder_is_not_locked(place: dict[str, str]) -> None:
    mart = Mart.model_validate(place)
    with run_lock(mart, "build", 0), run_lock(mart, "build", 0):
        pass
