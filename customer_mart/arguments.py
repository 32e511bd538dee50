"""The flags of the command line and of the scripts under jobs/."""

import argparse
import re
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NoReturn

from customer_mart import __version__
from customer_mart.settings.names import holds_credential

BOTH_TABLES = "customer_mart"
# How argparse begins where it takes no more.
_UNKNOWN = "unrecognized arguments: "
# What follows an unknown flag in the place of the command, and the value of a flag that has none.
_NOT_TAKEN = re.compile(
    r"(?<=^argument command: invalid choice: ).*(?= \(choose from )"
    r"|(?<=: ignored explicit argument ).*",
    re.DOTALL,
)


class _Parser(argparse.ArgumentParser):
    """Repeats no argument that may hold a credential, as argparse does whatever is wrong.

    Nor does it take a flag that is cut short, for one that may be two is repeated with its value.
    """

    def __init__(self, **given: Any) -> None:
        super().__init__(**given, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        if holds_credential(message):
            message = "an argument is wrong, and not repeated here: it holds a credential"
        elif message.startswith(_UNKNOWN):
            words = message.removeprefix(_UNKNOWN).split()
            message = _UNKNOWN + " ".join(_flag_alone(word) for word in words)
        super().error(_NOT_TAKEN.sub("...", message))


def _flag_alone(word: str) -> str:
    """An argument without its value, for that of a flag nobody knows may be a secret."""
    flag, equals, _ = word.partition("=")
    if re.fullmatch(r"--[a-z][a-z-]*|-[a-z]", flag):
        return f"{flag}=..." if equals else flag
    return "..."


def command_parser(description: str | None) -> argparse.ArgumentParser:
    """The parser of `customer-mart`, a command each for what it can do."""
    parser = _Parser(prog="customer-mart", description=description)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser("build", help="build dim_customer and customer_ltv_scoring")
    _add_only(build)
    _add_build_arguments(build)
    summary = commands.add_parser("summary", help="show what the last run built")
    top = commands.add_parser("top", help="show the players with the best ltv_score")
    top.add_argument("-n", type=_positive, default=10, help="how many (default 10)")
    upkeep = commands.add_parser("maintain", help="compact small files, delete old ones")
    _add_log_format(upkeep)
    erasure = commands.add_parser(
        "erase", help="remove customers, and keep them out of later runs"
    )
    _add_erasure_arguments(erasure)
    history = commands.add_parser("history", help="show a customer's moves between VIP tiers")
    history.add_argument("--user-id", required=True, metavar="ID", help="the customer")
    status = commands.add_parser("status", help="show whether the mart is fresh and unchanged")
    _add_max_age(status)
    for command in (build, summary, top, upkeep, erasure, history, status):
        _add_common_arguments(command)
    return parser


def job_parser(table: str) -> argparse.ArgumentParser:
    """The parser of a script under jobs/ that builds one table or both.

    Its flags are those of `customer-mart build`, but for --only where one table is all it builds.
    """
    description = f"Build {table}."
    if table == "customer_ltv_scoring":
        description += (
            " It is built of dim_customer alone, for all customers and at the instant of that: "
            "--sources and --mode change nothing, and another --as-of is refused."
        )
    parser = _Parser(description=description)
    if table == BOTH_TABLES:
        _add_only(parser)
    else:
        parser.set_defaults(table=table)
    _add_build_arguments(parser)
    _add_common_arguments(parser)
    return parser


def _add_common_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--mart", type=_place, metavar="DIR", help="folder or URI of the mart's tables"
    )
    parser.add_argument("--config", type=_file, metavar="FILE", help="settings in YAML")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="overrides",
        metavar="NAME=VALUE",
        help="override a setting, such as scoring.min_tenure_days=0; repeatable",
    )
    parser.add_argument("--verbose", action="store_true", help="show the stack trace of an error")


def _add_only(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--only",
        choices=["dim_customer", "customer_ltv_scoring"],
        default=BOTH_TABLES,
        dest="table",
        help="build one of the two tables; the scores alone are made of the dim_customer that was "
        "published last, at its instant, whatever --sources and --mode say",
    )


def _add_build_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--sources",
        type=_place,
        metavar="DIR",
        help="folder that holds stg_signups, stg_deposits, ...",
    )
    parser.add_argument(
        "--as-of",
        type=instant,
        metavar="INSTANT",
        help="ISO 8601, UTC without an offset (default: the start of the current UTC day)",
    )
    parser.add_argument(
        "--mode",
        choices=["auto", "full", "incremental"],
        default="auto",
        help="full: rebuild; incremental: only who was touched since the last run, or fail; "
        "auto (default): incremental where that is sure to be right, else rebuild",
    )
    _add_log_format(parser)


def _add_log_format(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--log-format",
        choices=["text", "json"],
        default="text",
        help="lines for people, or one JSON object a line (default: text)",
    )


def _add_erasure_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--user-id",
        action="append",
        default=[],
        dest="user_ids",
        metavar="ID",
        help="a customer to erase; repeatable",
    )
    parser.add_argument(
        "--user-ids-file",
        type=_file,
        metavar="FILE",
        help="customers to erase, an id a line in UTF-8; keeps ids out of the shell's history",
    )
    parser.add_argument(
        "--purge",
        action="store_true",
        help="also delete the files of all old versions now: ends time travel and roll-back, and "
        "fails queries that still read them",
    )
    _add_log_format(parser)


def _add_max_age(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--max-age-hours",
        action="append",
        default=[],
        dest="overrides",
        metavar="N",
        type=lambda hours: f"status.max_age_hours={_positive(hours)}",
        help="older than this is stale (default: the setting status.max_age_hours, 36)",
    )


def instant(text: str) -> datetime:
    """An ISO 8601 instant; one without an offset is UTC."""
    try:
        # Python 3.10 does not know the Z that ISO 8601 writes for UTC.
        parsed = datetime.fromisoformat(text.strip().replace("Z", "+00:00").replace("z", "+00:00"))
        if parsed.tzinfo is None:
            return parsed.replace(tzinfo=timezone.utc)
        return parsed.astimezone(timezone.utc)
    except (OverflowError, ValueError) as malformed:
        message = f"{text!r} is not an instant such as 2025-01-01T00:00:00Z"
        raise argparse.ArgumentTypeError(message) from malformed


def _place(text: str) -> str:
    """A folder, a file or a URI. An empty one is a variable that is not set, not the default."""
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty: name a place, or leave the flag out")
    return text


def _file(text: str) -> Path:
    """A file of this machine, whose name may be told when it cannot be read."""
    if holds_credential(text):
        raise argparse.ArgumentTypeError("it is no file of this machine, and holds a credential")
    return Path(_place(text))


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)
