"""One run at a time on a mart.

Two runs at once may leave each table from another one of them; on a local file system and on S3
two that commit at once can lose a commit as well, for Delta has nothing there to make one of them
wait. In a local folder the lock is the kernel's, on a file beside the tables: it goes when the
process that holds it ends, however it ends, so that a killed run blocks nobody. Elsewhere it is a
lease: on files where this process can write them beside the mart, else on rows of a table.
"""

import json
import os
import re
import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from filelock import FileLock, Timeout
from pyspark.errors import AnalysisException
from pyspark.sql import SparkSession

from customer_mart.contracts import RUN_CLAIMS
from customer_mart.errors import MartError
from customer_mart.identifiers import quoted_name
from customer_mart.places import absolute, is_uri
from customer_mart.publish.claims_table import ClaimsTable, no_schema
from customer_mart.publish.hadoop_folder import HadoopFolder, has_jvm, require_scheme
from customer_mart.publish.run_lease import CLAIMS, described, run_lease
from customer_mart.publish.target import Target, target
from customer_mart.settings.settings import Mart

LOCK, HOLDER = "_run.lock", "_run.holder"
FILE_LEASE_SECONDS = 300
# A renewal in a table is a job of the engine, which may let it wait for a stage of the run.
TABLE_LEASE_SECONDS = 1800
# A claim in a table is made and taken back by a commit each.
TABLE_SETTLE_SECONDS = 60.0
SESSION_CATALOG = "spark_catalog"
FILE_SCHEME = re.compile("^file:(?://(?=/))?")


def run_lock(spark: SparkSession, mart: Mart, purpose: str) -> AbstractContextManager[None]:
    """Holds the mart's lock; waits for it as long as the settings say.

    Raises:
        MartError: if another run still holds it, or it cannot be written.
        UsageError: if there is no such schema, or a folder is named without its file system where
            Spark's is not this machine's.
    """
    for folder in filter(None, (mart.location, mart.staging)):
        require_scheme(spark, folder)
    holder = _this_process(purpose)
    place = _place_of_files(spark, mart)
    if place and not is_uri(place):
        return folder_lock(Path(place), holder, mart.wait_seconds)
    if place:
        files = HadoopFolder(spark, f"{place}/{CLAIMS}")
        seconds = mart.lease_seconds or FILE_LEASE_SECONDS
        return run_lease(files, _name(mart), holder, seconds, mart.wait_seconds)
    table = ClaimsTable(spark, claims_table(mart))
    seconds = mart.lease_seconds or TABLE_LEASE_SECONDS
    return run_lease(table, _name(mart), holder, seconds, mart.wait_seconds, TABLE_SETTLE_SECONDS)


def claims_table(mart: Mart) -> Target:
    """The table of claims; it is there where such a lock was ever taken."""
    return target(RUN_CLAIMS, mart)


def leaves_traces(spark: SparkSession, mart: Mart) -> bool:
    """Whether taking the lock would make a folder, file or table where no run has been yet."""
    place = _place_of_files(spark, mart)
    if place is None:
        return not claims_table(mart).exists(spark)
    if mart.catalog_schema or is_uri(place):
        return False
    return not Path(place, LOCK).exists()


def _place_of_files(spark: SparkSession, mart: Mart) -> str | None:
    """The folder or URI where this process writes files beside the mart's tables.

    That of a mart in a schema is where Spark's own catalog says the schema's folder is. None on
    Databricks and in other catalogs, whose folders are not this process's to write to, and over
    Spark Connect but for a plain folder, which both machines are taken to see.
    """
    place = _schema_folder(spark, mart.catalog_schema) if mart.catalog_schema else mart.location
    if place is None:
        return None
    if (mart.catalog_schema or is_uri(place)) and not has_jvm(spark):
        return None
    return absolute(FILE_SCHEME.sub("", place))


def _name(mart: Mart) -> str:
    """The mart as the settings name it."""
    return mart.catalog_schema or absolute(str(mart.location))


@contextmanager
def folder_lock(folder: Path, holder: dict[str, Any], wait_seconds: int) -> Iterator[None]:
    """Holds the lock of a mart in a local folder.

    Raises:
        MartError: if another run still holds it, or it cannot be written.
    """
    lock = _acquired(folder, holder, wait_seconds)
    try:
        yield
    finally:
        _release(lock, folder)


def _acquired(folder: Path, holder: dict[str, Any], wait_seconds: int) -> FileLock:
    """The folder's lock, held, with its holder's name beside it."""
    # Where the file system has no locks, a file as a mark would outlive a run that is killed.
    lock = FileLock(folder / LOCK, timeout=wait_seconds, fallback_to_soft=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as held:
        raise MartError(
            f"The mart {folder} is in use by {_holder(folder)}; run again when it has ended, or "
            "wait for it with --set mart.wait_seconds=3600"
        ) from held
    except OSError as refused:
        raise _cannot_be_written(folder, refused) from refused
    try:
        (folder / HOLDER).write_text(json.dumps(holder), encoding="utf-8")
    except OSError as refused:
        _release(lock, folder)
        raise _cannot_be_written(folder, refused) from refused
    return lock


def _release(lock: FileLock, folder: Path) -> None:
    with suppress(OSError):
        (folder / HOLDER).unlink()
    lock.release()


def _cannot_be_written(folder: Path, refused: Exception) -> MartError:
    reason = getattr(refused, "strerror", None) or refused
    return MartError(f"The mart's lock cannot be written to {folder}: {reason}")


def _schema_folder(spark: SparkSession, schema: str) -> str | None:
    """Where Spark's own catalog keeps a schema's tables; None in any other."""
    catalog, dot, _ = schema.partition(".")
    if not dot:
        catalog = spark.catalog.currentCatalog()
    if catalog.lower() != SESSION_CATALOG or "DATABRICKS_RUNTIME_VERSION" in os.environ:
        return None
    try:
        # Encoded by the catalog, unlike a place from the settings.
        return unquote(spark.catalog.getDatabase(quoted_name(schema)).locationUri)
    except AnalysisException as missing:
        raise no_schema(schema) from missing


def _this_process(purpose: str) -> dict[str, Any]:
    since = datetime.now(tz=timezone.utc).isoformat(timespec="seconds")
    return {"what": purpose, "pid": os.getpid(), "host": socket.gethostname(), "since": since}


def _holder(folder: Path) -> str:
    """Who holds the lock, in words; it may have gone, or not yet have said so."""
    try:
        return described(json.loads((folder / HOLDER).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return "another run"
