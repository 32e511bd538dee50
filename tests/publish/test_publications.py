from customer_mart.publish.history import Commit
from customer_mart.publish.publications import (
    Publication,
    owed_publications,
    publications,
)
from tests.frames import utc

JANUARY, FEBRUARY = utc("2025-01-01 00:00:00"), utc("2025-02-01 00:00:00")
FIRST = {"run_id": "r1", "as_of": JANUARY.isoformat(), "dim_customer_version": "3"}
SECOND = {"run_id": "r2", "as_of": FEBRUARY.isoformat(), "dim_customer_version": "4"}


def _between(*operations: str) -> list[Publication]:
    """Two publications with other commits between them, told newest first as Delta does."""
    others = [Commit(4 + at, operation, {}) for at, operation in enumerate(operations)]
    second = Commit(4 + len(others), "WRITE", SECOND)
    history = [Commit(0, "CREATE TABLE", {}), Commit(3, "WRITE", FIRST), *others, second]
    return list(publications(history[::-1]))


def test_a_publication_is_compared_with_the_version_before_it() -> None:
    first, second = _between()
    assert first == Publication(3, FIRST, replaced=2, previous_as_of=None)
    assert second == Publication(4, SECOND, replaced=3, previous_as_of=JANUARY)
    assert (second.run_id, second.as_of) == ("r2", FEBRUARY)


def test_compaction_and_deletion_are_behind_the_version_before_it() -> None:
    _, second = _between("OPTIMIZE", "VACUUM START", "VACUUM END", "DELETE")
    assert second == Publication(8, SECOND, replaced=7, previous_as_of=JANUARY)


def test_after_a_restore_it_is_compared_with_the_publication_before_it() -> None:
    _, second = _between("RESTORE", "OPTIMIZE")
    assert second == Publication(6, SECOND, replaced=3, previous_as_of=JANUARY)


def test_a_commit_of_anything_else_is_no_publication() -> None:
    erased = Commit(5, "DELETE", {"run_id": "r3", "as_of": FEBRUARY.isoformat()})
    assert list(publications([erased])) == []


def test_what_is_owed_comes_after_the_last_that_is_done_with() -> None:
    third = {**SECOND, "run_id": "r3"}
    history = [Commit(5, "WRITE", third), Commit(4, "WRITE", SECOND), Commit(3, "WRITE", FIRST)]
    # The first run's commit of moves is not told of any more, or only that one is.
    for done, owed in (
        ([], ["r1", "r2", "r3"]),
        (["r1"], ["r2", "r3"]),
        (["r2"], ["r3"]),
        (["r2", "r3"], []),
    ):
        assert [found.run_id for found in owed_publications(history, done)] == owed
