"""Small files in a folder behind a URI, through the file systems that Spark itself uses.

They bring the session's own credentials and work for every scheme the session knows. Spark has
no call of its own that deletes a file, and over Spark Connect there is no JVM to ask.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pyspark.sql import SparkSession

from customer_mart.errors import first_line

# Errors of the JVM have no class that every client of Spark could import.
NOT_FOUND = "java.io.FileNotFoundException"


def has_jvm(spark: SparkSession) -> bool:
    """Whether this process drives the session's JVM itself, as it does not over Spark Connect."""
    return getattr(spark, "_jvm", None) is not None


@dataclass(frozen=True)
class HadoopFolder:
    """A folder that need not be there; a file is whole for whoever reads it, or not there."""

    spark: SparkSession
    uri: str

    def write(self, name: str, text: str) -> None:
        """Puts the text into a file, in place of any other."""
        stream = self._files.create(self._path(name), True)
        try:
            stream.write(bytearray(text.encode()))
        finally:
            stream.close()

    def replace(self, name: str, text: str) -> bool:
        """Puts the text in place of what a file holds; False, and no file, where there is none."""
        if name not in self.modified():
            return False
        self.write(name, text)
        return True

    def read(self, name: str) -> str | None:
        """A file's text; None when it cannot be read, having gone or being written just now."""
        try:
            stream = self._files.open(self._path(name))
            try:
                return bytes(stream.readAllBytes()).decode(errors="replace")
            finally:
                stream.close()
        except Exception:  # noqa: BLE001 - whatever the file system says
            return None

    def modified(self) -> dict[str, int]:
        """When each file was last written, in milliseconds by the clock of the store."""
        try:
            found = self._files.listStatus(self._path())
        except Exception as error:
            if first_line(error).startswith(NOT_FOUND):
                return {}
            raise
        return {
            str(file.getPath().getName()): int(file.getModificationTime())
            for file in found
            if file.isFile()
        }

    def delete(self, name: str = "") -> None:
        """Deletes a file, or the folder with all it holds; nothing where there is none."""
        self._files.delete(self._path(name), True)

    def _path(self, name: str = "") -> Any:
        return self._jvm.org.apache.hadoop.fs.Path(f"{self.uri}/{name}" if name else self.uri)

    @property
    def _jvm(self) -> Any:
        return self.spark._jvm

    @cached_property
    def _files(self) -> Any:
        session: Any = self.spark._jsparkSession
        return self._path().getFileSystem(session.sessionState().newHadoopConf())
