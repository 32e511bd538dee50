"""The statements that the pages give an operator, run as they stand there."""

import re
from pathlib import Path

import pytest

from tests.incremental.warehouse import Warehouse

DOCS = Path(__file__).parents[2] / "docs"
FENCE = re.compile(r"```sql\n(.*?)```", re.DOTALL)
# A page's versions stand for those that a reader finds.
VERSION = re.compile(r"(?<=VERSION AS OF )\d+")


def _statements(page: str, mart: Path) -> list[str]:
    """The statements of a page, with a mart of one's own in place of DIR."""
    fences = FENCE.findall((DOCS / page).read_text(encoding="utf-8"))
    own = [text.replace("`DIR/", f"`{mart}/") for fence in fences for text in fence.split(";")]
    return [text.strip() for text in own if text.strip()]


@pytest.mark.parametrize(("page", "number"), [("operations.md", 13), ("tier-changes.md", 2)])
def test_a_page_s_statements_run_on_a_mart(page: str, number: int, warehouse: Warehouse) -> None:
    statements = _statements(page, warehouse.mart)
    assert len(statements) == number
    for statement in statements:
        found = warehouse.spark.sql(VERSION.sub("0", statement))
        assert found.columns, statement
        found.collect()


def test_the_reconciliation_and_the_stages_are_read_as_the_page_says(warehouse: Warehouse) -> None:
    run = warehouse.last_run()
    read, _, warnings, durations = _statements("operations.md", warehouse.mart)[1:5]
    assert "inline(reconciliation)" in read
    own = read.replace("'...'", f"'{run['run_id']}'")
    lines = [row.asDict() for row in warehouse.spark.sql(own).collect()]
    assert {line["source"] for line in lines} >= {"stg_signups", "stg_web_events"}
    assert len(lines) == len(run["reconciliation"])
    for statement, names in ((warnings, ["doubt", "number"]), (durations, ["stage", "seconds"])):
        rows = warehouse.spark.sql(statement)
        assert rows.columns == ["run_id", *names]
