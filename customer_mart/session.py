"""The Spark session: the one that is there, or one of its own on a laptop."""

import logging
import os
import re
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from pyspark.errors import PySparkException, PySparkRuntimeError
from pyspark.sql import SparkSession

from customer_mart.errors import UsageError, first_line
from customer_mart.session_setting import set_if_allowed

# Where one of these is set, something else decides on master, memory and jars.
MANAGED_BY = ("PYSPARK_GATEWAY_PORT", "DATABRICKS_RUNTIME_VERSION", "SPARK_REMOTE")
NO_ADDRESS = "INVALID_CONNECT_URL"
# Parameters, such as a token, that no / divides from the host: PySpark takes them for its name.
PARAMETER_IN_HOST = re.compile(r"sc://[^/]*[;=]")

DELTA = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
}
# What Delta names as dependencies though Spark ships it: as in conf/spark-local.conf.
SHIPPED_WITH_SPARK = (
    "org.apache.hadoop:hadoop-client-*",
    "org.apache.parquet:*",
    "org.apache.logging.log4j:*",
    "org.slf4j:*",
    "com.fasterxml.jackson*:*",
    "org.xerial.snappy:*",
    "com.github.luben:*",
    "io.airlift:*",
    "com.google.code.findbugs:*",
    "commons-logging:*",
    "commons-pool:*",
    "org.locationtech.jts:*",
    "org.roaringbitmap:*",
)
LAPTOP = {
    "spark.jars.excludes": ",".join(SHIPPED_WITH_SPARK),
    "spark.driver.memory": "4g",
    # A batch job waits for all its rows: throughput counts, pauses do not.
    "spark.driver.extraJavaOptions": "-XX:+UseParallelGC",
    "spark.sql.shuffle.partitions": "128",
    # Facts are sorted behind their exchange, and small sorts stay in the cores' caches.
    "spark.sql.adaptive.advisoryPartitionSizeInBytes": "10m",
    "spark.databricks.delta.snapshotPartitions": "4",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "32",
    "spark.ui.enabled": "false",
    "spark.sql.debug.maxToStringFields": "200",
}
# What every row depends on, whoever made the session.
PINNED = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
}
# The same, of settings that serverless does not know: set where a session has another value.
CORRECTED = {
    # With these on, a file that is gone or damaged is no error but rows that are missing, also
    # rows of a change data feed.
    "spark.sql.files.ignoreMissingFiles": "false",
    "spark.sql.files.ignoreCorruptFiles": "false",
    # Of a time as text that has an offset, the other type drops the offset.
    "spark.sql.timestampType": "TIMESTAMP_LTZ",
}
# What the plan of every fact depends on, but no row: a session that refuses one is only slower.
TUNED = {
    # Facts arrive in the order of users: an aggregate then streams instead of hashing every row.
    "spark.sql.execution.replaceHashWithSortAgg": "true",
    # HotSpot never compiles a method of more bytecode. A generated one that is longer would be
    # interpreted for every row; below this the engine makes several of it.
    "spark.sql.codegen.hugeMethodLimit": "8000",
}


def get_session(*, show_progress_bar: bool = False, verbose: bool = False) -> SparkSession:
    """A session with Delta, its time zone UTC and ANSI mode on.

    Raises:
        UsageError: if the session that is there has no Delta Lake or refuses what every row
            depends on, or Spark cannot start.
    """
    if not verbose:
        # PySpark would print every engine error as JSON before the one sentence that explains it.
        logging.getLogger("SQLQueryContextLogger").disabled = True
        logging.getLogger().addFilter(_is_not_py4j_s)
    choices = {
        "spark.ui.showConsoleProgress": str(show_progress_bar).lower(),
        "spark.log.level": "ERROR" if verbose else "FATAL",
    }
    spark = _existing_session() or _laptop_session(choices)
    _require_delta(spark)
    _pin(spark, {**PINNED, **_corrected(spark)})
    _tune(spark, TUNED)
    return spark


def _is_not_py4j_s(record: logging.LogRecord) -> bool:
    """Drops what py4j logs by itself: the stack of an error that is told besides.

    On Ctrl-C PySpark asks for its jobs to be cancelled over a connection that is in use, which
    fails.
    """
    return "py4j" not in Path(record.pathname).parts


def _corrected(spark: SparkSession) -> dict[str, str]:
    """What this session has otherwise than it has to be, and how that is."""
    found = {}
    for name, value in CORRECTED.items():
        with suppress(PySparkException):
            if (spark.conf.get(name, None) or value).strip().upper() != value.upper():
                found[name] = value
    return found


