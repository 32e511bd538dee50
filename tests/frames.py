"""Frames from inline rows, typed as the contracts say."""

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from customer_mart.contracts import contract


def utc(text: str) -> datetime:
    """An instant such as `2024-01-31 12:00:00`, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


def staging(spark: SparkSession, table: str, rows: Sequence[tuple[Any, ...]]) -> DataFrame:
    """Rows of a staging table, in the order of its contract's columns."""
    return spark.createDataFrame(list(rows), contract(table).ddl)
