"""Where a source is and in which format, found out through Spark alone.

Only what every Spark offers is used (no Hadoop classes, no local file calls), so that a
folder on a laptop, in an object store or behind Spark Connect is found the same way.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import takewhile
from urllib.parse import unquote

from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import DataFrame, DataFrameReader, SparkSession
from pyspark.sql.types import StringType, StructField, StructType

from customer_mart.errors import DataError, first_line
from customer_mart.identifiers import delta_name, quoted_name
from customer_mart.places import absolute
from customer_mart.settings import Source

CHANGE_FEED = "delta.enableChangeDataFeed"
SUFFIXES = {"parquet": ".parquet", "csv": ".csv"}
SPELLED = {"parquet": "Parquet", "csv": "CSV"}
NO_DELTA_TABLE = {
    "DELTA_MISSING_DELTA_TABLE",
    "DELTA_ONLY_OPERATION",
    "DELTA_TABLE_NOT_FOUND",
    "DELTA_TABLE_ONLY_OPERATION",
    "EXPECT_TABLE_NOT_VIEW.NO_ALTERNATIVE",
}
# Quotes are doubled inside a quoted field, as RFC 4180 and every spreadsheet write them.
# A file whose header differs from the first one's is an error: Spark would read it by position.
CSV_OPTIONS = {"header": "true", "quote": '"', "escape": '"', "enforceSchema": "false"}
# Which files there are, if not all that are at a place.
LISTED_BY = ("pathglobfilter", "modifiedbefore", "modifiedafter")
# The whole line where it has not as many fields as the header, in a column beside the others.
MALFORMED = "_malformed_line"


@dataclass(frozen=True)
class Location:
    """A source that was found: its format, what to read, and its pinned Delta version."""

    name: str
    format: str
    place: str
    is_table: bool
    version: int | None
    table_id: str | None = None
    has_change_feed: bool = False

    @property
    def identifier(self) -> str:
        """A Delta source as SQL names it."""
        return delta_name(self.place, is_table=self.is_table)


def locate(spark: SparkSession, name: str, source: Source) -> Location | None:
    """The source's location with a Delta table's current version, or None if nothing is there.

    Raises:
        DataError: if something is there that is neither Delta, Parquet nor CSV, or not of the
            format that is named, or no readable Delta table although it has the log of one.
    """
    if source.table:
        return _table(spark, name, source.table)
    if source.path is None:
        return None
    path = absolute(source.path)
    if source.format in ("auto", "delta"):
        version = _delta_version(spark, name, delta_name(path, is_table=False))
        if version is not None:
            return _detailed(spark, Location(name, "delta", path, is_table=False, version=version))
    return _files(spark, name, path, source)


def read_location(spark: SparkSession, location: Location, options: dict[str, str]) -> DataFrame:
    """The rows as the source delivers them, at the pinned version; CSV columns are text."""
    reader = spark.read.options(**options)
    if location.version is not None:
        reader = reader.option("versionAsOf", location.version)
    if location.is_table:
        return reader.table(quoted_name(location.place))
    if location.format == "csv":
        return _csv(reader.options(**{**CSV_OPTIONS, **options}).format("csv"), location.place)
    return reader.format(location.format).load(location.place)


def _csv(reader: DataFrameReader, place: str) -> DataFrame:
    """The rows of CSV files, those of malformed lines with the line itself.

    Spark drops the fields that are too many, such as the cents behind a decimal comma, and calls
    NULL what is missing: what it makes of such a line is not to be used.
    """
    columns = reader.load(place).schema
    with_line = StructType([*columns, StructField(MALFORMED, StringType())])
    # Cut down to the columns that are asked for, the fields of a line would not be counted.
    whole = {"columnNameOfCorruptRecord": MALFORMED, "columnPruning": "false"}
    return reader.options(**whole).schema(with_line).load(place)


def _table(spark: SparkSession, name: str, table: str) -> Location | None:
    identifier = quoted_name(table)
    try:
        exists = spark.catalog.tableExists(identifier)
    except PySparkException as error:
        raise DataError(
            f"Source {name}: the table {table} cannot be found: {first_line(error)}"
        ) from error
    if not exists:
        return None
    version = _delta_version(spark, name, identifier)
    found = Location(name, "table", table, is_table=True, version=version)
    return found if version is None else _detailed(spark, found)


def _files(spark: SparkSession, name: str, path: str, source: Source) -> Location | None:
    """The first files of the wanted format at a path or behind its suffixes, None without any.

    Raises:
        DataError: if all that is there is of another format than the one that is named.
    """
    wanted, other = source.format, None
    for place in (path, *(path + suffix for suffix in SUFFIXES.values())):
        found = _file_format(spark, name, place, source)
        if not found:
            continue
        may_be_empty = found == "csv" and wanted in ("auto", "csv")
        if may_be_empty and not _has_header(spark, name, place, source):
            continue
        location = Location(name, found, place, is_table=False, version=None)
        if wanted in ("auto", found):
            return location
        other = other or location
    if other:
        raise DataError(
            f"Source {name} at {other.place} holds {SPELLED[other.format]} files, but "
            f"sources.{name}.format is {wanted}: correct the format"
        )
    return None


def _detailed(spark: SparkSession, location: Location) -> Location:
    """The location with what tells its Delta table from another made later in its place."""
    detail = spark.sql(f"DESCRIBE DETAIL {location.identifier}").collect()[0]
    has_change_feed = detail["properties"].get(CHANGE_FEED) == "true"
    return replace(location, table_id=str(detail["id"]), has_change_feed=has_change_feed)


def _delta_version(spark: SparkSession, name: str, identifier: str) -> int | None:
    """The newest version of a Delta table, or None when it is no Delta table.

    Raises:
        DataError: if it is one that cannot be read: its files are never read as plain Parquet,
            which would bring back rows that were deleted.
    """
    try:
        newest = spark.sql(f"DESCRIBE HISTORY {identifier} LIMIT 1").collect()
    except Exception as error:
        if isinstance(error, AnalysisException) and error.getCondition() in NO_DELTA_TABLE:
            return None
        raise DataError(
            f"Source {name}: the Delta table {identifier} cannot be read: {first_line(error)}"
        ) from error
    return int(newest[0]["version"]) if newest else None


def _file_format(spark: SparkSession, name: str, place: str, source: Source) -> str | None:
    """The format of the files at a place, by their names; None when there are none.

    Raises:
        DataError: if they are neither Parquet nor CSV, or the files of a Delta table, or some of
            them are in a folder where they would not be read.
    """
    wanted, files = source.format, _file_names(spark, name, place, source.options)
    if files is None:
        return None
    if _file_names(spark, name, f"{place}/_delta_log", {}) is not None:
        raise DataError(
            f"Source {name} at {place} has a Delta log that holds no table, or is to be read as "
            f"{wanted}: its files are read as a Delta table or not at all, for among them are "
            "rows that were deleted"
        )
    by_suffix = {
        kind: [file for file in files if suffix in file.rsplit("/", 1)[-1].lower()]
        for kind, suffix in SUFFIXES.items()
    }
    found = next((kind for kind, named in by_suffix.items() if named), None)
    if found or wanted in SUFFIXES:
        options = {option.lower(): value.lower() for option, value in source.options.items()}
        if options.get("recursivefilelookup") != "true":
            _require_one_depth(name, place, by_suffix[found] if found else files)
        return found or wanted
    if not files:
        return None
    raise DataError(
        f"Source {name} at {place} is neither a Delta table nor Parquet nor CSV files; "
        f"name its format in sources.{name}.format"
    )


def _has_header(spark: SparkSession, name: str, place: str, source: Source) -> bool:
    """Whether CSV files have a byte; without one they have no header, and are none.

    Raises:
        DataError: if they cannot be read.
    """
    options = {**CSV_OPTIONS, **source.options}
    try:
        return bool(spark.read.options(**options).format("csv").load(place).columns)
    except Exception as unreadable:
        raise DataError(
            f"Source {name} at {place} cannot be read as csv: {first_line(unreadable)}"
        ) from unreadable


def _require_one_depth(name: str, place: str, files: list[str]) -> None:
    """Refuses files of which Spark would leave some out, without a word, for where they are.

    Raises:
        DataError: if they are not all in one folder, or all in folders of the same partitions,
            `column=value`.
    """
    folders = [file.split("/")[:-1] for file in files]
    # Engines spell a place in several ways; what is below it shows by what files have in common.
    depth = sum(
        1 for _ in takewhile(lambda names: len(set(names)) == 1, zip(*folders, strict=False))
    )
    # One file of each kind of folder there is.
    kinds: dict[tuple[str, ...], str] = {}
    for file, folder in zip(files, folders, strict=True):
        kind = tuple(map(_partition, folder[depth:]))
        kinds.setdefault(kind, "/".join(file.split("/")[depth:]))
    if len(kinds) > 1 or any("" in partitions for partitions in kinds):
        raise DataError(
            f"Source {name} at {place} has files in different folders, such as "
            f"{' and '.join(sorted(kinds.values())[:2])}, of which some would be left out: put "
            f"all into one folder, or set sources.{name}.options.recursiveFileLookup to true"
        )


def _partition(folder: str) -> str:
    """The column of a folder `column=value`; nothing of any other."""
    column, is_one, _ = folder.partition("=")
    return column if is_one else ""


def _file_names(
    spark: SparkSession, name: str, place: str, options: Mapping[str, str]
) -> list[str] | None:
    """The names of a place's files; None when nothing is there.

    options: the source's, of which some say which files there are.

    Raises:
        DataError: if the place cannot be reached.
    """
    chosen = {option: value for option, value in options.items() if option.lower() in LISTED_BY}
    reader = spark.read.format("binaryFile").options(recursiveFileLookup="true", **chosen)
    try:
        # Twice, or Spark looks for what a stream would have left at the one place, and logs a
        # warning with a stack where there is none.
        return [unquote(file) for file in reader.load([place, place]).inputFiles()]
    except AnalysisException:
        return None
    except Exception as unreachable:
        raise DataError(
            f"Source {name} at {place} cannot be looked into: {first_line(unreachable)}"
        ) from unreachable
