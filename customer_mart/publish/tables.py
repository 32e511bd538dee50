"""Tables created from their contracts: types, NOT NULL, comments and CHECK constraints."""

from pyspark.sql import SparkSession
from pyspark.sql.types import StructType

from customer_mart.contracts import Contract, ContractColumn
from customer_mart.errors import DataError
from customer_mart.identifiers import quoted, sql_string
from customer_mart.publish.target import Target
from customer_mart.remedies import made_anew

# Files are a date each, or an hour's runs: the least and greatest of the first columns may tell
# them apart, of the measures behind them they never do. Fewer cost less to collect.
INDEXED_COLUMNS = 4
STATISTICS = "delta.dataSkippingStatsColumns"


def ensure_table(spark: SparkSession, target: Target) -> None:
    """Creates the table empty with all its constraints, unless it is there.

    Raises:
        DataError: if it is there with other columns than its contract's.
    """
    if target.exists(spark):
        _check_schema(target, _with_gained_columns(spark, target))
        return
    spark.sql(create_table(target))


def create_table(target: Target) -> str:
    """The CREATE TABLE statement of a contract."""
    table = target.contract
    columns = ",\n  ".join(_column(column) for column in table.columns)
    partitions = ", ".join(quoted(name) for name in table.partition_columns)
    partitioned = f"\nPARTITIONED BY ({partitions})" if partitions else ""
    properties = ",\n  ".join(
        f"{sql_string(name)} = {sql_string(value)}" for name, value in _properties(table).items()
    )
    return (
        f"CREATE TABLE {target.identifier} (\n  {columns}\n)\nUSING delta{partitioned}\n"
        f"COMMENT {sql_string(_comment(table))}\nTBLPROPERTIES (\n  {properties}\n)"
    )


def keep_ids_out_of_statistics(spark: SparkSession, target: Target) -> None:
    """Sees to it that the log tells no customer's id as the least or greatest of a new file.

    Tables are created so; one made before that was the rule gets the property now.
    """
    if STATISTICS not in target.properties(spark):
        target.set_properties(spark, {STATISTICS: _statistics(target.contract)})


def _properties(table: Contract) -> dict[str, str]:
    """The table's properties, its CHECK constraints among them.

    A constraint is a property by Delta's protocol. ADD CONSTRAINT would set the same one, in a
    commit of its own each.
    """
    constraints = {
        f"delta.constraints.{rule.name}": rule.condition for rule in table.rules_of("delta")
    }
    return {STATISTICS: _statistics(table), **constraints}


def _statistics(table: Contract) -> str:
    """The columns whose bounds are collected, as the table property names them.

    Not those of customers: the bounds would be ids, in a log that outlives an erasure.
    """
    first = table.columns[:INDEXED_COLUMNS]
    return ",".join(c.name for c in first if not c.partition and "user" not in c.tags)


def _column(column: ContractColumn) -> str:
    not_null = " NOT NULL" if column.required else ""
    comment = sql_string(column.description)
    return f"{quoted(column.name)} {column.type}{not_null} COMMENT {comment}"


def _with_gained_columns(spark: SparkSession, target: Target) -> StructType:
    """The table's schema, with the columns that the contract gained since the table was made.

    They are added to the table, provided that all of them may be NULL.
    """
    found = target.read(spark).schema
    gained = [column for column in target.contract.columns if column.name not in found.names]
    if not gained or any(column.required for column in gained):
        return found
    columns = ", ".join(_column(column) for column in gained)
    spark.sql(f"ALTER TABLE {target.identifier} ADD COLUMNS ({columns})")
    return target.read(spark).schema


def _comment(table: Contract) -> str:
    return f"{table.description} {table.purpose}"


def _check_schema(target: Target, schema: StructType) -> None:
    found = [(field.name, field.dataType.simpleString()) for field in schema]
    expected = [(column.name, column.type) for column in target.contract.columns]
    if found != expected:
        missing = [f"{name} {kind}" for name, kind in expected if (name, kind) not in found]
        unknown = [
            f"{name} {kind}, which is not in it"
            for name, kind in found
            if (name, kind) not in expected
        ]
        different = next(iter([*missing, *unknown]), "their order")
        raise DataError(
            f"The table {target.place} does not have the columns of its contract (first "
            f"difference: {different}); {made_anew(target.contract.name)}"
        )
