"""The command line: usage, exit codes and plain errors. Nothing here starts a build."""

import argparse
from datetime import datetime, timezone
from pathlib import Path

import pytest

from customer_mart import __version__, cli
from customer_mart.arguments import command_parser, instant, job_parser
from customer_mart.cli import main, run_job
from customer_mart.publish.run_lock import folder_lock
from customer_mart.settings import Settings

INSTANTS = {
    "2025-01-01T00:00:00Z": datetime(2025, 1, 1, tzinfo=timezone.utc),
    "2025-01-01T02:30:00+02:00": datetime(2025, 1, 1, 0, 30, tzinfo=timezone.utc),
    "2025-01-01 12:00:00": datetime(2025, 1, 1, 12, tzinfo=timezone.utc),
    "2025-01-01": datetime(2025, 1, 1, tzinfo=timezone.utc),
}


@pytest.mark.parametrize(("text", "meant"), INSTANTS.items())
def test_as_of_is_an_iso_instant_and_utc_without_an_offset(text: str, meant: datetime) -> None:
    assert instant(text) == meant


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["bild"],
        ["build", "--as-of", "yesterday"],
        ["build", "--as-of", "2025-02-30"],
        ["build", "--as-of", "0001-01-01T00:00:00+14:00"],
        ["build", "--as-of", "9999-12-31T23:00:00-14:00"],
        ["build", "--mode", "sometimes"],
        ["build", "--only", "mart_runs"],
        ["top", "-n", "0"],
        ["history"],
        ["status", "--max-age-hours", "soon"],
    ],
)
def test_wrong_usage_exits_with_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert "usage: customer-mart" in _told_of_wrong_usage(arguments, capsys)


@pytest.mark.parametrize(
    "arguments",
    [
        ["status", "--config", "s3a://AKIDEXAMPLE:wJalrXUtnFEMI@lake/mine.yml"],
        ["erase", "--user-ids-file", "https://lake.example/ids?sig=wJalrXUtnFEMI"],
        ["build", "--marts", "s3a://AKIDEXAMPLE:wJalrXUtnFEMI@lake"],
        ["build", "--mode", "s3a://AKIDEXAMPLE:wJalrXUtnFEMI@lake"],
        ["build", "--as-of", "s3a://AKIDEXAMPLE:wJalrXUtnFEMI@lake"],
    ],
)
def test_a_credential_among_the_arguments_is_not_repeated(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    told = _told_of_wrong_usage(arguments, capsys)
    assert "credential" in told
    assert "wJalrXUtnFEMI" not in told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["status", "--secret-key", "wJalrXUtnFEMI", "--token=wJalrXUtnFEMI"],
            "unrecognized arguments: --secret-key ... --token=...",
        ),
        (["status", "--mart", "my", "wJalrXUtnFEMI"], "unrecognized arguments: ..."),
        (
            ["--secret-key", "wJalrXUtnFEMI", "status"],
            "argument command: invalid choice: ... (choose from ",
        ),
        (["erase", "--user=wJalrXUtnFEMI"], "unrecognized arguments: --user=..."),
        (
            ["erase", "--user-id", "a", "--purge=wJalrXUtnFEMI"],
            "--purge: ignored explicit argument ",
        ),
        (["status", "-pwJalrXUtnFEMI"], "unrecognized arguments: ..."),
        (["status", "--token", "--wJalrXUtnFEMI"], "unrecognized arguments: --token ..."),
    ],
)
def test_of_an_unknown_flag_the_name_alone_is_repeated(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = _told_of_wrong_usage(arguments, capsys)
    assert told in found
    assert "wJalrXUtnFEMI" not in found


def _told_of_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What the command line says of arguments that it does not take."""
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize("place", ["", " "])
@pytest.mark.parametrize(
    ("command", "flag"),
    [
        ("build", "--mart"),
        ("build", "--sources"),
        ("status", "--mart"),
        ("status", "--config"),
        ("erase", "--user-ids-file"),
    ],
)
def test_an_empty_place_is_not_taken_for_the_configured_one(
    command: str, flag: str, place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "mart.yml"
    config.write_text(f"mart: {{location: {tmp_path}/mart}}\nsources: {{location: {tmp_path}}}")
    with pytest.raises(SystemExit) as stopped:
        main([command, "--config", str(config), flag, place])
    assert stopped.value.code == 2
    assert f"argument {flag}: it is empty: name a place, or leave" in capsys.readouterr().err


def test_an_unknown_setting_names_the_nearest_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", "--set", "scoring.min_tenur_days=0"]) == 2
    assert capsys.readouterr().err == (
        "customer-mart: Unknown setting scoring.min_tenur_days; "
        "the nearest one is scoring.min_tenure_days\n"
    )


def test_a_missing_configuration_is_one_plain_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "prod.yml"
    assert main(["build", "--config", str(config)]) == 2
    assert capsys.readouterr().err == (
        f"customer-mart: Cannot read the configuration {config}: No such file or directory\n"
    )


def test_the_stack_trace_is_shown_only_when_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = str(tmp_path / "prod.yml")
    assert main(["build", "--config", config, "--verbose"]) == 2
    assert "Traceback" in capsys.readouterr().err


def _interrupted(arguments: argparse.Namespace, settings: Settings) -> None:
    """A command that Ctrl-C ends while it holds the mart's lock."""
    with folder_lock(Path(str(settings.mart.location)), {"what": arguments.command}, 0):
        raise KeyboardInterrupt


@pytest.mark.parametrize("is_job", [False, True])
def test_ctrl_c_is_one_plain_sentence_and_leaves_no_lock(
    is_job: bool,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(cli.COMMANDS, "build", _interrupted)
    flags = ["--mart", str(tmp_path)]
    code = run_job("dim_customer", flags) if is_job else main(["build", *flags])
    assert code == 130
    sentence = "customer-mart: Interrupted (Ctrl-C) before it was done; run it again\n"
    assert capsys.readouterr().err == sentence
    with folder_lock(tmp_path, {}, 0):
        pass  # it would be an error if another still held it


def test_a_mart_without_a_place_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", "--sources", "/nowhere"]) == 2
    assert "Say where the mart is: --mart DIR" in capsys.readouterr().err


def test_a_source_without_a_place_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", "--mart", "/nowhere"]) == 2
    assert "Say where stg_signups is: --sources DIR" in capsys.readouterr().err


@pytest.mark.usefixtures("spark")
def test_a_mart_that_was_never_built_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["top", "--mart", str(tmp_path)]) == 3
    assert f"There is no customer_ltv_scoring at {tmp_path}" in capsys.readouterr().err


@pytest.mark.usefixtures("spark")
def test_scores_of_no_customers_are_an_error_and_get_no_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mistyped = tmp_path / "mistyped"
    assert run_job("customer_ltv_scoring", ["--mart", str(mistyped)]) == 3
    assert f"No dim_customer has been published at {mistyped}/" in capsys.readouterr().err
    assert not mistyped.exists()


def test_a_build_is_of_both_tables_unless_it_is_told_of_one() -> None:
    for parser, line in ((command_parser(None), ["build"]), (job_parser("customer_mart"), [])):
        assert parser.parse_args(line).table == "customer_mart"
        for table in ("dim_customer", "customer_ltv_scoring"):
            assert parser.parse_args([*line, "--only", table]).table == table
            assert job_parser(table).parse_args([]).table == table


def test_a_script_of_one_table_takes_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        job_parser("dim_customer").parse_args(["--only", "customer_ltv_scoring"])
    assert stopped.value.code == 2
    assert "unrecognized arguments: --only" in capsys.readouterr().err


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out.strip() == __version__
