"""Settings of the session: some that it may refuse, some for the length of a statement."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from customer_mart.errors import first_line

# A join one of whose sides has no partition above this, as it is shuffled, hashes that side rather
# than sort both. Without effect in a session whose advisory partitions are larger than this.
HASHED_JOINS = {"spark.sql.adaptive.maxShuffledHashJoinLocalMapThreshold": "64m"}

# Delta refuses a version older than its week, also one that was current until just now.
YOUNG_VERSIONS_ONLY = (
    "spark.databricks.delta.vacuum.enforceTimeTravelWithinDeletedFileRetentionDuration"
)


def allow_old_versions(spark: SparkSession) -> None:
    """Has Delta read versions however old they are, where the session lets itself be told so.

    That stays: over Spark Connect a frame is analysed when it is used, not when it is made.
    """
    set_if_allowed(spark, YOUNG_VERSIONS_ONLY, "false")


def set_if_allowed(spark: SparkSession, name: str, value: str) -> str | None:
    """Gives the session the setting; the session's words if it refuses, None if it has it.

    Databricks serverless refuses all but a few settings; no session takes a static one.
    """
    try:
        if spark.conf.get(name, None) != value:
            spark.conf.set(name, value)
    except PySparkException as error:
        return first_line(error)
    return None


def is_settable(spark: SparkSession, name: str, value: str = "") -> bool:
    """Whether the session takes the setting, found out by giving it for a moment."""
    try:
        with session_setting(spark, name, value):
            return True
    except PySparkException:
        return False


@contextmanager
def session_setting(spark: SparkSession, name: str, value: str) -> Iterator[None]:
    """The session with the setting; afterwards as it was.

    It is the session's, not the thread's: two runs at once need a session each.
    """
    before = spark.conf.get(name, None)
    spark.conf.set(name, value)
    try:
        yield
    finally:
        if before is None:
            spark.conf.unset(name)
        else:
            spark.conf.set(name, before)


@contextmanager
def tuned(spark: SparkSession, settings: Mapping[str, str]) -> Iterator[None]:
    """The session with what only speed depends on; one that refuses is slower and says nothing."""
    with ExitStack() as stack:
        for name, value in settings.items():
            with suppress(PySparkException):
                stack.enter_context(session_setting(spark, name, value))
        yield
