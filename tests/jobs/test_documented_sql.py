"""The statements that the pages give an operator, run as they stand there."""

import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from tests.frames import utc
from tests.incremental.warehouse import JANUARY, WHEN, Warehouse

DOCS = Path(__file__).parents[2] / "docs"
FENCE = re.compile(r"```sql\n(.*?)```", re.DOTALL)
# A page's versions stand for those that a reader finds.
VERSION = re.compile(r"(?<=VERSION AS OF )\d+")
NOVEMBER, NEW_YEAR = date(2024, 11, 30), date(2025, 1, 1)
# Two channels of the campaign that everybody came by, one of them delivered twice; a cost of the
# as-of day; a campaign that cost something and one that did not, by which nobody came.
AD_SPEND = [
    (NOVEMBER, "spring", "search", 1000),
    (NOVEMBER, "spring", "search", 1000),
    (NOVEMBER, "spring", "social", 1500),
    (NEW_YEAR, "spring", "search", 9999),
    (NOVEMBER, "autumn", "search", 100),
    (NOVEMBER, "winter", "search", 0),
]


def _statements(page: str, warehouse: Warehouse) -> list[str]:
    """The statements of a page, with places of one's own for DIR, the mart, and SOURCES."""
    text = (DOCS / page).read_text(encoding="utf-8")
    text = text.replace("`DIR/", f"`{warehouse.mart}/")
    text = text.replace("`SOURCES/", f"`{warehouse.sources}/")
    statements = [part.strip() for fence in FENCE.findall(text) for part in fence.split(";")]
    return [statement for statement in statements if statement]


@pytest.mark.parametrize(
    ("page", "number"), [("operations.md", 19), ("tier-changes.md", 2), ("scores.md", 6)]
)
def test_a_page_s_statements_run_on_a_mart(page: str, number: int, warehouse: Warehouse) -> None:
    warehouse.create("stg_funnel_spend", AD_SPEND)
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


def test_the_return_on_ad_spend_is_found_as_the_page_says(warehouse: Warehouse) -> None:
    warehouse.create("stg_funnel_spend", AD_SPEND)
    returns = _statements("scores.md", warehouse)[5]
    found = [tuple(row) for row in warehouse.spark.sql(returns).collect()]
    # Of 12 customers 12 deposited 5.00 and 6 bought a ticket for 5.00, for 25.00 of ad spend.
    spring = ("spring", 2500, 12, 2.4, Decimal("1.20"))
    autumn = ("autumn", 100, 0, 0.0, Decimal("0.00"))
    winter = ("winter", 0, 0, None, None)
    assert found == [spring, autumn, winter]


def test_questions_of_a_campaign_and_a_country_are_answered_as_the_page_says(
    warehouse: Warehouse,
) -> None:
    statements = _statements("scores.md", warehouse)[:4]
    worth, days, players, tiers = (warehouse.spark.sql(text).collect() for text in statements)
    # All 12 came by one campaign, in the very instant of the ticket that 6 of them bought.
    assert [tuple(row)[:3] for row in worth] == [("spring", 12, Decimal("30.00"))]
    assert [tuple(row) for row in days] == [("spring", 12, 6, 0.0, 0.0)]
    assert [tuple(row) for row in players] == [("spring", 12, 0, 0.0, Decimal("0.00"))]
    assert sum(row["customers"] for row in tiers) == 12
    assert sum(row["share_of_country"] for row in tiers) == pytest.approx(1, abs=0.001)
