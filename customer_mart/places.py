"""Folders and URIs, as Spark is to be told of them."""

import re
from pathlib import Path

URI = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]+:/")


def is_uri(location: str) -> bool:
    """Whether the location names its file system, as in s3a://... or dbfs:/..."""
    return URI.match(location) is not None


def absolute(location: str) -> str:
    """A folder without a trailing slash, absolute unless it is a URI.

    Delta takes a relative path in SQL for a table's name.
    """
    if is_uri(location):
        return location.rstrip("/")
    return str(Path(location).absolute()).rstrip("/")
