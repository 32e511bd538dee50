"""The command line: arguments in, exit code out."""

import argparse
import sys
import traceback
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from pyspark.sql import SparkSession

from customer_mart import __version__, pipeline
from customer_mart.contracts import STAGING_TABLES
from customer_mart.errors import MartError, UsageError, first_line
from customer_mart.maintain import maintain
from customer_mart.publish.run_lock import run_lock
from customer_mart.publish.target import target
from customer_mart.run import start_run
from customer_mart.session import get_session
from customer_mart.settings import Settings, load_settings
from customer_mart.stages.open import OPTIONAL
from customer_mart.stages.tables import newest_dim
from customer_mart.summary import print_summary, print_top

BUILDS: dict[str, pipeline.Build] = {
    "customer_mart": pipeline.build_customer_mart,
    "dim_customer": pipeline.build_dim_customer,
    "customer_ltv_scoring": pipeline.build_customer_ltv_scoring,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """`customer-mart`: returns the exit code, 0 done, 2 usage, 3 data, 1 anything else."""
    parser = argparse.ArgumentParser(prog="customer-mart", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser("build", help="build dim_customer and customer_ltv_scoring")
    _add_build_arguments(build)
    summary = commands.add_parser("summary", help="show what the last run built")
    top = commands.add_parser("top", help="show the players with the best ltv_score")
    top.add_argument("-n", type=_positive, default=10, help="how many (default 10)")
    upkeep = commands.add_parser("maintain", help="compact small files, delete old ones")
    _add_log_format(upkeep)
    for command in (build, summary, top, upkeep):
        _add_common_arguments(command)
    parsed = parser.parse_args(arguments)
    return _guarded(parsed)


def run_job(table: str, arguments: Sequence[str] | None = None) -> int:
    """A script under jobs/: the flags of `customer-mart build`, for one table or for both."""
    parser = argparse.ArgumentParser(description=f"Build {table}.")
    _add_build_arguments(parser)
    _add_common_arguments(parser)
    parsed = parser.parse_args(arguments)
    parsed.command, parsed.table = "build", table
    return _guarded(parsed)


def _add_common_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--mart", metavar="DIR", help="folder or URI of the mart's tables")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings in YAML")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="overrides",
        metavar="NAME=VALUE",
        help="override a setting, such as scoring.min_tenure_days=0; repeatable",
    )
    parser.add_argument("--verbose", action="store_true", help="show the stack trace of an error")


def _add_build_arguments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(table="customer_mart")
    parser.add_argument(
        "--sources", metavar="DIR", help="folder that holds stg_signups, stg_deposits, ..."
    )
    parser.add_argument(
        "--as-of",
        type=_instant,
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
    parser.add_argument("--log-format", choices=["text", "json"], default="text")


def _guarded(arguments: argparse.Namespace) -> int:
    """Runs a command; an error is one plain sentence, with its stack only under --verbose."""
    try:
        _run(arguments)
    except Exception as error:  # noqa: BLE001 - whatever went wrong becomes an exit code
        if arguments.verbose:
            traceback.print_exc()
        code = error.exit_code if isinstance(error, MartError) else 1
        print(f"customer-mart: {_sentence(error)}", file=sys.stderr)
        return code
    return 0


def _run(arguments: argparse.Namespace) -> None:
    settings = _settings(arguments)
    target("mart_runs", settings.mart)  # says where the mart is missing before Spark starts
    if arguments.command == "build":
        _build(arguments, settings)
        return
    spark = get_session(verbose=arguments.verbose)
    if arguments.command == "maintain":
        with run_lock(settings.mart, "maintenance", settings.mart.wait_seconds):
            maintain(spark, settings, arguments.log_format)
    elif arguments.command == "top":
        print_top(spark, settings, arguments.n)
    else:
        print_summary(spark, settings)


def _build(arguments: argparse.Namespace, settings: Settings) -> None:
    if arguments.table != "customer_ltv_scoring":
        _require_sources(settings)
    is_watched = sys.stderr.isatty() and arguments.log_format == "text"
    spark = get_session(show_progress_bar=is_watched, verbose=arguments.verbose)
    with run_lock(settings.mart, f"build of {arguments.table}", settings.mart.wait_seconds):
        _build_with(spark, arguments, settings)


def _build_with(spark: SparkSession, arguments: argparse.Namespace, settings: Settings) -> None:
    as_of = arguments.as_of
    if arguments.table == "customer_ltv_scoring":
        _, dim_as_of = newest_dim(spark, settings)
        if dim_as_of and as_of not in (None, dim_as_of):
            raise UsageError(
                f"dim_customer was published as of {dim_as_of.isoformat()}, not "
                f"{as_of.isoformat()}; leave --as-of out, or build dim_customer first"
            )
        as_of = dim_as_of or as_of
    run = start_run(
        spark, settings, as_of or _start_of_day(), arguments.mode, arguments.log_format
    )
    pipeline.recorded(run, BUILDS[arguments.table])


def _require_sources(settings: Settings) -> None:
    """Refuses settings that say nowhere where a source is.

    Raises:
        UsageError: on the first that has no place.
    """
    for name in (table for table in STAGING_TABLES if table not in OPTIONAL):
        source = settings.sources.source(name)
        if not (source.path or source.table):
            raise UsageError(
                f"Say where {name} is: --sources DIR, or sources.location, sources.schema or "
                f"sources.{name}.path in the configuration"
            )


def _settings(arguments: argparse.Namespace) -> Settings:
    """The settings with the folders of the command line."""
    flags = {group: getattr(arguments, group, None) for group in ("sources", "mart")}
    locations = {group: place for group, place in flags.items() if place}
    return load_settings(arguments.config, arguments.overrides, locations)


def _start_of_day() -> datetime:
    now = datetime.now(tz=timezone.utc)
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def _instant(text: str) -> datetime:
    """An ISO 8601 instant; one without an offset is UTC."""
    try:
        # Python 3.10 does not know the Z that ISO 8601 writes for UTC.
        instant = datetime.fromisoformat(
            text.strip().replace("Z", "+00:00").replace("z", "+00:00")
        )
    except ValueError as malformed:
        message = f"{text!r} is not an instant such as 2025-01-01T00:00:00Z"
        raise argparse.ArgumentTypeError(message) from malformed
    if instant.tzinfo is None:
        return instant.replace(tzinfo=timezone.utc)
    return instant.astimezone(timezone.utc)


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _sentence(error: Exception) -> str:
    """What went wrong in one line."""
    if isinstance(error, MartError):
        return str(error)
    return f"{type(error).__name__}: {first_line(error)}"


if __name__ == "__main__":
    sys.exit(main())
