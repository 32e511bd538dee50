"""v_customer_ltv: the scores for those who read them, without what only operators need."""

from collections.abc import Sequence

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from customer_mart.contracts import ContractColumn
from customer_mart.errors import UsageError, first_line
from customer_mart.identifiers import quoted, quoted_name, sql_string
from customer_mart.publish.target import Target

VIEW = "v_customer_ltv"
TECHNICAL = "technical"
NO_VIEWS = "MISSING_CATALOG_ABILITY"


def ensure_view(spark: SparkSession, scores: Target, readers: Sequence[str]) -> str | None:
    """Creates the view of the scores beside them, or brings it up to date; grants SELECT on it.

    Returns why there is no view, if the catalog has none at all.

    Raises:
        UsageError: if the view cannot be made, or the catalog does not grant.
    """
    schema = scores.place.rpartition(".")[0]
    view = quoted_name(f"{schema}.{VIEW}")
    try:
        spark.sql(create_view(view, scores))
    except PySparkException as refused:
        if (refused.getCondition() or "").startswith(NO_VIEWS) and not readers:
            return f"the catalog of {schema} has no views: {VIEW} was not made"
        raise UsageError(
            f"The view {schema}.{VIEW} cannot be made ({first_line(refused)}); give the right to, "
            "or set publish.view to false"
        ) from refused
    for reader in readers:
        _grant(spark, view, reader)
    return None


def create_view(view: str, scores: Target) -> str:
    """The CREATE VIEW statement, with the comments of the contract."""
    columns = [column for column in scores.contract.columns if TECHNICAL not in column.tags]
    named = ",\n  ".join(_column(column) for column in columns)
    selected = ", ".join(quoted(column.name) for column in columns)
    return (
        f"CREATE OR REPLACE VIEW {view} (\n  {named}\n)\n"
        f"COMMENT {sql_string(scores.contract.description)}\n"
        f"AS SELECT {selected} FROM {scores.identifier}"
    )


def _column(column: ContractColumn) -> str:
    return f"{quoted(column.name)} COMMENT {sql_string(column.description)}"


def grant_select(view: str, reader: str) -> str:
    """The GRANT statement, which Spark's own catalog refuses and Unity Catalog takes."""
    return f"GRANT SELECT ON VIEW {view} TO {quoted(reader)}"


def _grant(spark: SparkSession, view: str, reader: str) -> None:
    try:
        spark.sql(grant_select(view, reader))
    except PySparkException as refused:
        raise UsageError(
            f"SELECT on {VIEW} cannot be granted to {reader} ({first_line(refused)}); where the "
            "catalog has no GRANT, leave publish.view_readers empty"
        ) from refused
