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
# What the catalog's description of a view calls its query.
VIEW_TEXT = "View Text"
NO_VIEWS = "MISSING_CATALOG_ABILITY"


def ensure_view(spark: SparkSession, scores: Target, *, has_readers: bool) -> str | None:
    """Creates the view of the scores beside them, or brings it up to date.

    Returns why there is no view, if the catalog has none at all and nobody is to read it.

    Raises:
        UsageError: if the view cannot be made.
    """
    schema = _schema(scores)
    try:
        _bring_up_to_date(spark, _view(scores), scores)
    except PySparkException as refused:
        if (refused.getCondition() or "").startswith(NO_VIEWS) and not has_readers:
            return f"the catalog of {schema} has no views: {VIEW} was not made"
        raise UsageError(
            f"The view {schema}.{VIEW} cannot be made ({first_line(refused)}); give the right to, "
            "or set publish.view to false"
        ) from refused
    return None


def _schema(scores: Target) -> str:
    return scores.place.rpartition(".")[0]


def _view(scores: Target) -> str:
    return quoted_name(f"{_schema(scores)}.{VIEW}")


def _bring_up_to_date(spark: SparkSession, view: str, scores: Target) -> None:
    """Makes the view, or alters one that shows something else.

    It is never replaced, for Databricks drops what was granted on a view that is.
    """
    if not spark.catalog.tableExists(view):
        spark.sql(create_view(view, scores))
    elif _shown(spark, view) != _query(scores):
        spark.sql(f"ALTER VIEW {view} AS {_query(scores)}")


def _shown(spark: SparkSession, view: str) -> str | None:
    """The query of a view, as its catalog keeps it; None of a table."""
    described = spark.sql(f"DESCRIBE TABLE EXTENDED {view}").collect()
    return next((row["data_type"] for row in described if row["col_name"] == VIEW_TEXT), None)


def create_view(view: str, scores: Target) -> str:
    """The CREATE VIEW statement, with the comments of the contract."""
    named = ",\n  ".join(_column(column) for column in _columns(scores))
    return (
        f"CREATE VIEW {view} (\n  {named}\n)\n"
        f"COMMENT {sql_string(scores.contract.description)}\n"
        f"AS {_query(scores)}"
    )


def _query(scores: Target) -> str:
    selected = ", ".join(quoted(column.name) for column in _columns(scores))
    return f"SELECT {selected} FROM {scores.identifier}"


def _columns(scores: Target) -> list[ContractColumn]:
    return [column for column in scores.contract.columns if TECHNICAL not in column.tags]


def _column(column: ContractColumn) -> str:
    return f"{quoted(column.name)} COMMENT {sql_string(column.description)}"


def grant_select(view: str, reader: str) -> str:
    """The GRANT statement, which Spark's own catalog refuses and Unity Catalog takes."""
    return f"GRANT SELECT ON VIEW {view} TO {quoted(reader)}"


def grant_to(spark: SparkSession, scores: Target, readers: Sequence[str]) -> list[str]:
    """Grants SELECT on the view; says why not, for each reader to whom the catalog does not grant.

    That is no error: one who left would keep the mart from everybody who stayed.
    """
    refusals = (_refusal(spark, _view(scores), reader) for reader in readers)
    return [refusal for refusal in refusals if refusal]


def _refusal(spark: SparkSession, view: str, reader: str) -> str | None:
    try:
        spark.sql(grant_select(view, reader))
    except Exception as refused:  # noqa: BLE001 - also a catalog's own, as it is in the JVM
        return f"SELECT on {VIEW} cannot be granted to {reader} ({first_line(refused)})"
    return None
