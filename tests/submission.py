"""Jobs as a cluster gets them: by spark-submit, in processes of their own."""

import os
import subprocess
import sys
from pathlib import Path

from tests.processes import ROOT, quick_environment

SUBMIT = Path(sys.executable).parent / "spark-submit"
LOCAL = ("--properties-file", str(ROOT / "conf" / "spark-local.conf"))


def submit(*arguments: str, options: tuple[str, ...] = LOCAL) -> subprocess.CompletedProcess[str]:
    """spark-submit in a process of its own, with the packages of the PySpark under test."""
    packages = os.environ.get("CUSTOMER_MART_TEST_PACKAGES")
    chosen = ("--packages", packages) if packages and options else ()
    environment = quick_environment(PYSPARK_PYTHON=sys.executable, TZ="Asia/Tokyo")
    environment["PATH"] = f"{SUBMIT.parent}{os.pathsep}{environment['PATH']}"
    return subprocess.run(
        [str(SUBMIT), *options, *chosen, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
