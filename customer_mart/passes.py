"""Passes over rows: what every one over a source begins with, and what one leaves behind."""

from typing import Any

from pyspark.sql import Column, DataFrame, Observation

from customer_mart.run import Run
from customer_mart.sources import SourceTable
from customer_mart.staging.dispositions import with_early_disposition


def early_rows(run: Run, source: SourceTable, *further: Column) -> DataFrame:
    """One row per delivered row, typed, with its early disposition.

    further: columns of the row as delivered that come along.
    """
    return source.typed(*further).transform(
        with_early_disposition, source.contract, run.as_of, run.settings.rule_values
    )


def observed(observation: Observation) -> dict[str, Any]:
    """What was observed; nothing when the engine found no rows and dropped the node."""
    try:
        return dict(observation.get)
    except Exception as error:
        # PySpark hands out a row of metrics, but not that there is none. The class is told by its
        # name, for a client of Spark Connect need not have py4j.
        is_of_java = type(error).__name__ == "Py4JJavaError"
        if is_of_java and "java.lang.AssertionError" in str(error):
            return {}
        raise
