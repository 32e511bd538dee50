"""Small files in a folder behind a URI, through the file systems that Spark itself uses.

They bring the session's own credentials and work for every scheme the session knows. Spark has
no call of its own that deletes a file, and over Spark Connect there is no JVM to ask.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pyspark.sql import SparkSession

from customer_mart.errors import UsageError, first_line
from customer_mart.places import is_uri

# Errors of the JVM have no class that every client of Spark could import.
NOT_FOUND = "java.io.FileNotFoundException"


def has_jvm(spark: SparkSession) -> bool:
    """Whether this process drives the session's JVM itself, as it does not over Spark Connect."""
    return getattr(spark, "_jvm", None) is not None


def require_scheme(spark: SparkSession, place: str) -> None:
    """Refuses a folder without a scheme where Spark would look for it on another file system.

    This process takes such a folder for one of its own machine: it would lock the mart there, and
    delete staged rows there, while Spark writes them elsewhere. Over Spark Connect both are taken
    to see the same folder.

    Raises:
        UsageError: if the session's default file system is not the machine's.
    """
    if is_uri(place) or not has_jvm(spark):
        return
    default = str(_jvm(spark).org.apache.hadoop.fs.FileSystem.getDefaultUri(_hadoop_conf(spark)))
    scheme = default.partition(":")[0]
    if scheme != "file":
        raise UsageError(
            f"The folder {place} is named without its file system, and this session's own is "
            f"{scheme}: write {scheme}:{place}, or file:{place} for a folder of this machine"
        )


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
        path = f"{self.uri}/{name}" if name else self.uri
        return _jvm(self.spark).org.apache.hadoop.fs.Path(path)

    @cached_property
    def _files(self) -> Any:
        return self._path().getFileSystem(_hadoop_conf(self.spark))


def _jvm(spark: SparkSession) -> Any:
    return spark._jvm


def _hadoop_conf(spark: SparkSession) -> Any:
    """What the session tells file systems, its own settings included."""
    session: Any = spark._jsparkSession
    return session.sessionState().newHadoopConf()
