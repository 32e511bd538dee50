"""What an engine's error means, in one plain sentence."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import unquote

from pyspark.errors import AnalysisException, ArithmeticException

from customer_mart.contracts import MART_TABLES, STAGING_TABLES
from customer_mart.errors import DataError, MartError, first_line
from customer_mart.places import absolute
from customer_mart.remedies import LEDGER_REMEDY, made_anew
from customer_mart.settings import Settings

UNREADABLE = re.compile(r"FAILED_READ_FILE.* while reading file (?P<file>.+?)\.(?:\s|$)")
# A file of a source whose type of a column is not that of the others.
OTHER_TYPE = re.compile(
    r"PARQUET_COLUMN_DATA_TYPE_MISMATCH.* while reading file (?P<file>.+?)\.\s.*"
    r"column \[?(?P<column>[^\]]+?)\]?\. Expected Spark type (?P<expected>.+?), "
    r"actual Parquet type (?P<found>.+?)\.(?:\s|$)",
    re.DOTALL,
)
# A file of CSV whose header is not that of the others, or one that the engine had to complete.
OTHER_HEADER = re.compile(
    r"(?:CSV header does not conform|Number of column in CSV header).*?\sCSV file: (?P<file>\S+)",
    re.DOTALL,
)
# Tables that no rebuild writes anew: runs only add to them.
NEVER_REBUILT = ("customer_tier_changes", "mart_runs")
# How Delta's own conditions begin, and the names of the files that say which rows of others are
# gone, the lack of which it tells in no condition.
NOT_TO_BE_READ = ("[DELTA_", "deletion_vector_")
# A full disk, a user's quota, and a limit on the size of a file, as Linux words them.
NO_SPACE = ("No space left on device", "Disk quota exceeded", "File too large")


@contextmanager
def in_plain_words(
    settings: Settings, stage: Callable[[], str | None] = lambda: None
) -> Iterator[None]:
    """Raises what is raised inside in plain words, where they are known; any other as it is.

    stage: tells the one that failed, if what is done inside is a run.
    """
    try:
        yield
    except Exception as error:
        told = explained(error, settings, stage())
        if told is error:
            raise  # as its own cause it would lose the one it has
        raise told from error


def explained(error: Exception, settings: Settings, stage: str | None = None) -> Exception:
    """The error in plain words, where they are known; any other as it is.

    stage: the one that failed, if the error is a run's.
    """
    if isinstance(error, MartError):
        return error
    at = f"{stage}: " if stage else ""
    line, told = first_line(error), all_that_is_told(error)
    if isinstance(error, ArithmeticException):
        # Behind its first sentence the engine advises to switch ANSI mode off.
        found = line.split(". ")[0]
        return DataError(
            f"{at}a sum is too large for its column ({found}); correct the amounts at the source"
        )
    if _is_full_disk(told):
        return MartError(
            f"{at}a disk is full: that of the mart, of its staging folder, or of spark.local.dir "
            f"({line}); make room and run again"
        )
    if other := OTHER_TYPE.search(told):
        return DataError(
            f"{at}the file {_path(other['file'])} has column {other['column']} of type "
            f"{other['found']}, where {other['expected']} is read from the other files; deliver "
            "all files with one type"
        )
    if other := OTHER_HEADER.search(told):
        return DataError(
            f"{at}the header of the CSV file {_path(other['file'])} is not the one by which its "
            "source is read; give every column a name of its own, and all files the same names in "
            "the same order"
        )
    file = unreadable_file(error)
    return DataError(_unreadable(file, settings, at)) if file else error


def unreadable_file(error: Exception) -> str | None:
    """The file, if it is a damaged or missing one that the error is about."""
    found = UNREADABLE.search(all_that_is_told(error))
    return found["file"] if found else None


def is_below(file: str, folder: str) -> bool:
    """Whether a file lies in a folder, both as the engine spells them."""
    return _path(file).startswith(f"{_path(folder)}/")


def is_of_what_was_read(error: Exception) -> bool:
    """Whether it is about what was to be read: files or versions gone, damaged, of another schema.

    A full disk or a lost executor is not: another try may read the same.
    """
    told = all_that_is_told(error)
    if _is_full_disk(told):
        return False
    is_told = any(sign in told for sign in NOT_TO_BE_READ)
    return is_told or isinstance(error, AnalysisException) or unreadable_file(error) is not None


def _is_full_disk(told: str) -> bool:
    return any(reason in told for reason in NO_SPACE)


def all_that_is_told(error: Exception) -> str:
    """The message and, over Spark Connect, the server's stack: there alone are the causes."""
    stack = getattr(error, "getStackTrace", None)
    return f"{error}\n{stack() or ''}" if stack else str(error)


def _unreadable(file: str, settings: Settings, at: str) -> str:
    """Whose file cannot be read, and what makes it good."""
    path = _path(file)
    for name, place in _places(settings):
        if path.startswith((f"{place}/", f"{place}.")):
            whose = f"Source {name}" if name in STAGING_TABLES else f"The table {name}"
            remedy = _remedy(name, place, path)
            return f"{whose}: its file {path} cannot be read, being damaged or gone; {remedy}"
    return f"{at}the file {path} cannot be read, being damaged or gone"


def _path(file: str) -> str:
    """A file as its system names it, not as the engine spells its URI."""
    return re.sub(r"^file:/+", "/", unquote(file))


def _remedy(name: str, place: str, path: str) -> str:
    if name == "erased_customers":
        return LEDGER_REMEDY
    if name in STAGING_TABLES:
        remedy = "restore the file or deliver the source again"
    elif name in NEVER_REBUILT or "/_delta_log/" in path:
        remedy = f"restore the file, or {made_anew(name, place)}"
    else:
        remedy = "rebuild it with --mode full"
    if "/_delta_log/" in path and ".checkpoint." in path:
        return (
            f"move it away and run again, for the commits it sums up may be there; else {remedy}"
        )
    return remedy


def _places(settings: Settings) -> Iterator[tuple[str, str]]:
    """Sources and tables with the folders or URIs they have of their own."""
    for name in STAGING_TABLES:
        path = settings.sources.source(name).path
        if path:
            yield name, absolute(path)
    if settings.mart.location:
        for name in MART_TABLES:
            yield name, f"{absolute(settings.mart.location)}/{name}"
