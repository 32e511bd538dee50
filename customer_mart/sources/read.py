"""The only reader: a source as delivered, its columns under the contract's names and types."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from customer_mart.contracts import Contract, ContractColumn, contract
from customer_mart.errors import DataError, first_line
from customer_mart.identifiers import quoted
from customer_mart.settings import Source
from customer_mart.sources.casting import can_cast, cast
from customer_mart.sources.erased import Erased
from customer_mart.sources.files import MALFORMED
from customer_mart.sources.location import Location, locate, read_location

AS_READ = "as_read"


@dataclass(frozen=True)
class SourceTable:
    """A source pinned for one run: where it is, and its rows as delivered.

    declared_unique: whether the settings say that no key comes twice. erased: customers whose rows
    were left out of rows. delivered: rows with them.
    """

    contract: Contract
    location: Location
    columns: dict[str, str]
    time_zone: str
    rows: DataFrame
    declared_unique: bool
    erased: Erased | None = None
    delivered: DataFrame | None = None

    @property
    def is_unique(self) -> bool:
        """Whether no two rows have one key, by the settings or by contract."""
        return self.declared_unique or self.contract.is_unique

    @property
    def may_share_keys(self) -> bool:
        """Whether two users may have rows of one key."""
        table = self.contract
        return table.has_user and not (table.is_by_user or self.is_unique)

    @property
    def extra_columns(self) -> list[str]:
        """Delivered columns that the contract does not know; they are ignored."""
        mapped = {self._found_name(column) for column in self.contract.columns}
        return [name for name in self.delivered_columns if name not in mapped]

    @property
    def delivered_columns(self) -> list[str]:
        """The columns that the source delivers."""
        return [name for name in self.rows.columns if name != MALFORMED or not self.has_lines]

    @property
    def has_lines(self) -> bool:
        """Whether a row may be a malformed line, in a column beside those that are delivered."""
        return self.location.format == "csv"

    @property
    def as_read(self) -> Column:
        """The whole row as delivered, a map from column name to text; or the malformed line."""
        row = _as_text([f for f in self.rows.schema if f.name in self.delivered_columns])
        if self.has_lines:
            line = F.col(MALFORMED)
            row = F.when(line.isNull(), row).otherwise(F.create_map(F.lit(MALFORMED), line))
        return row.alias(AS_READ)

    def typed(self, *further: Column) -> DataFrame:
        """One row per delivered row, in the contract's columns and types.

        A value that cannot be cast without loss is NULL, and so are those of a malformed line but
        for whose it is. further: columns of the row as delivered that come along.
        """
        selected = [
            self._readable(column, self.typed_column(column)).alias(column.name)
            for column in self.contract.columns
        ]
        return self.rows.select(*selected, *further)

    def reading(self, rows: DataFrame) -> "SourceTable":
        """The source with other rows as delivered, those of erased customers left out."""
        read = replace(self, rows=rows)
        user = next((c for c in self.contract.columns if "user" in c.tags), None)
        if self.erased is None or user is None:
            return read
        kept = self.erased.left_out(rows, read.typed_column(user))
        return replace(read, rows=kept, delivered=rows)

    def without(self, erased: Erased) -> "SourceTable":
        """The source as if these customers had never been in it."""
        return replace(self, erased=erased).reading(self.rows)

    def found_types(self) -> dict[str, T.DataType]:
        """The types, as delivered, of the contract's columns that are there, by their names."""
        delivered = {field.name: field.dataType for field in self.rows.schema}
        names = [self._found_name(column) for column in self.contract.columns]
        return {name: delivered[name] for name in names if name in delivered}

    def typed_column(self, column: ContractColumn) -> Column:
        name = self._found_name(column)
        return cast(F.col(quoted(name)), self.rows.schema[name].dataType, column, self.time_zone)

    def is_unreadable(self, name: str) -> Column:
        """Whether a column of the contract is NULL although a value was delivered, not blanks."""
        column = next(column for column in self.contract.columns if column.name == name)
        delivered = F.trim(F.col(quoted(self._found_name(column))).cast("string"))
        return (delivered != "") & self.typed_column(column).isNull()

    def _readable(self, column: ContractColumn, typed: Column) -> Column:
        # Whose a malformed line is, as far as can be told, decides whether it has been erased.
        if not self.has_lines or "user" in column.tags:
            return typed
        return F.when(F.col(MALFORMED).isNull(), typed)

    def _found_name(self, column: ContractColumn) -> str:
        return found_name(self.rows.columns, self.columns.get(column.name, column.name))


def open_source(
    spark: SparkSession, name: str, source: Source, time_zone: str, *, optional: bool = False
) -> SourceTable | None:
    """The source, pinned to its newest version and checked; None if it is optional and absent.

    Raises:
        DataError: if it is missing, unreadable, lacks a column, or has one whose type cannot be
            cast without loss.
    """
    location = locate(spark, name, source)
    if location is None:
        if optional:
            return None
        raise DataError(f"Source {name} is missing: nothing is at {source.table or source.path}")
    try:
        rows = read_location(spark, location, source.options)
        rows.schema  # noqa: B018 - Spark Connect resolves a schema only when asked for it
    except Exception as unreadable:
        raise DataError(
            f"Source {name} at {location.place} cannot be read as {location.format}: "
            f"{first_line(unreadable)}"
        ) from unreadable
    table = SourceTable(contract(name), location, source.columns, time_zone, rows, source.unique)
    _check_columns(table)
    return table


def found_name(delivered: list[str], wanted: str) -> str:
    """The delivered column of that name, whatever its case, as Spark resolves names."""
    return next((name for name in delivered if name.lower() == wanted.lower()), wanted)


def _check_columns(table: SourceTable) -> None:
    """Refuses a source without a column of its contract, or with a type that would lose data."""
    types = {field.name.lower(): field.dataType for field in table.rows.schema}
    where = f"Source {table.contract.name} at {table.location.place}"
    for column in table.contract.columns:
        name = table.columns.get(column.name, column.name)
        found = types.get(name.lower())
        if found is None:
            raise DataError(
                f"{where} has no column {name} ({column.type} expected); "
                f"it has {', '.join(table.delivered_columns)}"
            )
        if not can_cast(found, column):
            raise DataError(
                f"{where} has column {name} of type {found.simpleString()}, which cannot be cast "
                f"to {column.type} without loss"
            )


def _as_text(delivered: Sequence[T.StructField]) -> Column:
    """Every column of a row as text by name; NULL stays NULL."""
    pairs: list[Column] = []
    for field in delivered:
        pairs += [F.lit(field.name), _text(F.col(quoted(field.name)), field.dataType)]
    return F.create_map(*pairs)


def _text(values: Column, found: T.DataType) -> Column:
    if isinstance(found, (T.StructType, T.ArrayType, T.MapType)):
        return F.to_json(values)
    if isinstance(found, T.BinaryType):
        return F.hex(values)
    return values.cast("string")
