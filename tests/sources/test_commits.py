"""Commits that are known again by their marks, and others that only look like them."""

import pytest
from pyspark.sql import Row

from customer_mart.sources.commits import is_known_again, mark_of

NOON = 1_700_000_000_000  # milliseconds


def _commit(version: int, at: int, rows: int = 1) -> Row:
    return Row(
        version=version,
        operation="WRITE",
        operationParameters={"mode": "Append"},
        operationMetrics={"numOutputRows": str(rows)},
        userMetadata=None,
        committed_at=at,
    )


@pytest.mark.parametrize(
    ("before", "found", "is_known"),
    [
        (NOON - 5, _commit(1, NOON), True),
        # As late as the one before it, and moved behind it: by a millisecond, by half a minute.
        (NOON, _commit(1, NOON + 1), True),
        (NOON + 30_000, _commit(1, NOON + 30_001), True),
        # Of another time; moved by a day; moved, but of other rows; moved the other way.
        (NOON - 5, _commit(1, NOON + 7), False),
        (NOON + 86_400_000, _commit(1, NOON + 86_400_001), False),
        (NOON, _commit(1, NOON + 1, rows=2), False),
        (NOON - 5, _commit(1, NOON - 4), False),
    ],
)
def test_a_commit_is_known_again_unless_it_is_another(
    before: int, found: Row, is_known: bool
) -> None:
    mark = mark_of(_commit(1, NOON))
    assert is_known_again({0: _commit(0, before), 1: found}, 1, mark) is is_known


def test_the_first_that_is_left_of_a_log_is_known_by_its_very_mark() -> None:
    mark = mark_of(_commit(7, NOON))
    assert is_known_again({7: _commit(7, NOON)}, 7, mark)
    assert not is_known_again({7: _commit(7, NOON + 1)}, 7, mark)
