"""The entry point of a wheel task: Databricks sees a failure only in what is raised."""

import shutil
import sys
from pathlib import Path

import pytest

from customer_mart import cli
from customer_mart.task import main


def test_a_failed_task_raises_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["task", "maintain", "--set", "no_such_setting=1"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert "Unknown setting no_such_setting" in capsys.readouterr().err


def test_an_interrupted_task_raises_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setitem(cli.COMMANDS, "maintain", interrupted)
    monkeypatch.setattr(sys, "argv", ["task", "maintain", "--mart", str(tmp_path)])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 130


@pytest.mark.usefixtures("spark")
def test_a_task_that_is_done_raises_nothing(
    monkeypatch: pytest.MonkeyPatch, empty_mart: Path, tmp_path: Path
) -> None:
    shutil.copytree(empty_mart, tmp_path / "mart")
    monkeypatch.setattr(sys, "argv", ["task", "maintain", "--mart", str(tmp_path / "mart")])
    main()
