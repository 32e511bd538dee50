import json
from datetime import datetime, timezone

import pytest

from customer_mart.errors import GaveWayError
from customer_mart.progress import start_progress


def test_a_stage_is_a_line_with_its_rows_seconds_and_notes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    progress = start_progress("text", "run-1")
    with progress.stage("stg_deposits") as stage:
        stage.rows = 98412
        stage.notes += ["ignored comment", "ignored agent"]
    line = capsys.readouterr().out
    assert line == (
        "  stg_deposits                        98 412 rows      0.0 s  "
        "ignored comment, ignored agent\n"
    )


def test_a_stage_without_rows_and_notes_says_only_how_long_it_took(
    capsys: pytest.CaptureFixture[str],
) -> None:
    progress = start_progress("text", "run-1")
    with progress.stage("sources"):
        pass
    words = capsys.readouterr().out.split()
    assert words == ["sources", "0.0", "s"]


def test_a_stage_without_any_row_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    progress = start_progress("text", "run-1")
    with progress.stage("stg_games") as stage:
        stage.rows = 0
    assert capsys.readouterr().out.split() == ["stg_games", "0", "rows", "0.0", "s"]


def test_a_note_is_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    start_progress("text", "run-1").note("nothing to do")
    assert capsys.readouterr().out == "  nothing to do\n"


def test_a_failed_stage_says_so_is_remembered_and_lets_the_error_through(
    capsys: pytest.CaptureFixture[str],
) -> None:
    progress = start_progress("text", "run-1")
    with pytest.raises(ValueError, match="broken"), progress.stage("dim_customer"):
        raise ValueError("broken")
    assert capsys.readouterr().out.endswith(" s  failed\n")
    assert progress.failed_stage == "dim_customer"
    assert list(progress.durations) == ["dim_customer"]


def test_each_stage_leaves_its_duration_in_order() -> None:
    progress = start_progress("text", "run-1")
    for name in ("sources", "stg_signups"):
        with progress.stage(name):
            pass
    assert list(progress.durations) == ["sources", "stg_signups"]
    assert all(0 <= seconds < 1 for seconds in progress.durations.values())
    assert progress.failed_stage is None


def test_json_has_an_object_a_line_with_the_run_and_the_stage(
    capsys: pytest.CaptureFixture[str],
) -> None:
    progress = start_progress("json", "run-1")
    with progress.stage("stg_deposits") as stage:
        stage.rows = 98412
        stage.notes.append("ignored comment")
    with pytest.raises(ValueError, match="broken"), progress.stage("dim_customer"):
        raise ValueError("broken")
    with pytest.raises(GaveWayError), progress.stage("stg_web_events"):
        raise GaveWayError("users share a hash")
    progress.note("nothing to do")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    times = [
        datetime.fromisoformat(line.pop("timestamp").replace("Z", "+00:00")) for line in lines
    ]
    seconds = [line.pop("seconds") for line in lines if "seconds" in line]
    assert lines == [
        {
            "event": "done",
            "level": "info",
            "run_id": "run-1",
            "stage": "stg_deposits",
            "rows": 98412,
            "notes": ["ignored comment"],
        },
        {
            "event": "failed",
            "level": "error",
            "run_id": "run-1",
            "stage": "dim_customer",
            "rows": None,
            "notes": None,
        },
        {
            "event": "gave way",
            "level": "info",
            "run_id": "run-1",
            "stage": "stg_web_events",
            "rows": None,
            "notes": None,
        },
        {"event": "note", "level": "info", "run_id": "run-1", "text": "nothing to do"},
    ]
    assert len(seconds) == 3
    assert all(time.tzinfo == timezone.utc for time in times)


def test_nothing_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    progress = start_progress("json", "run-1")
    with progress.stage("sources"):
        pass
    assert not capsys.readouterr().err
