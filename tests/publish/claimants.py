"""Several who want one mart at once."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager


def inside_and_most(
    lease: Callable[[], AbstractContextManager[None]], number: int, seconds: float
) -> tuple[int, int]:
    """How many have the lease once all are done, and the most who ever had it at once.

    Each of the number takes it in a thread of its own and holds it for so many seconds.
    """
    inside, most, lock = 0, 0, threading.Lock()

    def work(_number: int) -> None:
        nonlocal inside, most
        with lease():
            with lock:
                inside += 1
                most = max(most, inside)
            time.sleep(seconds)
            with lock:
                inside -= 1

    with ThreadPoolExecutor(number) as pool:
        list(pool.map(work, range(number)))
    return inside, most
