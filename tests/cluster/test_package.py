"""The zip for --py-files: complete, and all of it readable from inside."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from customer_mart.contracts import MART_TABLES, STAGING_TABLES

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
    (archive,) = packages.glob("customer_mart-*.zip")
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
    (archive,) = packages.glob("customer_mart-*.zip")
    package = ROOT / "customer_mart"
    files = [path for suffix in ("py", "yml") for path in package.rglob(f"*.{suffix}")]
    with zipfile.ZipFile(archive) as packed:
        inside = {name for name in packed.namelist() if name.startswith("customer_mart/")}
    assert inside == {path.relative_to(ROOT).as_posix() for path in files}
