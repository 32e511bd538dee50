"""The GRANT to a reader of the view. Nothing here starts Spark, whose own catalog refuses it."""

import pytest

from customer_mart.publish.view import grant_select


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
