"""What a cluster is given: packages, jars, and an environment for the driver."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from customer_mart import __version__

ROOT = Path(__file__).parents[2]
THIS_PYTHON = f"cp{sys.version_info.major}{sys.version_info.minor}"
# What is in the folder before scripts/package.sh fills it.
OF_ANOTHER_VERSION = (
    "customer_mart-0.0.9-py3-none-any.whl",
    "customer_mart-9.0.0rc1-py3-none-any.whl",
)
NOT_ITS_BUSINESS = (
    "customer_mart-0.0.9.zip",
    "environment-0.0.9-cp311-linux_x86_64.tar.gz",
    f"environment-{__version__}-cp39-linux_x86_64.tar.gz",
    "orders-0.0.9-py3-none-any.whl",
)


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that scripts/package.sh has filled."""
    folder = tmp_path_factory.mktemp("packages")
    for name in OF_ANOTHER_VERSION + NOT_ITS_BUSINESS:
        (folder / name).touch()
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
    return _unpacked(packages, tmp_path_factory.mktemp("environment"))


@pytest.fixture(scope="session")
def python_without_the_package(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has what the package imports, and not the package."""
    python = _unpacked(packages, tmp_path_factory.mktemp("dependencies"))
    (package,) = python.parents[1].glob("lib/python*/site-packages/customer_mart")
    shutil.rmtree(package)
    importing = [str(python), "-E", "-c", "import pydantic, customer_mart"]
    refused = subprocess.run(importing, cwd="/", capture_output=True, text=True, check=False)
    assert "No module named 'customer_mart'" in refused.stderr
    return python


def environment_in(packages: Path) -> Path:
    """The packed environment of this version for this Python."""
    (archive,) = packages.glob(f"environment-{__version__}-{THIS_PYTHON}-*.tar.gz")
    return archive


def zip_in(packages: Path) -> Path:
    """The zip of this version."""
    (archive,) = packages.glob(f"customer_mart-{__version__}.zip")
    return archive


def _unpacked(packages: Path, folder: Path) -> Path:
    unpack = ["tar", "-xzf", str(environment_in(packages)), "-C", str(folder)]
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
