"""databricks.yml with all that it includes, as one target sees it."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
REFERENCE = re.compile(r"\$\{([a-z_.]+)\}")
# What the workspace knows, as it might be.
WORKSPACE = {
    "bundle.name": "customer_mart",
    "workspace.file_path": str(ROOT),
    "workspace.current_user.userName": "ann.doe@example.com",
    "workspace.current_user.short_name": "ann_doe",
}
# What whoever deploys to production has to say.
SAID = {"run_as": "3f0c", "notification_email": "data@example.com"}


@cache
def written() -> dict[str, Any]:
    """databricks.yml with the resources of the files that it includes; references as they are."""
    bundle = _read(ROOT / "databricks.yml")
    bundle["resources"] = {"jobs": {}}
    for pattern in bundle.pop("include"):
        for file in sorted(ROOT.glob(pattern)):
            bundle["resources"]["jobs"].update(_read(file)["resources"]["jobs"])
    return bundle


@cache
def bundle(target: str) -> dict[str, Any]:
    """The whole bundle with the resources of a target, every reference in these resolved."""
    return {**written(), "resources": resolved(written()["resources"], target)}


@cache
def jobs(target: str) -> dict[str, dict[str, Any]]:
    """The jobs of a target, every reference resolved."""
    found: dict[str, dict[str, Any]] = bundle(target)["resources"]["jobs"]
    return found


def resolved(node: Any, target: str) -> Any:
    """A part of the bundle as a target sees it, every reference resolved.

    Raises:
        KeyError: on a reference to what nobody declares.
    """
    declared = {name: kind.get("default") for name, kind in written()["variables"].items()}
    chosen = {**declared, **SAID, **written()["targets"][target]["variables"]}
    known = {**WORKSPACE, "bundle.target": target}
    known |= {f"var.{name}": _resolved(value, known) for name, value in chosen.items()}
    return _resolved(node, known)


def parameters(job: dict[str, Any], task: dict[str, Any]) -> list[str]:
    """A task's arguments as a run on the second of January gets them."""
    values = {parameter["name"]: parameter["default"] for parameter in job.get("parameters", [])}
    given = [
        re.sub(r"{{job\.parameters\.(\w+)}}", lambda name: values[name[1]], argument)
        for argument in task["python_wheel_task"]["parameters"]
    ]
    return [a.replace("{{job.trigger.time.iso_date}}", "2025-01-02") for a in given]


def references(node: Any) -> set[str]:
    """Every name that is referred to, as in ${var.catalog}."""
    return set(REFERENCE.findall(yaml.safe_dump(node, width=10_000)))


def _resolved(node: Any, known: dict[str, Any]) -> Any:
    if isinstance(node, dict):
        return {key: _resolved(value, known) for key, value in node.items()}
    if isinstance(node, list):
        return [_resolved(value, known) for value in node]
    if not isinstance(node, str):
        return node
    whole = REFERENCE.fullmatch(node)
    if whole:
        return known[whole[1]]
    return REFERENCE.sub(lambda name: str(known[name[1]]), node)


def _read(file: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return content
