"""The two published tables worked out a second time, in DuckDB and by integer arithmetic.

It shares nothing with the package but the definitions of the tables, so that a test which
compares the two does not compare a mistake with itself. Each SQL file here is named for the
table it returns.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import duckdb

Row = dict[str, Any]

SQL = Path(__file__).parent
SOURCES = ("stg_signups", "stg_deposits", "stg_ticket_purchases", "stg_web_events", "stg_games")
MARTS = ("dim_customer", "customer_ltv_scoring")


@dataclass(frozen=True)
class ReferenceMart:
    """Both tables, each ordered by user_id, and what became of every source row.

    A row maps the contract's columns, in their order and without `dbt_updated_at`, to int, float,
    str, date, Decimal of the column's scale, aware datetime in UTC, or None. `dispositions`
    counts, per source, the rows `read`, `used`, `deduplicated`, `anonymous`, `not_yet` and those
    of each quarantine reason; what did not occur is not in it.
    """

    dim_customer: list[Row]
    customer_ltv_scoring: list[Row]
    dispositions: dict[str, Counter[str]]


@contextmanager
def reference_engine(
    as_of: datetime,
    *,
    high_jackpot_threshold_minor: int = 1_000_000,
    min_tenure_days: int = 30,
    horizon_years: int = 1,
    never_purchased_score: int = 1,
    business_time_zone: str = "UTC",
) -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty database in UTC, with what the definitions of the tables ask for."""
    variables = {
        "as_of": naive_utc(as_of),
        "high_jackpot_threshold_minor": high_jackpot_threshold_minor,
        "min_tenure_days": min_tenure_days,
        "horizon_years": horizon_years,
        "never_purchased_score": never_purchased_score,
        "business_time_zone": business_time_zone,
    }
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name, value in variables.items():
            connection.execute(f"SET VARIABLE {name} = ?", [value])
        connection.execute((SQL / "macros.sql").read_text())
        yield connection


def definition(table: str) -> str:
    """The query that makes a table of those before it."""
    return (SQL / f"{table}.sql").read_text()


def reference_mart(sources: Path, as_of: datetime, **settings: Any) -> ReferenceMart:
    """The mart of the Parquet directories `sources`/stg_signups and so on, at `as_of`.

    settings: those of `reference_engine`. Timestamps without a zone are in UTC, those of the
    sources and `as_of` itself.

    Raises:
        duckdb.Error: A source is missing, lacks a column or lists a game twice, or a sum is
            too large for its column.
    """
    with reference_engine(as_of, **settings) as connection:
        connection.execute("CREATE SCHEMA source")
        for source in SOURCES:
            connection.execute(
                f"CREATE TABLE source.{source} AS SELECT * FROM read_parquet(?)",
                [str(sources / source / "*.parquet")],
            )
        for table in (*SOURCES, *MARTS):
            connection.execute(f"CREATE TABLE {table} AS {definition(table)}")
        return ReferenceMart(
            dim_customer=rows(connection, "dim_customer"),
            customer_ltv_scoring=rows(connection, "customer_ltv_scoring"),
            dispositions={source: dispositions(connection, source) for source in SOURCES},
        )


def rows(connection: duckdb.DuckDBPyConnection, table: str) -> list[Row]:
    """The table's rows by user_id, their instants marked as UTC."""
    relation = connection.table(table).order("user_id")
    return [
        {name: aware(value) for name, value in zip(relation.columns, row, strict=True)}
        for row in relation.fetchall()
    ]


def dispositions(connection: duckdb.DuckDBPyConnection, source: str) -> Counter[str]:
    """How many of the source's rows were read, and how many of them met each fate."""
    counts = f"SELECT disposition, count(*) FROM {source} GROUP BY disposition"
    found = Counter(dict(connection.execute(counts).fetchall()))
    return Counter({"read": found.total()}) + found


def naive_utc(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        return instant
    return instant.astimezone(timezone.utc).replace(tzinfo=None)


def aware(value: Any) -> Any:
    return value.replace(tzinfo=timezone.utc) if isinstance(value, datetime) else value
