"""Processes of their own that tests start."""

import os

# Such a JVM ends before its methods' best code would be worth its compilation. The room for code
# is what it would be without the first option.
QUICK = "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m"


def quick_environment(**changes: str) -> dict[str, str]:
    """This process's environment for one that starts a JVM of its own."""
    return {**os.environ, "SPARK_SUBMIT_OPTS": QUICK, **changes}
