"""Dictionaries of Parquet files: for text that repeats, and for nothing else."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from customer_mart.contracts import Contract
from customer_mart.publish.session_setting import session_setting

# With `#column` behind it, for that column alone.
DICTIONARIES = "parquet.enable.dictionary"


@contextmanager
def dictionaries_for_text(spark: SparkSession, table: Contract) -> Iterator[None]:
    """The session, writing files of the table with dictionaries for its text but for its key.

    Ids, times and amounts are rarely the same twice within a date: looking each up costs a sixth
    of publication, and the files become larger rather than smaller. A session that refuses is only
    slower. Delta passes no such option of a write on, so that the session has to have it.
    """
    text = [column.name for column in table.columns if column.type == "string" and not column.key]
    settings = {DICTIONARIES: "false", **{f"{DICTIONARIES}#{name}": "true" for name in text}}
    with ExitStack() as stack:
        for name, value in settings.items():
            with suppress(PySparkException):
                stack.enter_context(session_setting(spark, name, value))
        yield