def _pin(spark: SparkSession, settings: dict[str, str]) -> None:
    for name, value in settings.items():
        if refusal := set_if_allowed(spark, name, value):
            raise UsageError(
                f"This Spark session refuses {name}={value}, on which every row depends: start "
                f"it with that setting ({refusal})"
            )


def _tune(spark: SparkSession, settings: dict[str, str]) -> None:
    for name, value in settings.items():
        if refusal := set_if_allowed(spark, name, value):
            # The one place that speaks without a run, and so without a run's own lines.
            logging.getLogger(__name__).warning(
                "customer-mart: this Spark session refuses %s=%s and may be slower for it (%s)",
                name,
                value,
                refusal,
            )


def _existing_session() -> SparkSession | None:
    """The session of whoever started this process, unchanged; None on a laptop."""
    try:
        return SparkSession.active()
    except PySparkRuntimeError:  # there is none in any thread
        pass
    if any(name in os.environ for name in MANAGED_BY):
        return _managed_session()
    return None


def _managed_session() -> SparkSession:
    """No name, no setting: they are those of whoever manages this process."""
    if PARAMETER_IN_HOST.match(os.environ.get("SPARK_REMOTE", "")):
        raise _no_address()
    try:
        session = SparkSession.builder.getOrCreate()
        session.version  # noqa: B018 - the first word to a Spark Connect server
    except (ImportError, PySparkException, ValueError) as error:
        if _is_no_address(error):
            # PySpark repeats the address, and the token in it.
            raise _no_address() from None
        raise UsageError(f"Spark does not start: {first_line(error)}") from error
    return session


def _is_no_address(error: Exception) -> bool:
    """Whether it is the address that PySpark, or Python's own parser of URLs, cannot read."""
    if isinstance(error, PySparkException):
        return error.getCondition() == NO_ADDRESS
    return isinstance(error, ValueError) and "SPARK_REMOTE" in os.environ


def _no_address() -> UsageError:
    return UsageError(
        "Spark does not start: SPARK_REMOTE is no address such as sc://HOST:15002 or "
        "sc://HOST:15002/;token=... (it is not shown, for it may hold a token; in there a = is "
        "written %3D)"
    )


def _laptop_session(choices: dict[str, str]) -> SparkSession:
    if find_spec("delta") is None:
        raise UsageError(
            "Delta Lake is not installed for Python: run scripts/environment.sh, or pip install "
            "'.[local]' in the repository, or run the job with spark-submit --properties-file "
            "conf/spark-local.conf"
        )
    # Delta's Python package is there on laptops only, as an extra.
    from delta import configure_spark_with_delta_pip  # noqa: PLC0415

    builder = SparkSession.builder.appName("customer-mart").master("local[*]")
    builder = builder.config(map={**DELTA, **LAPTOP, **choices})
    try:
        session: SparkSession = configure_spark_with_delta_pip(builder).getOrCreate()
    except PySparkException as error:
        raise UsageError(f"Spark does not start: {first_line(error)}") from error
    return session


def _require_delta(spark: SparkSession) -> None:
    """Fails when the session lacks Delta's jars, its SQL extension or its catalog."""
    if "DATABRICKS_RUNTIME_VERSION" in os.environ:
        return
    for name, value in DELTA.items():
        if value not in (spark.conf.get(name, "") or ""):
            raise UsageError(
                f"This Spark session has no Delta Lake ({name} is not {value}): {_who_sets(name)}"
            )
    try:
        spark.sql("SELECT 1").schema  # noqa: B018 - resolving it loads the catalog
        spark.read.format("delta")
        spark.range(0).write.format("delta")
    except PySparkException as error:
        raise UsageError(_no_jars(spark.version)) from error


def _who_sets(name: str) -> str:
    """Who gives a session a setting that only its start can give it."""
    if "SPARK_REMOTE" in os.environ:
        return f"start the Spark Connect server with {name}, as docs/platforms/connect.md shows"
    return (
        "submit with --properties-file conf/spark-local.conf or your cluster's own file from conf/"
    )


def _no_jars(spark_version: str) -> str:
    minor = ".".join(spark_version.split(".")[:2])
    return (
        "This Spark session is set up for Delta Lake but lacks its jars: submit with "
        "--properties-file conf/spark-local.conf, or add "
        f"--packages io.delta:delta-spark_{minor}_2.13:4.4.0"
    )
