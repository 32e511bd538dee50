"""Which code this is: its version, and a hash of the files that decide on every row."""

import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from customer_mart import __version__

if TYPE_CHECKING:
    # Python 3.14 has it elsewhere.
    from importlib.abc import Traversable

OF_ROWS = (".py", ".yml")


@cache
def package_version() -> str:
    """The version, and behind a plus the hash of this package's code and contracts.

    A fork, or a formula changed in place, has the version of what it came from and other rows.
    """
    return f"{__version__}+{fingerprint(files('customer_mart'))}"


def fingerprint(package: "Traversable") -> str:
    """Twelve hexadecimal digits of the SHA-256 of a package's code and contracts, and their names.

    The same for a folder, a wheel that was installed and a zip.
    """
    digest = hashlib.sha256()
    for name, content in sorted(_contents(package)):
        digest.update(f"{name} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()[:12]


def _contents(folder: "Traversable", above: str = "") -> Iterator[tuple[str, bytes]]:
    """Every file that counts, by its path in the package."""
    for entry in folder.iterdir():
        name = above + entry.name
        if entry.is_dir():
            yield from _contents(entry, f"{name}/")
        elif entry.name.endswith(OF_ROWS):
            yield name, entry.read_bytes()
