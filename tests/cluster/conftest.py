"""What a cluster is given: packages, jars, and an environment for the driver."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that scripts/package.sh has filled."""
    folder = tmp_path_factory.mktemp("packages")
    _run("package.sh", folder)
    return folder


@pytest.fixture(scope="session")
def jars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that scripts/fetch_jars.sh has filled."""
    folder = tmp_path_factory.mktemp("jars")
    _run("fetch_jars.sh", folder)
    return folder


@pytest.fixture(scope="session")
def driver_python(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of the packed environment, unpacked elsewhere as a cluster does it."""
    (archive,) = packages.glob("environment-*.tar.gz")
    folder = tmp_path_factory.mktemp("environment")
    unpack = ["tar", "-xzf", str(archive), "-C", str(folder)]
    subprocess.run(unpack, check=True)
    return folder / "bin" / "python"


def _run(script: str, folder: Path) -> None:
    done = subprocess.run(
        [str(ROOT / "scripts" / script), str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
