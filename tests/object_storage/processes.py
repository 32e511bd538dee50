"""What the tests do with the store and with drivers."""

import json
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BUCKET = "lake"
# The bucket of a store that takes no credentials.
REFUSED = "refused"
# Credentials as a cluster's environment has them. The store takes any; nothing may repeat them.
SECRET_VALUES = {
    "AWS_ACCESS_KEY_ID": "AKIASENTINELKEYID",
    "AWS_SECRET_ACCESS_KEY": "sentinelSecret+wJalrXUtnFEMI",
    "AWS_SESSION_TOKEN": "sentinelToken//FwoGZXIvYXdz",
}
# The same as properties of the session, which nobody should do: of a bucket that nothing reads, so
# that they change no request, and of stores that are not here.
SECRET_PROPERTIES = {
    "spark.hadoop.fs.s3a.bucket.elsewhere.access.key": "AKIASENTINELPROPERTY",
    "spark.hadoop.fs.s3a.bucket.elsewhere.secret.key": "sentinelSecretProperty+wJalrXUtnFEMI",
    "spark.hadoop.fs.s3a.bucket.elsewhere.encryption.key": "sentinelEncryption+MzIgYnl0ZXM",
    "spark.hadoop.fs.gs.encryption.key": "sentinelGoogle+MzIgYnl0ZXM",
    "spark.hadoop.fs.azure.sas.sources.lake.blob.core.windows.net": "sentinelSas%2BwJalrXUtnFEMI",
    "spark.executorEnv.AWS_ACCESS_KEY_ID": "AKIASENTINELEXECUTOR",
}


@dataclass(frozen=True)
class Store:
    """The server's bucket."""

    client: Any
    url: str

    def upload(self, folder: Path, prefix: str) -> None:
        """Puts a folder's files that are not there yet under a prefix."""
        there = set(self.keys(prefix))
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            key = f"{prefix}/{file.relative_to(folder)}"
            if key not in there:
                self.client.upload_file(str(file), BUCKET, key)

    def download(self, prefix: str, folder: Path) -> Path:
        """The files under a prefix, in a folder."""
        for key in self.keys(prefix):
            if not key.endswith("/"):
                file = folder / key
                file.parent.mkdir(parents=True, exist_ok=True)
                self.client.download_file(BUCKET, key, str(file))
        return folder

    def keys(self, prefix: str) -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return [found["Key"] for page in pages for found in page.get("Contents", ())]


@dataclass(frozen=True)
class Driver:
    """A process that runs one command line after the other in one session."""

    process: subprocess.Popen[str]
    printed: Path
    errors: Path

    def wait_until_ready(self) -> None:
        self._read_until("READY")

    def start(self, *arguments: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(arguments) + "\n")
        self.process.stdin.flush()

    def run(self, *arguments: str) -> tuple[int, str]:
        """The exit code of a command line, and the sentence on standard error if it failed."""
        before = self.errors.stat().st_size
        self.start(*arguments)
        code = int(self._read_until("EXIT ").removeprefix("EXIT "))
        written = self.errors.read_bytes()[before:].decode()
        said = [line for line in written.splitlines() if line.startswith("customer-mart: ")]
        return code, "\n".join(said)

    def printing(self, *arguments: str) -> tuple[int, str]:
        """The exit code of a command line, and what it printed."""
        before = self.printed.stat().st_size
        code, _ = self.run(*arguments)
        return code, self.printed.read_bytes()[before:].decode()

    def kill(self) -> None:
        """Kills the process and its JVM at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _read_until(self, start: str) -> str:
        assert self.process.stdout is not None
        with self.printed.open("a") as copy:
            for line in self.process.stdout:
                copy.write(line)
                if line.startswith(start):
                    return line.strip()
        raise AssertionError(self.errors.read_text()[-3000:])
