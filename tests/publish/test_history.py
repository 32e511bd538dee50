import json

import pytest

from customer_mart.publish.history import Commit, _parsed, change_since, standing

MADE = Commit(0, "CREATE TABLE", {})
RUN = {"run_id": "r1"}


@pytest.mark.parametrize(
    ("later", "change"),
    [
        ([], None),
        ([Commit(2, "OPTIMIZE", {}), Commit(3, "VACUUM START", {})], None),
        ([Commit(2, "DELETE", {}, erasure="erase_1")], None),
        ([Commit(2, "MERGE", {"run_id": "r2"})], None),
        ([Commit(2, "OPTIMIZE", {}), Commit(3, "DELETE", {})], "version 3 is a DELETE"),
        ([Commit(2, "MERGE", {"run_id": "r3"})], "version 2 is a MERGE"),
        ([Commit(2, "RESTORE", {}, {"version": "0"})], "version 2 is a RESTORE"),
        ([Commit(3, "OPTIMIZE", {})], "its history does not go back to version 1"),
    ],
)
def test_what_may_have_changed_rows_since_a_version_is_told(
    later: list[Commit], change: str | None
) -> None:
    commits = [MADE, Commit(1, "WRITE", RUN), *later]
    assert change_since(commits[::-1], 1, but_for="r2") == change


def test_a_table_without_the_version_is_another_one() -> None:
    assert change_since([MADE], 1) == "a table that has no version 1 is in its place"


def test_what_a_restore_has_undone_does_not_stand() -> None:
    made = [Commit(0, "CREATE TABLE", {}), *(Commit(n, "WRITE", {}) for n in (1, 2, 3))]
    made += [Commit(4, "RESTORE", {}, {"version": "1"}), Commit(5, "WRITE", {})]
    assert [commit.version for commit in standing(made[::-1])] == [5, 1, 0]
    # And back to what that one had undone.
    made += [Commit(6, "RESTORE", {}, {"version": "3"})]
    assert [commit.version for commit in standing(made[::-1])] == [3, 2, 1, 0]


def test_what_a_restore_to_an_instant_has_undone_is_not_told() -> None:
    instant = {"timestamp": "2025-01-01 00:00:00"}
    made = [Commit(1, "WRITE", {}), Commit(2, "RESTORE", {}, instant), Commit(3, "WRITE", {})]
    assert [commit.version for commit in standing(made[::-1])] == [3, 2, 1]


@pytest.mark.parametrize("text", ["fixed by hand", "", "[1]", "5", '{"job": "backfill"}', "{"])
def test_metadata_that_somebody_else_wrote_is_no_run_s(text: str) -> None:
    assert _parsed(text) == {}


def test_metadata_of_a_run_keeps_what_else_it_says() -> None:
    metadata = {"run_id": "run-1", "dim_customer_version": "7"}
    assert _parsed(json.dumps(metadata)) == metadata
