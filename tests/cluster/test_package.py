"""The zip for --py-files: complete, and all of it readable from inside."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from customer_mart import __version__
from customer_mart.contracts import MART_TABLES, STAGING_TABLES
from tests.cluster.conftest import NOT_ITS_BUSINESS, environment_in, zip_in

ROOT = Path(__file__).parents[2]
# Prints where the package is, then the columns of every contract.
READ = """
import customer_mart.cli
from customer_mart.contracts import MART_TABLES, STAGING_TABLES, contract
print(customer_mart.cli.__file__)
for table in STAGING_TABLES + MART_TABLES:
    print(table, len(contract(table).columns))
"""


@pytest.mark.slow
def test_every_contract_is_read_from_inside_the_zip(packages: Path, tmp_path: Path) -> None:
    archive = zip_in(packages)
    done = subprocess.run(
        [sys.executable, "-c", READ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(archive)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    place, *contracts = done.stdout.splitlines()
    assert place == f"{archive}/customer_mart/cli.py"
    assert len(contracts) == len(STAGING_TABLES + MART_TABLES)
    assert "stg_signups 3" in contracts


@pytest.mark.slow
def test_the_zip_has_every_file_of_the_package(packages: Path) -> None:
    archive = zip_in(packages)
    package = ROOT / "customer_mart"
    files = [path for suffix in ("py", "yml") for path in package.rglob(f"*.{suffix}")]
    with zipfile.ZipFile(archive) as packed:
        inside = {name for name in packed.namelist() if name.startswith("customer_mart/")}
    assert inside == {path.relative_to(ROOT).as_posix() for path in files}


@pytest.mark.slow
def test_the_folder_holds_one_wheel_and_what_else_was_there(packages: Path) -> None:
    made = {f"customer_mart-{__version__}{end}" for end in ("-py3-none-any.whl", ".zip")}
    found = {file.name for file in packages.iterdir()}
    assert found == {*made, environment_in(packages).name, *NOT_ITS_BUSINESS}


@pytest.mark.parametrize("python", [["--python", "/usr/bin/python3"], ["--python=python3.12"]])
def test_the_python_is_named_in_either_form(python: list[str], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    out = tmp_path / "file" / "dist"
    done = _package(*python, str(out))
    # The arguments were taken; it is the folder that was not.
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        2,
        f"OUT_DIR: '{out}' is no folder and cannot be made one.",
    )


@pytest.mark.parametrize("python", ["--python=", "--pythons=python3"])
def test_a_python_without_a_name_is_refused(python: str) -> None:
    done = _package(python)
    assert done.returncode == 2
    assert done.stderr.startswith(f"Unknown argument: {python}")


def test_a_python_s_path_is_one_from_where_the_command_is_typed(tmp_path: Path) -> None:
    done = _package("--python", "venv/bin/python", "dist", cwd=tmp_path)
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        2,
        f"--python: there is no {tmp_path}/venv/bin/python to run.",
    )


@pytest.mark.parametrize(("uv", "installer"), [("true", "uv"), ("false", "pip")])
def test_the_wheel_is_built_with_uv_where_the_environment_is(
    uv: str, installer: str, tmp_path: Path
) -> None:
    """With pip, build needs ensurepip, which a Python that uv caters for may lack."""
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    shutil.copy(ROOT / "scripts" / "package.sh", scripts)
    (scripts / "environment.sh").write_text(f"uv_will_do() {{ {uv}; }}\n")
    # A Python that only prints what it is told, and fails.
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho "$@"\n[ "$1" = -c ]\n')
    python.chmod(0o755)
    done = subprocess.run(
        [str(scripts / "package.sh"), str(tmp_path / "dist")],
        env={**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"-m build --installer {installer} --wheel ")


def _package(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ROOT / "scripts" / "package.sh"), *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
