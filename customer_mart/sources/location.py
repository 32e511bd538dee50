"""Where a source is and in which format, found out through Spark alone.

Only what every Spark offers is used (no Hadoop classes, no local file calls), so that a
folder on a laptop, in an object store or behind Spark Connect is found the same way.
"""

from dataclasses import dataclass, replace

from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql.types import StructType

from customer_mart.errors import DataError, first_line
from customer_mart.identifiers import delta_name, quoted_name
from customer_mart.places import absolute
from customer_mart.settings import Source
from customer_mart.sources.commits import mark_of, newest_commit
from customer_mart.sources.files import as_written, csv_rows, find_files

CHANGE_FEED = "delta.enableChangeDataFeed"
NO_DELTA_TABLE = {
    "DELTA_MISSING_DELTA_TABLE",
    "DELTA_ONLY_OPERATION",
    "DELTA_TABLE_NOT_FOUND",
    "DELTA_TABLE_ONLY_OPERATION",
    "EXPECT_TABLE_NOT_VIEW.NO_ALTERNATIVE",
}


@dataclass(frozen=True)
class Location:
    """A source that was found: its format, what to read, and its pinned Delta version.

    commit: the mark of that version's commit. header: the columns of CSV files, None of any
    other source. partitions: the columns that the folders of files name.
    """

    name: str
    format: str
    place: str
    is_table: bool
    version: int | None = None
    commit: str = ""
    table_id: str = ""
    has_change_feed: bool = False
    header: StructType | None = None
    partitions: tuple[str, ...] = ()

    @property
    def identifier(self) -> str:
        """A Delta source as SQL names it."""
        return delta_name(self.place, is_table=self.is_table)

    @property
    def identity(self) -> str:
        """What tells this version of a Delta table from the same version of any other.

        A copy has the id of what it was copied from, and goes on with commits of its own.
        """
        return f"{self.table_id} {self.commit}"


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
        newest = _newest_commit(spark, name, delta_name(path, is_table=False))
        if newest is not None:
            return _of_delta(spark, Location(name, "delta", path, is_table=False), newest)
    files = find_files(spark, name, path, source)
    if files is None:
        return None
    return Location(
        name,
        files.format,
        files.place,
        is_table=False,
        header=files.header,
        partitions=files.partitions,
    )


def read_location(spark: SparkSession, location: Location, options: dict[str, str]) -> DataFrame:
    """The rows as the source delivers them, at the pinned version.

    Columns of CSV are text, and so are those that folders name.
    """
    if location.header is not None:
        return csv_rows(spark, location.place, location.header, options)
    reader = spark.read.options(**options)
    if location.version is not None:
        reader = reader.option("versionAsOf", location.version)
    if location.is_table:
        return reader.table(quoted_name(location.place))
    reader = reader.format(location.format)
    if location.partitions:
        columns = reader.load(location.place).schema
        reader = reader.schema(as_written(columns, location.partitions))
    return reader.load(location.place)


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
    newest = _newest_commit(spark, name, identifier)
    found = Location(name, "table", table, is_table=True)
    return found if newest is None else _of_delta(spark, found, newest)


def _of_delta(spark: SparkSession, location: Location, newest: Row) -> Location:
    """The location pinned to the newest commit of its Delta table."""
    detail = spark.sql(f"DESCRIBE DETAIL {location.identifier}").collect()[0]
    return replace(
        location,
        version=int(newest["version"]),
        commit=mark_of(newest),
        table_id=str(detail["id"]),
        has_change_feed=detail["properties"].get(CHANGE_FEED) == "true",
    )


def _newest_commit(spark: SparkSession, name: str, identifier: str) -> Row | None:
    """What the history of a Delta table says of its newest commit; None when it is none.

    Raises:
        DataError: if it is one that cannot be read: its files are never read as plain Parquet,
            which would bring back rows that were deleted.
    """
    try:
        return newest_commit(spark, identifier)
    except Exception as error:
        if isinstance(error, AnalysisException) and error.getCondition() in NO_DELTA_TABLE:
            return None
        raise DataError(
            f"Source {name}: the Delta table {identifier} cannot be read: {first_line(error)}"
        ) from error
