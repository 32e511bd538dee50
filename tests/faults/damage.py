"""Faults done to files for real, and what every one of them has to leave as it was."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from customer_mart import pipeline
from tests.incremental.warehouse import Warehouse

PUBLISHED = ("dim_customer", "customer_ltv_scoring")
# Where a run has pinned its sources and not yet read a row of them.
SOURCES_ARE_OPEN = "touched_customers"
# Where dim_customer has been published and its scores have not.
DIM_IS_PUBLISHED = "publish_scoring"


def truncate(file: Path) -> None:
    """Leaves half of a file; its checksum beside it goes, as nobody but Hadoop would have one."""
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    (file.parent / f".{file.name}.crc").unlink(missing_ok=True)


def delete(file: Path) -> None:
    file.unlink()


@contextmanager
def damaged(file: Path, damage: Callable[[Path], None]) -> Iterator[None]:
    """The file damaged; afterwards it is there again as it was."""
    whole = file.read_bytes()
    damage(file)
    try:
        yield
    finally:
        file.write_bytes(whole)
        (file.parent / f".{file.name}.crc").unlink(missing_ok=True)


def files_of(spark: SparkSession, table: Path) -> list[Path]:
    """The data files of a Delta table's newest version, or of a folder of Parquet."""
    kind = "delta" if (table / "_delta_log").exists() else "parquet"
    files = spark.read.format(kind).load(str(table)).inputFiles()
    return sorted(Path(file.removeprefix("file://").removeprefix("file:")) for file in files)


def once_at(monkeypatch: pytest.MonkeyPatch, point: str, happens: Callable[[], None]) -> None:
    """Has something happen when the next run gets to a function of the pipeline."""
    function = getattr(pipeline, point)

    def after_it(*arguments: object) -> object:
        monkeypatch.setattr(pipeline, point, function)
        happens()
        return function(*arguments)

    monkeypatch.setattr(pipeline, point, after_it)


def only_error(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on standard error."""
    [line] = capsys.readouterr().err.strip().splitlines()
    return line


@contextmanager
def nothing_published(warehouse: Warehouse) -> Iterator[None]:
    """What is done here publishes nothing, and leaves nothing staged."""
    versions = [warehouse.version(table) for table in PUBLISHED]
    yield
    assert [warehouse.version(table) for table in PUBLISHED] == versions
    assert not (warehouse.mart / "_staging").exists()
