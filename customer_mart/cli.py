"""The command line: arguments in, exit code out."""

import argparse
import sys
import traceback
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from pathlib import Path

from pyspark.sql import SparkSession

from customer_mart import pipeline
from customer_mart.arguments import command_parser, job_parser
from customer_mart.contracts import OPTIONAL_STAGING_TABLES, STAGING_TABLES
from customer_mart.erasure.erase import erase, require_customers
from customer_mart.erasure.request import requested_ids
from customer_mart.errors import MartError, UsageError, first_line
from customer_mart.failures import in_plain_words
from customer_mart.incremental.published_dim import newest_dim
from customer_mart.maintain import maintain, require_tables
from customer_mart.places import is_uri
from customer_mart.publish.run_lock import leaves_traces, run_lock
from customer_mart.publish.target import target
from customer_mart.recording import Build, recorded
from customer_mart.run import start_run
from customer_mart.session import get_session
from customer_mart.settings import Settings, load_settings
from customer_mart.status.page import print_status
from customer_mart.summary import print_summary, print_top
from customer_mart.tier_history import print_history

# What shells report of a command that SIGINT ended: 128 and the signal's number.
INTERRUPTED = 130
BUILDS: dict[str, Build] = {
    "customer_mart": pipeline.build_customer_mart,
    "dim_customer": pipeline.build_dim_customer,
    "customer_ltv_scoring": pipeline.build_customer_ltv_scoring,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """`customer-mart`: returns the exit code.

    0 done, 2 usage, 3 data, 130 interrupted, 1 anything else.
    """
    description = "Builds dim_customer and customer_ltv_scoring, shows, maintains and erases."
    return _guarded(command_parser(description).parse_args(arguments))


def run_job(table: str, arguments: Sequence[str] | None = None) -> int:
    """A script under jobs/: the flags of `customer-mart build`, for one table or for both."""
    parsed = job_parser(table).parse_args(arguments)
    parsed.command = "build"
    return _guarded(parsed)


def _guarded(arguments: argparse.Namespace) -> int:
    """Runs a command; an error is one plain sentence, with its stack only under --verbose."""
    try:
        _run(arguments)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - all becomes an exit code
        if arguments.verbose:
            traceback.print_exc()
        print(f"customer-mart: {_sentence(error)}", file=sys.stderr)
        return _exit_code(error)
    return 0


def _run(arguments: argparse.Namespace) -> None:
    settings = _settings(arguments)
    target("mart_runs", settings.mart)  # says where the mart is missing before Spark starts
    with in_plain_words(settings):
        COMMANDS[arguments.command](arguments, settings)


def _build(arguments: argparse.Namespace, settings: Settings) -> None:
    scores_alone = arguments.table == "customer_ltv_scoring"
    if not scores_alone:
        _require_sources(settings)
    is_watched = sys.stderr.isatty() and arguments.log_format == "text"
    spark = get_session(show_progress_bar=is_watched, verbose=arguments.verbose)
    if scores_alone:
        _require_before_lock(spark, settings, newest_dim)
    with run_lock(spark, settings.mart, f"build of {arguments.table}"):
        asked = arguments.as_of
        as_of = _as_of_scores(spark, settings, asked) if scores_alone else asked
        run = start_run(
            spark, settings, as_of or _start_of_day(), arguments.mode, arguments.log_format
        )
        recorded(run, BUILDS[arguments.table])


def _as_of_scores(
    spark: SparkSession, settings: Settings, asked: datetime | None
) -> datetime | None:
    """The instant of the dim_customer to be scored; where nothing tells it, the one asked for.

    Raises:
        UsageError: if another one was asked for.
    """
    _, dim_as_of = newest_dim(spark, settings)
    if dim_as_of and asked not in (None, dim_as_of):
        raise UsageError(
            f"dim_customer was published as of {dim_as_of.isoformat()}, not "
            f"{asked.isoformat()}; leave --as-of out, or build dim_customer first"
        )
    return dim_as_of or asked


def _erase(arguments: argparse.Namespace, settings: Settings) -> None:
    ids = requested_ids(arguments.user_ids, arguments.user_ids_file)
    spark = get_session(verbose=arguments.verbose)
    _require_before_lock(spark, settings, require_customers)
    with run_lock(spark, settings.mart, "erasure"):
        erase(spark, settings, ids, arguments.log_format, purge=arguments.purge)


def _maintain(arguments: argparse.Namespace, settings: Settings) -> None:
    spark = get_session(verbose=arguments.verbose)
    _require_before_lock(spark, settings, require_tables)
    with run_lock(spark, settings.mart, "maintenance"):
        maintain(spark, settings, arguments.log_format)


def _require_before_lock(
    spark: SparkSession,
    settings: Settings,
    requires: Callable[[SparkSession, Settings], object],
) -> None:
    """Says what is missing where no run has been, before the lock leaves anything there.

    Elsewhere a run may be about to make it: whoever holds the lock then looks again.
    """
    if leaves_traces(spark, settings.mart):
        requires(spark, settings)


def _summary(arguments: argparse.Namespace, settings: Settings) -> None:
    print_summary(get_session(verbose=arguments.verbose), settings)


def _top(arguments: argparse.Namespace, settings: Settings) -> None:
    print_top(get_session(verbose=arguments.verbose), settings, arguments.n)


def _history(arguments: argparse.Namespace, settings: Settings) -> None:
    print_history(get_session(verbose=arguments.verbose), settings, arguments.user_id)


def _status(arguments: argparse.Namespace, settings: Settings) -> None:
    print_status(get_session(verbose=arguments.verbose), settings, datetime.now(tz=timezone.utc))


COMMANDS: dict[str, Callable[[argparse.Namespace, Settings], None]] = {
    "build": _build,
    "erase": _erase,
    "maintain": _maintain,
    "summary": _summary,
    "top": _top,
    "history": _history,
    "status": _status,
}


def _require_sources(settings: Settings) -> None:
    """Refuses settings that say nowhere where a source is.

    Raises:
        UsageError: on the first that has no place.
    """
    for name in (table for table in STAGING_TABLES if table not in OPTIONAL_STAGING_TABLES):
        source = settings.sources.source(name)
        if not (source.path or source.table):
            raise UsageError(
                f"Say where {name} is: --sources DIR, or sources.location, sources.schema or "
                f"sources.{name}.path in the configuration"
            )


def _settings(arguments: argparse.Namespace) -> Settings:
    """The settings with the folders of the command line."""
    flags = {group: getattr(arguments, group, None) for group in ("sources", "mart")}
    locations = {group: _from_here(place) for group, place in flags.items() if place is not None}
    return load_settings(arguments.config, arguments.overrides, locations)


def _from_here(place: str) -> str:
    """A folder as whoever types it means it: .. is the one above where they are."""
    is_relative = ".." in Path(place).parts and not is_uri(place)
    return str(Path(place).resolve()) if is_relative else place


def _start_of_day() -> datetime:
    now = datetime.now(tz=timezone.utc)
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def _exit_code(error: Exception | KeyboardInterrupt) -> int:
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    return error.exit_code if isinstance(error, MartError) else 1


def _sentence(error: Exception | KeyboardInterrupt) -> str:
    """What went wrong in one line."""
    if isinstance(error, KeyboardInterrupt):
        return "Interrupted (Ctrl-C) before it was done; run it again"
    if isinstance(error, MartError):
        return str(error)
    return f"{type(error).__name__}: {first_line(error)}"


if __name__ == "__main__":
    sys.exit(main())
