"""Folders and URIs, as Spark is to be told of them."""

import re
from pathlib import Path

URI = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]+:/")


def absolute(location: str) -> str:
    """A folder without a trailing slash, absolute unless it is a URI.

    Delta takes a relative path in SQL for a table's name.
    """
    if URI.match(location):
        return location.rstrip("/")
    return str(Path(location).absolute()).rstrip("/")
