"""A folder searched for a text, in whatever way its files hide it."""

from pathlib import Path

import duckdb


def tables_that_hold(mart: Path, *texts: str) -> set[str]:
    """The folders of the mart with a file that holds any of the texts, also compressed."""
    return {file.relative_to(mart).parts[0] for file in mart.rglob("*") if holds(file, *texts)}


def holds(file: Path, *texts: str) -> bool:
    """Whether a file, and no folder, holds any of the texts."""
    found = _text(file) if file.is_file() else ""
    return any(text in found for text in texts)


def _text(file: Path) -> str:
    """The bytes of a file, and of a Parquet file its rows as well."""
    found = file.read_bytes().decode("latin-1")
    if ".parquet" in file.name and not file.name.startswith("."):
        query = "SELECT r::VARCHAR FROM read_parquet(?) AS r"
        rows = duckdb.execute(query, [str(file)]).fetchall()
        found += "".join(row for (row,) in rows)
    return found
