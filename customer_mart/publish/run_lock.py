"""One run at a time on a mart.

On a local file system two processes that commit at once can lose a commit, for Delta has nothing
there to make one of them wait. The lock is the kernel's, on a file beside the tables: it goes when
the process that holds it ends, however it ends, so that a killed run blocks nobody.
"""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path

from filelock import FileLock, Timeout

from customer_mart.errors import MartError
from customer_mart.places import absolute, is_uri
from customer_mart.settings.settings import Mart

LOCK, HOLDER = "_run.lock", "_run.holder"


@contextmanager
def run_lock(mart: Mart, purpose: str, wait_seconds: int) -> Iterator[None]:
    """Holds the mart's lock; waits so long for it.

    A mart in a catalog or behind a URI is not locked: there Delta's own protocol refuses the
    second of two commits, but on S3 with more than one driver.

    Raises:
        MartError: if another process still holds it.
    """
    if mart.location is None or is_uri(mart.location):
        yield
        return
    folder = Path(absolute(mart.location))
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK, timeout=wait_seconds)
    try:
        lock.acquire()
    except Timeout as held:
        raise MartError(
            f"The mart {folder} is in use by {_holder(folder)}; run again when it has ended, or "
            "wait for it with --set mart.wait_seconds=3600"
        ) from held
    try:
        (folder / HOLDER).write_text(json.dumps(_this_process(purpose)), encoding="utf-8")
        yield
    finally:
        with suppress(OSError):
            (folder / HOLDER).unlink()
        lock.release()


def _this_process(purpose: str) -> dict[str, str | int]:
    since = datetime.now(tz=timezone.utc).isoformat(timespec="seconds")
    return {"what": purpose, "pid": os.getpid(), "host": socket.gethostname(), "since": since}


def _holder(folder: Path) -> str:
    """Who holds the lock, in words; it may have gone, or not yet have said so."""
    try:
        found = json.loads((folder / HOLDER).read_text(encoding="utf-8"))
        return (
            f"a {found['what']} (process {found['pid']} on {found['host']} since {found['since']})"
        )
    except (OSError, ValueError, KeyError):
        return "another run"
