"""The GRANT to a reader of the view. Nothing here starts Spark, whose own catalog refuses it."""

from dataclasses import dataclass, field
from typing import cast

import pytest
from pyspark.errors import AnalysisException
from pyspark.sql import SparkSession

from customer_mart.publish.target import target
from customer_mart.publish.view import grant_select, grant_to
from customer_mart.settings import load_settings


@pytest.mark.parametrize(
    ("reader", "named"),
    [
        ("bi-readers", "`bi-readers`"),
        ("ann@lottery.example", "`ann@lottery.example`"),
        # The settings refuse a backtick; the statement does not rely on it.
        ("BI` TO all; --", "`BI`` TO all; --`"),
    ],
)
def test_a_reader_is_one_quoted_name(reader: str, named: str) -> None:
    view = "`main`.`crm`.`v_customer_ltv`"
    assert grant_select(view, reader) == (
        f"GRANT SELECT ON VIEW `main`.`crm`.`v_customer_ltv` TO {named}"
    )


@dataclass
class Granting:
    """A session whose catalog grants to those it knows."""

    known: str
    refusal: type[Exception]
    statements: list[str] = field(default_factory=list)

    def sql(self, statement: str) -> None:
        self.statements.append(statement)
        if not statement.endswith(f"`{self.known}`"):
            raise self.refusal("Could not find principal\nin a stack")


# The second stands for what a catalog throws in the JVM that PySpark has no class of its own for.
@pytest.mark.parametrize("refusal", [AnalysisException, RuntimeError])
def test_a_reader_who_left_keeps_the_grant_from_nobody_else(refusal: type[Exception]) -> None:
    scores = target("customer_ltv_scoring", load_settings(None, ["mart.schema=main.crm"]).mart)
    session = Granting("ann", refusal)
    refusals = grant_to(cast(SparkSession, session), scores, ["left", "ann"])
    assert refusals == [
        "SELECT on v_customer_ltv cannot be granted to left (Could not find principal)"
    ]
    view = "`main`.`crm`.`v_customer_ltv`"
    assert session.statements == [grant_select(view, "left"), grant_select(view, "ann")]
