"""A setting of the session for the length of one statement that has no option for it."""

from collections.abc import Iterator
from contextlib import contextmanager

from pyspark.sql import SparkSession


@contextmanager
def session_setting(spark: SparkSession, name: str, value: str) -> Iterator[None]:
    """The session with the setting; afterwards as it was."""
    before = spark.conf.get(name, None)
    spark.conf.set(name, value)
    try:
        yield
    finally:
        if before is None:
            spark.conf.unset(name)
        else:
            spark.conf.set(name, before)
