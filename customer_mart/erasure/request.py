"""The ids of a request, from the command line and from a file."""

from collections.abc import Iterable
from pathlib import Path

from customer_mart.errors import UsageError


def requested_ids(given: Iterable[str], file: Path | None) -> list[str]:
    """Each id once, without surrounding blanks, as sources are trimmed.

    file: one id a line; blank lines say nothing.

    Raises:
        UsageError: if there is none, one given is blank, or the file cannot be read. It never
            tells an id.
    """
    trimmed = [user_id.strip(" ") for user_id in given]
    if not all(trimmed):
        raise UsageError("A --user-id is blank: give the customer's id")
    lines = [line.removesuffix("\r").strip(" ") for line in _text(file).split("\n")]
    ids = list(dict.fromkeys([*trimmed, *(line for line in lines if line)]))
    if not ids:
        raise UsageError("Say whom to erase: --user-id ID, or --user-ids-file FILE with an id")
    return ids


def _text(file: Path | None) -> str:
    if file is None:
        return ""
    try:
        # A file from a spreadsheet may begin with a byte order mark, which is no part of an id.
        return file.read_text(encoding="utf-8-sig")
    except OSError as missing:
        raise UsageError(f"Cannot read the ids in {file}: {missing.strerror}") from missing
    except UnicodeDecodeError:
        # Its own message would show bytes of the file.
        raise UsageError(f"The ids in {file} are not UTF-8 text") from None
