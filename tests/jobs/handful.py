"""A handful of rows: all that the tests of a whole build know the answer to."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from tests.frames import utc
from tests.jobs.operator_data import Operator

DAY = utc("2024-06-01 00:00:00")
SIGNUPS = [
    ("ann", utc("2024-11-01 00:00:00"), "UK"),
    ("bob", utc("2024-12-22 00:00:00"), "  "),
    ("cyd", utc("2025-01-01 00:00:00"), "DE"),  # exactly at as-of: not yet
]
GAMES = [("jack", "Jackpot", 1_000_000), ("keno", "Keno", 999_999)]
DEPOSITS = [
    ("d1", "ann", utc("2024-11-02 00:00:00"), 1000),
    ("d1", "ann", utc("2024-11-02 00:00:00"), 1000),  # redelivered
    ("d2", "ann", utc("2024-11-03 00:00:00"), 501),
    ("d2", "ann", utc("2024-11-04 00:00:00"), 999),  # conflicts with the earlier d2
    ("d3", "cyd", utc("2024-12-31 00:00:00"), 700),  # its user's signup is still to come
    ("d4", "zoe", utc("2024-12-31 00:00:00"), 800),  # nobody
    ("d5", "ann", utc("2025-01-01 00:00:00"), 900),  # at as-of
    ("d6", "ann", None, 100),
    (None, "ann", utc("2024-11-03 00:00:00"), 100),
    ("d7", "ann", utc("2024-11-03 00:00:00"), -1),
]
PURCHASES = [
    ("p1", "ann", "jack", utc("2024-11-02 12:00:00"), Decimal("10.00")),
    ("p2", "ann", "keno", utc("2024-11-12 12:00:00"), Decimal("20.01")),
    ("p3", "ann", "lost", utc("2024-12-31 00:00:00"), Decimal("0.03")),
]
WEB_EVENTS = [
    ("e1", None, utc("2024-11-01 00:00:00"), "spring"),
    ("e2", "ann", utc("2024-10-31 00:00:00"), None),
    ("e3", "ann", utc("2024-11-01 12:00:00"), "autumn"),
    ("e4", "ann", utc("2024-11-02 12:00:00"), "winter"),
    ("e5", "ann", utc("2024-12-01 00:00:00"), "spring"),
]
SOURCES: dict[str, Sequence[tuple[Any, ...]]] = {
    "stg_signups": SIGNUPS,
    "stg_games": GAMES,
    "stg_deposits": DEPOSITS,
    "stg_ticket_purchases": PURCHASES,
    "stg_web_events": WEB_EVENTS,
}
ALL_DIRT = ("--set", "quality.max_quarantined_fraction=1")


def deliver_good(operator: Operator) -> None:
    """One customer with one row in every source."""
    operator.deliver("stg_signups", [("ann", DAY, "UK")])
    operator.deliver("stg_games", [("g1", "Keno", 5)])
    operator.deliver("stg_deposits", [("d1", "ann", DAY, 100)])
    operator.deliver("stg_ticket_purchases", [("p1", "ann", "g1", DAY, Decimal("1.00"))])
    operator.deliver("stg_web_events", [("e1", "ann", DAY, None)])
