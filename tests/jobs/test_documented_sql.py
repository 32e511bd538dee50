"""The statements that the pages give an operator, run as they stand there."""

import re
from decimal import Decimal
from pathlib import Path

import pytest

from tests.frames import utc
from tests.incremental.warehouse import JANUARY, WHEN, Warehouse

DOCS = Path(__file__).parents[2] / "docs"
FENCE = re.compile(r"```sql\n(.*?)```", re.DOTALL)
# A page's versions stand for those that a reader finds.
VERSION = re.compile(r"(?<=VERSION AS OF )\d+")


def _statements(page: str, warehouse: Warehouse) -> list[str]:
    """The statements of a page, with places of one's own for DIR, the mart, and SOURCES."""
    text = (DOCS / page).read_text(encoding="utf-8")
    text = text.replace("`DIR/", f"`{warehouse.mart}/")
    text = text.replace("`SOURCES/", f"`{warehouse.sources}/")
    statements = [part.strip() for fence in FENCE.findall(text) for part in fence.split(";")]
    return [statement for statement in statements if statement]


@pytest.mark.parametrize(("page", "number"), [("operations.md", 18), ("tier-changes.md", 2)])
def test_a_page_s_statements_run_on_a_mart(page: str, number: int, warehouse: Warehouse) -> None:
    statements = _statements(page, warehouse)
    assert len(statements) == number
    for statement in statements:
        found = warehouse.spark.sql(VERSION.sub("0", statement))
        assert found.columns, statement
        found.collect()


def test_the_reconciliation_and_the_stages_are_read_as_the_page_says(warehouse: Warehouse) -> None:
    run = warehouse.last_run()
    read, _, warnings, durations = _statements("operations.md", warehouse)[1:5]
    assert "inline(reconciliation)" in read
    own = read.replace("'...'", f"'{run['run_id']}'")
    lines = [row.asDict() for row in warehouse.spark.sql(own).collect()]
    assert {line["source"] for line in lines} >= {"stg_signups", "stg_web_events"}
    assert len(lines) == len(run["reconciliation"])
    for statement, names in ((warnings, ["doubt", "number"]), (durations, ["stage", "seconds"])):
        rows = warehouse.spark.sql(statement)
        assert rows.columns == ["run_id", *names]


def test_what_is_behind_a_warning_is_found_as_the_page_says(warehouse: Warehouse) -> None:
    early = utc("2024-10-31 12:00:00")
    warehouse.insert("stg_deposits", [("early", "u3", early, 500)])
    warehouse.insert("stg_ticket_purchases", [("odd", "u4", "none such", WHEN, Decimal("5.00"))])
    assert warehouse.run(JANUARY, "full") == 0
    counted = warehouse.last_run()["warnings"]
    assert (counted["deposits_before_signup"], counted["purchases_of_unknown_games"]) == (1, 1)
    before_signup, unknown_games = _statements("operations.md", warehouse)[5:7]
    found = [row["user_id"] for row in warehouse.spark.sql(before_signup).collect()]
    assert found == ["u3"]
    games = [tuple(row) for row in warehouse.spark.sql(unknown_games).collect()]
    assert games == [("none such", 1)]
