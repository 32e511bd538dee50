"""Tables on a terminal."""

import sys
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from decimal import Decimal

from pyspark.sql import DataFrame
from rich.console import Console
from rich.table import Table
from rich.text import Text

PIPE_WIDTH = 200


def print_rows(rows: DataFrame, title: str) -> None:
    """Prints a few rows; numbers to the right."""
    names = [field.name for field in rows.schema]
    texts = [field.name for field in rows.schema if field.dataType.simpleString() == "string"]
    print_table(rows.collect(), names, title, texts)


def print_table(
    rows: Iterable[Iterable[object]], names: Sequence[str], title: str, texts: Sequence[str]
) -> None:
    """Prints rows under the names of their columns; those of texts to the left."""
    # A plain string would lose what it has in square brackets: to rich that is markup.
    table = Table(title=Text(title, "bold"), title_justify="left")
    for name in names:
        table.add_column(Text(name), justify="left" if name in texts else "right")
    for row in rows:
        table.add_row(*(Text(shown(value)) for value in row))
    terminal().print(table)


def print_line(text: str, style: str | None = None) -> None:
    """Prints one line, however long."""
    terminal().print(text, style=style, soft_wrap=True, markup=False, emoji=False)


def terminal() -> Console:
    """A terminal as wide as it is; a file or pipe gets room for every column."""
    return Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False)


def shown(value: object) -> str:
    """A value for people: NULL is blank, numbers are grouped, instants are in UTC."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).isoformat(timespec="seconds")[:19] + "Z"
    return f"{value:,}" if isinstance(value, int | float | Decimal) else str(value)
