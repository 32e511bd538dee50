"""Whether two results hold the same rows, and if not, in which columns they differ."""

import json
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote

import duckdb

from customer_mart.contracts import contract
from tests.oracle.oracle import definition, reference_engine

TABLES = ("dim_customer", "customer_ltv_scoring")
KEY = "user_id"
NOT_COMPARED = ("dbt_updated_at",)
ORACLE = "the tests' oracle"


def difference(name: str, output: Path, other_name: str, other: Path) -> str | None:
    """What tells two outputs apart, in one sentence; None if nothing does.

    Of their tables, those that both have: dim_customer always.
    """
    both = (t for t in TABLES if t == TABLES[0] or all((o / t).exists() for o in (output, other)))
    differences = (_difference(table, name, output, other_name, other) for table in both)
    return next((found for found in differences if found), None)


def wrong_scores(name: str, output: Path, as_of: datetime) -> str | None:
    """How the scores of an output differ from those that the tests' oracle makes of its customers.

    In one sentence; None if they do not.
    """
    table = "customer_ltv_scoring"
    with reference_engine(as_of) as connection:
        load(connection, "dim_customer", output, "dim_customer")
        load(connection, "ours", output, table)
        connection.execute(f"CREATE TABLE theirs AS {definition(table)}")
        return differing_rows(connection, table, name, ORACLE)


def _difference(table: str, name: str, output: Path, other_name: str, other: Path) -> str | None:
    with duckdb.connect() as connection:
        load(connection, "ours", output, table)
        load(connection, "theirs", other, table)
        types, others = column_types(connection, "ours"), column_types(connection, "theirs")
        differing = [f"{c} ({types[c]}, {others[c]})" for c in types if types[c] != others[c]]
        if differing:
            columns = ", ".join(differing)
            return f"{table} of {name} and {other_name} differ in types of columns: {columns}"
        return differing_rows(connection, table, name, other_name)


def differing_rows(
    connection: duckdb.DuckDBPyConnection, table: str, name: str, other_name: str
) -> str | None:
    """What tells the rows of `ours` and `theirs` apart."""
    ours, theirs = only_in(connection, "ours", "theirs"), only_in(connection, "theirs", "ours")
    if not ours and not theirs:
        return None
    return (
        f"{table} of {name} and {other_name} differ: {ours} rows are only in {name}, {theirs} "
        f"only in {other_name}; columns: "
        f"{differing_columns(connection) or 'only the rows differ'}"
    )


def load(connection: duckdb.DuckDBPyConnection, name: str, output: Path, table: str) -> None:
    """The rows of an output's table under a name, in the contract's columns and its own types."""
    columns = ", ".join(c.name for c in contract(table).columns if c.name not in NOT_COMPARED)
    connection.execute(
        f"CREATE TABLE {name} AS SELECT {columns} FROM read_parquet(?, hive_partitioning = true)",
        [[str(file) for file in live_files(output / table)]],
    )


def column_types(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    """The type of each column, as DuckDB names it."""
    return {name: kind for name, kind, *_ in connection.execute(f"DESCRIBE {table}").fetchall()}


def live_files(folder: Path) -> list[Path]:
    """The Parquet files of a folder; of a Delta table, those of its newest version."""
    commits = sorted((folder / "_delta_log").glob("*.json"))
    if not commits:
        return sorted(folder.rglob("*.parquet"))
    live: set[str] = set()
    for commit in commits:
        actions = [json.loads(line) for line in commit.read_text(encoding="utf-8").splitlines()]
        live -= {action["remove"]["path"] for action in actions if "remove" in action}
        live |= {action["add"]["path"] for action in actions if "add" in action}
    return sorted(folder / unquote(path) for path in live)


def only_in(connection: duckdb.DuckDBPyConnection, table: str, other: str) -> int:
    query = f"SELECT count(*) FROM (FROM {table} EXCEPT ALL FROM {other})"
    return int(one_row(connection, query)[0])


def differing_columns(connection: duckdb.DuckDBPyConnection) -> str:
    """The columns that differ for customers of both, each with the number of customers."""
    names = [c for c in column_types(connection, "ours") if c != KEY]
    counts = ", ".join(f"count(*) FILTER (o.{c} IS DISTINCT FROM t.{c})" for c in names)
    found = one_row(
        connection, f"SELECT {counts} FROM ours AS o INNER JOIN theirs AS t USING ({KEY})"
    )
    differing = zip(names, found, strict=True)
    return ", ".join(f"{name} ({count})" for name, count in differing if count)


def one_row(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[int, ...]:
    row = connection.execute(query).fetchone()
    if row is None:
        raise LookupError(query)
    return row
