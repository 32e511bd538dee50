"""Rows that Python holds, as a frame that the engine makes by itself."""

import json
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F


def frame_of(spark: SparkSession, ddl: str, rows: Sequence[dict[str, Any]] = ()) -> DataFrame:
    """One row per given row, with the columns of the DDL; a name that is left out is NULL.

    `createDataFrame` would hand the rows to a Python on each executor, of the driver's own
    minor version: clusters whose workers have no such Python could not run the mart.
    """
    text = json.dumps(list(rows), default=_in_json)
    schema = f"array<struct<{ddl}>>"
    parsed = F.from_json(F.lit(text), schema, {"mode": "FAILFAST"})
    return spark.range(1).select(F.inline(parsed))


def _in_json(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    raise TypeError(f"{type(value).__name__} has no form in JSON here")
