"""The machine and the versions a measurement belongs to."""

import os
import platform
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGES = ("pyspark", "delta-spark", "duckdb")


def described_machine() -> dict[str, Any]:
    """Cores, memory in bytes, versions, and the time of the measurement in UTC."""
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
        "measured_at": datetime.now(tz=timezone.utc).isoformat(timespec="seconds"),
    }


def processor() -> str:
    """The processor's name; Linux keeps it in a file."""
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        for line in listing.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor()
