"""Files at a place: which there are, in which format, and CSV as it is read.

Found out through Spark alone, as all that is known of a place (`location`).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from itertools import takewhile
from urllib.parse import unquote

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, DataFrameReader, SparkSession
from pyspark.sql.types import StringType, StructField, StructType

from customer_mart.errors import DataError, first_line
from customer_mart.settings import Source

SUFFIXES = {"parquet": ".parquet", "csv": ".csv"}
SPELLED = {"parquet": "Parquet", "csv": "CSV"}
# Quotes are doubled inside a quoted field, as RFC 4180 and every spreadsheet write them.
# A file whose header differs from the first one's is an error: Spark would read it by position.
CSV_OPTIONS = {"header": "true", "quote": '"', "escape": '"', "enforceSchema": "false"}
# Which files there are, if not all that are at a place.
LISTED_BY = ("pathglobfilter", "modifiedbefore", "modifiedafter")
# The whole line where it has not as many fields as the header, in a column beside the others.
MALFORMED = "_malformed_line"


@dataclass(frozen=True)
class Files:
    """Files of one format at a place; of CSV also the columns.

    partitions: the columns that folders below the place name, `column=value`.
    """

    format: str
    place: str
    partitions: tuple[str, ...] = ()
    header: StructType | None = None


def find_files(spark: SparkSession, name: str, path: str, source: Source) -> Files | None:
    """The first files of the wanted format at a path or behind its suffixes, None without any.

    Raises:
        DataError: if all that is there is of another format than the one that is named.
    """
    wanted, other = source.format, None
    for place in (path, *(path + suffix for suffix in SUFFIXES.values())):
        found = _files(spark, name, place, source)
        if not found:
            continue
        if wanted not in ("auto", found.format):
            other = other or found
        elif found.format != "csv":
            return found
        elif header := _header(spark, name, found, source):
            return replace(found, header=header)
    if other:
        raise DataError(
            f"Source {name} at {other.place} holds {SPELLED[other.format]} files, but "
            f"sources.{name}.format is {wanted}: correct the format"
        )
    return None


def csv_rows(
    spark: SparkSession, place: str, header: StructType, options: Mapping[str, str]
) -> DataFrame:
    """The rows of CSV files, those of malformed lines with the line itself.

    Spark drops the fields that are too many, such as the cents behind a decimal comma, and calls
    NULL what is missing: what it makes of such a line is not to be used.

    header: their columns; options: those that it was read with.
    """
    with_line = StructType([*header, StructField(MALFORMED, StringType())])
    # Cut down to the columns that are asked for, the fields of a line would not be counted.
    whole = {"columnNameOfCorruptRecord": MALFORMED, "columnPruning": "false"}
    return _csv(spark, options).options(**whole).schema(with_line).load(place)


def as_written(columns: StructType, partitions: Collection[str]) -> StructType:
    """The columns, those that folders name as text.

    Spark guesses a type by their names, and would make the id 7 of the folder `game_id=007`. A
    schema that is given holds in every session, also in one that takes no setting.
    """
    return StructType(
        [
            StructField(field.name, StringType()) if field.name in partitions else field
            for field in columns
        ]
    )


def _csv(spark: SparkSession, options: Mapping[str, str]) -> DataFrameReader:
    return spark.read.options(**{**CSV_OPTIONS, **options}).format("csv")


def _header(spark: SparkSession, name: str, found: Files, source: Source) -> StructType:
    """The columns of CSV files; those without a byte have none, and are no files.

    Raises:
        DataError: if they cannot be read.
    """
    try:
        return as_written(_csv(spark, source.options).load(found.place).schema, found.partitions)
    except Exception as unreadable:
        raise DataError(
            f"Source {name} at {found.place} cannot be read as csv: {first_line(unreadable)}"
        ) from unreadable


def _files(spark: SparkSession, name: str, place: str, source: Source) -> Files | None:
    """The files at a place, their format by their names; None when there are none.

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
        chosen = by_suffix[found] if found else files
        return Files(found or wanted, place, _partitions(name, place, chosen, source.options))
    if not files:
        return None
    raise DataError(
        f"Source {name} at {place} is neither a Delta table nor Parquet nor CSV files; "
        f"name its format in sources.{name}.format"
    )


def _partitions(
    name: str, place: str, files: list[str], options: Mapping[str, str]
) -> tuple[str, ...]:
    """The columns that the folders of files name below a place, the outermost first.

    Raises:
        DataError: if Spark would leave out files for where they are.
    """
    given = {option.lower(): value for option, value in options.items()}
    if given.get("recursivefilelookup", "").lower() == "true":
        return ()
    _require_one_depth(name, place, files)
    of_place = _named_by_folders(given.get("basepath", place).split("/"))
    of_files = _named_by_folders(files[0].split("/")[:-1]) if files else ()
    return of_files[len(of_place) :]


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


def _named_by_folders(folders: list[str]) -> tuple[str, ...]:
    return tuple(column for column in map(_partition, folders) if column)


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
