"""The ids of a request, and messages without them. Nothing here starts Spark but the last."""

from pathlib import Path

import pytest

from customer_mart.cli import main
from customer_mart.erasure.request import requested_ids
from customer_mart.errors import UsageError


def test_each_id_once_without_blanks(tmp_path: Path) -> None:
    file = tmp_path / "ids.txt"
    file.write_bytes("\ufeff u2 \r\n\r\nu 3\nu1\n\té\n".encode())
    # Sources lose spaces alone: a tab is part of an id there, and so it is here.
    assert requested_ids([" u1", "u2"], file) == ["u1", "u2", "u 3", "\té"]
    assert requested_ids([], file) == ["u2", "u 3", "u1", "\té"]


@pytest.mark.parametrize("given", [[], ["u1", " "]])
def test_nobody_to_erase_is_a_usage_error(
    given: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = [flag for user_id in given for flag in ("--user-id", user_id)]
    assert main(["erase", "--mart", str(tmp_path), *flags]) == 2
    said = capsys.readouterr().err
    assert said.startswith("customer-mart: ")
    assert "u1" not in said


def test_a_file_that_cannot_be_read_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"Cannot read the ids in .*: No such file"):
        requested_ids([], tmp_path / "ids.txt")
    (tmp_path / "ids.txt").write_bytes(b"u1\n\xff\n")
    with pytest.raises(UsageError, match="are not UTF-8 text"):
        requested_ids([], tmp_path / "ids.txt")


@pytest.mark.usefixtures("spark")
def test_a_place_without_a_mart_is_an_error_and_gets_no_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["erase", "--mart", str(tmp_path / "mistyped"), "--user-id", "u1"]) == 3
    told = f"There is no dim_customer at {tmp_path}/mistyped/dim_customer to erase from"
    assert told in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
