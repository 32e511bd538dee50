"""What is printed is what was given. Nothing here starts Spark."""

import pytest

from customer_mart.terminal import print_line, print_table


def test_what_looks_like_markup_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    error = "[UNRESOLVED_COLUMN] of [/data/mart] for [u1] :bug:"
    print_table([("[u1]", error)], ["[id]", "error"], "Runs of [mart]", ["error"])
    print_line(error)
    title, _, heading, _, row, _, line = capsys.readouterr().out.splitlines()
    assert title.rstrip() == "Runs of [mart]"
    assert heading.split("┃")[1:3] == [" [id] ", f" {'error':<{len(error)}} "]
    assert row == f"│ [u1] │ {error} │"
    assert line == error
