"""pyproject.toml declares whatever the package imports."""

import ast
import re
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from importlib.metadata import packages_distributions
from pathlib import Path
from zoneinfo import ZoneInfo, reset_tzpath

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "customer_mart"
# Spark and Delta Lake are the cluster's to bring.
OF_THE_CLUSTER = {"pyspark", "delta"}


def _declared() -> set[str]:
    """The names of the distributions that the package depends on."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    [listed] = re.findall(r"^dependencies = \[$(.*?)^\]$", text, re.DOTALL | re.MULTILINE)
    return {_normal(name) for name in re.findall(r'^ *"([\w.-]+)', listed, re.MULTILINE)}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _imported() -> set[str]:
    """The packages whose modules are imported anywhere, also inside functions."""
    files = PACKAGE.rglob("*.py")
    return {name for file in files for name in _imports(ast.parse(file.read_text("utf-8")))}


def _imports(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        match node:
            case ast.Import(names=names):
                yield from (name.name.partition(".")[0] for name in names)
            case ast.ImportFrom(module=str(name), level=0):
                yield name.partition(".")[0]


@pytest.mark.parametrize(
    "name", sorted(_imported() - set(sys.stdlib_module_names) - OF_THE_CLUSTER - {PACKAGE.name})
)
def test_what_is_imported_is_declared(name: str) -> None:
    distributions = {_normal(distribution) for distribution in packages_distributions()[name]}
    assert distributions & _declared()


def test_packages_import_each_other_in_one_direction() -> None:
    """Those below a package, in an order in which each knows only the ones before it."""
    order = list(TopologicalSorter(_imported_by_package()).static_order())
    assert order.index("sources") < order.index("staging") < order.index("steps")


def _imported_by_package() -> dict[str, set[str]]:
    """By package or module right below customer_mart, which others of these it imports."""
    found: dict[str, set[str]] = {}
    for file in PACKAGE.rglob("*.py"):
        name = file.relative_to(PACKAGE).parts[0].removesuffix(".py")
        inside = re.findall(r"^ *from customer_mart\.(\w+)", file.read_text("utf-8"), re.MULTILINE)
        found.setdefault(name, set()).update(set(inside) - {name})
    return found


def test_time_zones_need_no_files_of_the_machine() -> None:
    assert "tzdata" in _declared()
    reset_tzpath(to=[])
    try:
        assert ZoneInfo.no_cache("Europe/Paris").key == "Europe/Paris"
    finally:
        reset_tzpath()
