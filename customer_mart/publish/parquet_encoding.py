"""Dictionaries of the mart's Parquet files: for columns of few values, and for no others."""

from contextlib import AbstractContextManager

from pyspark.sql import SparkSession

from customer_mart.contracts import Contract
from customer_mart.session_setting import tuned

# With `#column` behind it, for that column alone.
DICTIONARIES = "parquet.enable.dictionary"
OF_FEW_VALUES = ("string", "int")  # labels and scores


def dictionaries_for_few_values(
    spark: SparkSession, table: Contract
) -> AbstractContextManager[None]:
    """The session, writing files of the table with dictionaries for its labels and scores.

    Ids, times and amounts are rarely the same twice: to look each of them up takes longer than to
    write it (docs/performance.md has what that costs). Delta passes no such option of a write on:
    the session has to have it, and with it whoever else writes in that session meanwhile.
    """
    return tuned(spark, _settings(table))


def _settings(table: Contract) -> dict[str, str]:
    """None for a table without partitions: it is small, or of maps, whose keys are few."""
    if not table.partition_columns:
        return {}
    few = [c.name for c in table.columns if c.type in OF_FEW_VALUES and not c.key]
    return {DICTIONARIES: "false", **{f"{DICTIONARIES}#{name}": "true" for name in few}}
