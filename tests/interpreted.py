"""Queries without code generated for them: for a dozen rows its compilation takes longest.

It is for tests of what is read, written and in which order. Those of each table and of the law of
incremental runs have Spark compile, and the twenty runs of tests/properties/test_laws.py find the
same rows either way.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from pyspark.sql import SparkSession

from customer_mart.session_setting import session_setting

INTERPRETED = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}


@contextmanager
def interpreted(spark: SparkSession) -> Iterator[None]:
    """The session interpreting its queries; afterwards as it was."""
    with ExitStack() as stack:
        for name, value in INTERPRETED.items():
            stack.enter_context(session_setting(spark, name, value))
        yield
