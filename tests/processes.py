"""Processes of their own that tests start."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from tests.interpreted import INTERPRETED

# Such a JVM ends before its methods' best code would be worth its compilation. The room for code
# is what it would be without the first option.
QUICK = " ".join(
    [
        "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m",
        *(f"-D{name}={value}" for name, value in INTERPRETED.items()),
    ]
)
# What says of a process that its session is a Spark Connect server's.
OF_CLIENTS = ("SPARK_REMOTE", "SPARK_CONNECT_MODE_ENABLED", "SPARK_API_MODE")


def own_environment(**changes: str) -> dict[str, str]:
    """This process's environment for one whose session is not this one's."""
    inherited = {name: value for name, value in os.environ.items() if name not in OF_CLIENTS}
    return {**inherited, **changes}


def quick_environment(**changes: str) -> dict[str, str]:
    """This process's environment for one that starts a JVM of its own."""
    return own_environment(SPARK_SUBMIT_OPTS=QUICK, **changes)


ROOT = Path(__file__).parents[1]
# Runs the command line with one function, `module:name`, replaced by a signal to this process.
DRIVER = """
import importlib, os, signal, sys
from customer_mart import cli

module, name = sys.argv[1].split(":")

def hit(*_args, **_kwargs):
    os.kill(os.getpid(), signal.Signals[sys.argv[2]])

place = importlib.import_module(module)
assert hasattr(place, name)
setattr(place, name, hit)
sys.exit(cli.main(sys.argv[3:]))
"""


def started(*arguments: str) -> subprocess.Popen[str]:
    """Python in a process of its own, of a group of its own together with the engine's."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=quick_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def hit_at(point: str, signal_name: str, *command: str) -> subprocess.Popen[str]:
    """The command line, sent a signal when it gets to a function, `module:name`."""
    return started("-c", DRIVER, point, signal_name, *command)


def killed_at(point: str, *command: str) -> None:
    """The command line, killed when it gets to a function, `module:name`."""
    run = hit_at(point, "SIGKILL", *command)
    try:
        _, errors = run.communicate(timeout=300)
    finally:
        # An engine that outlives its driver goes too.
        with suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)
    assert run.returncode == -signal.SIGKILL, errors
