"""Processes of their own that tests start."""

import os

# Such a JVM ends before its methods' best code would be worth its compilation. The room for code
# is what it would be without the first option.
QUICK = "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m"
# What says of a process that its session is a Spark Connect server's.
OF_CLIENTS = ("SPARK_REMOTE", "SPARK_CONNECT_MODE_ENABLED", "SPARK_API_MODE")


def own_environment(**changes: str) -> dict[str, str]:
    """This process's environment for one whose session is not this one's."""
    inherited = {name: value for name, value in os.environ.items() if name not in OF_CLIENTS}
    return {**inherited, **changes}


def quick_environment(**changes: str) -> dict[str, str]:
    """This process's environment for one that starts a JVM of its own."""
    return own_environment(SPARK_SUBMIT_OPTS=QUICK, **changes)
