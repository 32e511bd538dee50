"""A disk that is full for real: a small one is mounted and filled.

Where nothing may be mounted, the kernel refuses the engine every file beyond a small size.
"""

import hashlib
import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from tests.faults.damage import nothing_published, once_at, only_error
from tests.incremental.warehouse import JANUARY, WHEN, Warehouse


class Mounted:
    """A file system of 8 MB."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
        subprocess.run(mount, check=True, capture_output=True)

    def fill(self) -> None:
        """Leaves room for a few small files."""
        disk = os.statvfs(self.folder)
        room = disk.f_bavail * disk.f_frsize
        (self.folder / "filler").write_bytes(bytes(room - 64 * 1024))

    def make_room(self) -> None:
        (self.folder / "filler").unlink(missing_ok=True)

    def close(self) -> None:
        # At once, though the engine may still have a file there open.
        unmount = ["umount", "--lazy", str(self.folder)]
        subprocess.run(unmount, check=True)


class Capped:
    """A folder, and an engine that can write no file of more than 2 KB when it is full."""

    def __init__(self, folder: Path, spark: SparkSession) -> None:
        self.folder = folder
        assert spark._jvm is not None
        self.engine = int(spark._jvm.java.lang.ProcessHandle.current().pid())
        self.before = resource.prlimit(self.engine, resource.RLIMIT_FSIZE)

    def fill(self) -> None:
        resource.prlimit(self.engine, resource.RLIMIT_FSIZE, (2048, self.before[1]))

    def make_room(self) -> None:
        resource.prlimit(self.engine, resource.RLIMIT_FSIZE, self.before)

    def close(self) -> None:
        self.make_room()


@pytest.fixture
def disk(spark: SparkSession, tmp_path: Path) -> Iterator[Mounted | Capped]:
    folder = tmp_path / "disk"
    folder.mkdir()
    found: Mounted | Capped = Capped(folder, spark)
    with suppress(OSError, subprocess.CalledProcessError):
        found = Mounted(folder)
    yield found
    found.close()


@pytest.mark.classic("limits the files of the engine's own process")
@pytest.mark.slow
def test_a_full_disk_leaves_whole_tables_and_room_lets_the_next_run_converge(
    warehouse: Warehouse,
    disk: Mounted | Capped,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.copytree(warehouse.folder, disk.folder, dirs_exist_ok=True)
    full = Warehouse(warehouse.spark, disk.folder)
    before = full.published()
    new = [(f"new{number}", WHEN, "UK") for number in range(20)]
    full.insert("stg_signups", new)

    # In the midst of writing dim_customer: a few of its files find room.
    found = set((full.mart / "dim_customer").rglob("*.parquet"))
    once_at(monkeypatch, "publish_dim_customer", disk.fill)
    slowly = ("--set", "publish.max_records_per_file=1")
    elsewhere = ("--set", f"mart.staging={tmp_path / 'staging'}")
    with nothing_published(full):
        assert full.run(JANUARY, "full", *slowly, *elsewhere) == 1
    assert "publish dim_customer: a disk is full: that of" in only_error(capsys)
    assert set((full.mart / "dim_customer").rglob("*.parquet")) > found
    assert list((tmp_path / "staging").iterdir()) == []
    # From the start.
    with nothing_published(full):
        assert full.run(JANUARY, "auto") == 1
    assert "a disk is full: that of the mart" in only_error(capsys)
    assert full.published() == before

    disk.make_room()
    assert full.run(JANUARY, "auto") == 0
    assert full.published() == full.rebuilt(JANUARY)


@pytest.mark.classic("limits the files of the engine's own process")
@pytest.mark.slow
def test_a_disk_that_is_full_when_the_touched_are_found_is_no_reason_to_rebuild(
    warehouse: Warehouse, disk: Mounted | Capped, capsys: pytest.CaptureFixture[str]
) -> None:
    # So many ids, and so unlike, that they fit into no small file.
    ids = [hashlib.sha256(bytes([n // 256, n % 256])).hexdigest() for n in range(4000)]
    warehouse.insert("stg_deposits", [(user, user, WHEN, 100) for user in ids])
    staging = ("--set", f"mart.staging={disk.folder}")
    disk.fill()
    capsys.readouterr()
    with nothing_published(warehouse):
        assert warehouse.run(JANUARY, "incremental", *staging) == 1
    assert "changes: a disk is full: that of the mart" in only_error(capsys)
    disk.make_room()
    assert warehouse.run(JANUARY, "incremental", *staging) == 0
    assert warehouse.last_run()["touched_customers"] == len(ids)
