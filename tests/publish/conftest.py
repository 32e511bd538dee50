"""The mart's tables, created once; a test that writes works on a copy."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from customer_mart.publish.target import Target, target
from customer_mart.settings.settings import Mart

CopyOf = Callable[[str], Target]


@pytest.fixture(scope="session")
def created(empty_mart: Path) -> Mart:
    """A mart whose tables hold nothing yet; nobody may change them."""
    return Mart(location=str(empty_mart))


@pytest.fixture
def copy_of(created: Mart, tmp_path: Path) -> CopyOf:
    """Makes a copy of an empty table for the test alone."""

    def copied(table: str) -> Target:
        shutil.copytree(target(table, created).place, tmp_path / table)
        return target(table, Mart(location=str(tmp_path)))

    return copied
