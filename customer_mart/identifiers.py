"""Names, paths and texts in SQL, quoted so that nothing in them is read as SQL.

One thing goes before all quotes: Spark puts a variable's value in the place of `${...}`. A literal
can say that otherwise; an identifier cannot, so that the settings refuse it in names and paths.
"""


def quoted(name: str) -> str:
    """A name or path as one SQL identifier."""
    return "`" + name.replace("`", "``") + "`"


def quoted_name(name: str) -> str:
    """A dotted catalog name with each part quoted."""
    return ".".join(quoted(part) for part in name.split("."))


def delta_name(place: str, *, is_table: bool) -> str:
    """A Delta table as SQL names it: a catalog name, or a path."""
    return quoted_name(place) if is_table else f"delta.{quoted(place)}"


def sql_string(text: str) -> str:
    """Text as a SQL string literal."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("${", "\\u0024{")
    return f"'{escaped}'"
