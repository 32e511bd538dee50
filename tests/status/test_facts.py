"""Which failed run is missed, from outcomes by hand. Nothing here reads a table."""

from datetime import timedelta

import pytest

from customer_mart.status.facts import Outcome, missed_run
from tests.frames import utc

DAYS = {day: utc(f"2025-01-0{day} 00:00:00") for day in range(1, 6)}
NIGHT = utc("2025-01-05 03:00:00")


def _missed(*runs: tuple[int, bool, bool]) -> str | None:
    """The missed one of runs in the order they ended: the day, whether it succeeded, and left dim.

    A run is named for its place in that order, from 0.
    """
    outcomes = [
        Outcome(str(place), DAYS[day], NIGHT + timedelta(hours=place), succeeded, has_dim)
        for place, (day, succeeded, has_dim) in enumerate(runs)
    ]
    return missed_run(outcomes[::-1])


def _made(day: int) -> tuple[int, bool, bool]:
    return day, True, True


def _scored(day: int) -> tuple[int, bool, bool]:
    return day, True, False


def _failed(day: int, *, with_dim: bool = False) -> tuple[int, bool, bool]:
    return day, False, with_dim


@pytest.mark.parametrize(
    ("runs", "missed"),
    [
        ((_made(2), _failed(3)), "1"),
        ((_made(2), _failed(3), _scored(2)), "1"),
        ((_made(2), _failed(3), _made(2)), "1"),
        ((_made(2), _failed(3), _made(1)), "1"),
        ((_failed(3), _made(2)), "0"),
        ((_made(2), _failed(3), _failed(4), _made(3)), "2"),
        ((_made(2), _failed(4), _failed(3), _made(3)), "1"),
        # Day 5 was made by mistake and then put right, so that day 4 is to come again.
        ((_made(5), _made(3), _failed(4), _scored(3)), "2"),
    ],
)
def test_a_run_that_failed_is_missed_until_one_gets_as_far(
    runs: tuple[tuple[int, bool, bool], ...], missed: str
) -> None:
    assert _missed(*runs) == missed


@pytest.mark.parametrize(
    "runs",
    [
        (),
        (_made(2),),
        (_made(2), _failed(3), _made(3)),
        (_made(2), _failed(3), _made(4)),
        # What was made after the failure got there, whatever was made again after that.
        (_made(2), _failed(3), _made(4), _made(2)),
        # What there was by then covers that day: the scores alone, or an older day once more.
        (_made(2), _failed(2), _scored(2)),
        (_made(2), _failed(1), _scored(2)),
        (_made(2), _failed(3, with_dim=True), _scored(2)),
    ],
)
def test_a_run_that_failed_is_not_missed(runs: tuple[tuple[int, bool, bool], ...]) -> None:
    assert _missed(*runs) is None


def test_a_wrong_as_of_that_is_still_to_come_is_not_missed() -> None:
    tomorrow = Outcome(
        "r1", NIGHT + timedelta(seconds=1), NIGHT, has_succeeded=False, has_dim=False
    )
    now = Outcome("r1", NIGHT, NIGHT, has_succeeded=False, has_dim=False)
    assert (missed_run([tomorrow]), missed_run([now])) == (None, "r1")
