"""The processes of the benchmark: one makes a data set, one measures a contender once."""

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scripts.benchmarking.data_set import DataSet, data_set, described, require_space
from scripts.benchmarking.measure import Task

WARM_UP_SCALE = 0.001
ERROR_LENGTH = 500


class ChildError(Exception):
    """A process that failed, with the last it had to say."""


@dataclass(frozen=True)
class Workshop:
    """The script, the folder of everything it makes, and how its measuring processes start."""

    script: Path
    folder: Path
    driver_memory: str
    warms_up: bool = True

    def sources(self, rows: DataSet) -> Path:
        """The folder of a data set, made on first use."""
        folder = self.folder / "data" / rows.name
        if not folder.exists():
            require_space(rows, folder.parent)
            order = {
                "rows": described(rows),
                "folder": str(folder),
                "scratch": str(self._scratch()),
                "driver_memory": self.driver_memory,
            }
            print(f"Making {rows.name}", flush=True)
            self._child("make-data-set", order)
        return folder

    def output(self, entry: str) -> Path:
        """The folder that a contender writes to."""
        return self.folder / "output" / entry

    def measure(
        self, contender: str, rows: DataSet, output: Path, driver_memory: str | None = None
    ) -> dict[str, Any]:
        """One measurement of a contender.

        Raises:
            ChildError: if it does not finish.
        """
        task = Task(
            contender=contender,
            sources=str(self.sources(rows)),
            warm_up=str(self.sources(data_set(WARM_UP_SCALE))) if self.warms_up else None,
            output=str(output),
            driver_memory=driver_memory or self.driver_memory,
            scratch=str(self._scratch()),
        )
        return self._child("measure", asdict(task))

    def _scratch(self) -> Path:
        folder = self.folder / "scratch"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _child(self, command: str, order: dict[str, Any]) -> dict[str, Any]:
        """What the process answers on its last line."""
        line = [sys.executable, str(self.script), command, json.dumps(order)]
        done = subprocess.run(line, capture_output=True, text=True, check=False)  # noqa: S603 - our own script
        if done.returncode != 0:
            raise ChildError(done.stderr.strip()[-ERROR_LENGTH:] or f"exit {done.returncode}")
        answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
        return answer
