"""The machine and the versions a measurement belongs to."""

import os
import platform
import subprocess
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

from customer_mart.fingerprint import package_version

PACKAGES = ("pyspark", "delta-spark", "duckdb")
ROOT = Path(__file__).resolve().parents[2]


def described_machine() -> dict[str, Any]:
    """Cores, memory in bytes, versions, and the time of the measurement in UTC.

    cores: those that this process may use.
    """
    return {
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)) if on_linux() else os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
        "customer-mart": package_version(),
        "commit": commit(),
        "measured_at": datetime.now(tz=timezone.utc).isoformat(timespec="seconds"),
    }


def on_linux() -> bool:
    return platform.system() == "Linux"


def commit() -> str | None:
    """The commit that is checked out, marked where files differ from it; None without Git."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],  # noqa: S607 - that of PATH
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def processor() -> str:
    """The processor's name; Linux keeps it in a file."""
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        for line in listing.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor()
