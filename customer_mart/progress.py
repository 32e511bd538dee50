"""Progress on standard output: a line per stage, for people or as JSON."""

import logging
import sys
import time
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import structlog

from customer_mart.errors import GaveWayError

LogFormat = Literal["text", "json"]
NAME_WIDTH, ROWS_WIDTH = 28, 14


@dataclass
class Stage:
    """A stage under way; what it sets here is on its line when it ends."""

    name: str
    rows: int | None = None
    notes: list[str] = field(default_factory=list)


@dataclass
class Progress:
    """The run's stages and how long each took, in seconds."""

    log: structlog.typing.FilteringBoundLogger
    durations: dict[str, float] = field(default_factory=dict)
    failed_stage: str | None = None

    @contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        """Times a stage and writes its line, also when it fails."""
        stage, start, outcome = Stage(name), time.perf_counter(), "done"
        try:
            yield stage
        except GaveWayError:
            outcome = "gave way"
            raise
        except BaseException:
            outcome = "failed"
            self.failed_stage = name
            raise
        finally:
            seconds = round(time.perf_counter() - start, 3)
            self.durations[name] = round(self.durations.get(name, 0) + seconds, 3)
            write = self.log.error if outcome == "failed" else self.log.info
            write(outcome, stage=name, rows=stage.rows, seconds=seconds, notes=stage.notes or None)

    def note(self, text: str) -> None:
        """Writes a line that belongs to no stage."""
        self.log.info("note", text=text)


def start_progress(log_format: LogFormat, run_id: str) -> Progress:
    """Progress that writes to standard output, apart from the engine's own log."""
    renderers: dict[LogFormat, structlog.typing.Processor] = {
        "text": _as_text,
        "json": structlog.processors.JSONRenderer(),
    }
    logger: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
        structlog.PrintLogger(sys.stdout),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderers[log_format],
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )
    return Progress(logger.bind(run_id=run_id))


def _as_text(_: Any, __: str, event: MutableMapping[str, Any]) -> str:
    """A line such as `stg_deposits      98 412 rows      3.1 s`."""
    if event["event"] == "note":
        return f"  {event['text']}"
    rows = "" if event["rows"] is None else f"{event['rows']:,} rows".replace(",", " ")
    line = f"  {event['stage']:<{NAME_WIDTH}}{rows:>{ROWS_WIDTH + 5}}{event['seconds']:>9.1f} s"
    failed = "" if event["event"] == "done" else f"  {event['event']}"
    notes = f"  {', '.join(event['notes'])}" if event["notes"] else ""
    return line + failed + notes
