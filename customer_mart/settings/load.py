"""Settings from a YAML file and from `--set a.b=c`, with errors that name the setting."""

import difflib
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from customer_mart.errors import UsageError
from customer_mart.settings.expected import expected, setting_name, shown_name
from customer_mart.settings.names import CREDENTIAL_FOUND, holds_credential
from customer_mart.settings.settings import Settings

# Pydantic's types of error where settings by name are expected.
GROUPS = ("model_type", "dict_type")


class _BadValueError(yaml.MarkedYAMLError):
    """A value that has the form of its type and is none, such as the date 2025-02-30."""


class _Loader(yaml.SafeLoader):
    """YAML, in which such a value is an error like any other: PyYAML lets Python's own pass."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ArithmeticError, AttributeError, LookupError, ValueError):
            # Python's error has the value in it.
            problem = "there is no such date or number"
            raise _BadValueError(problem=problem, problem_mark=node.start_mark) from None


class WholeList(dict[int, Any]):
    """The items of a list by number, so that one can be overridden; no default is among them."""


def load_settings(
    config: Path | None, overrides: Sequence[str] = (), locations: Mapping[str, str] | None = None
) -> Settings:
    """Settings: the defaults, then the file, then each override in order, then the locations.

    locations: by group, `sources` or `mart`, a folder that takes the place of any other.

    Raises:
        UsageError: if the file cannot be read, or a setting is unknown or has a bad value.
    """
    tree = _from_file(config) if config else {}
    for override in overrides:
        _override(tree, override)
    for group, location in (locations or {}).items():
        given = tree.get(group) or {}
        if not isinstance(given, dict):
            raise UsageError(f"The setting {group} is a single value and holds nothing by name")
        tree[group] = {**given, "location": location, "schema": None}
    _refuse_unknown(tree, Settings, ())
    try:
        return Settings.model_validate(_over_defaults(tree))
    except ValidationError as invalid:
        # The error's own text has names whole, and a forgotten blank makes a value part of one.
        raise UsageError(_sentence(invalid)) from None


def _from_file(config: Path) -> dict[str, Any]:
    try:
        tree = _parsed(config.read_text(encoding="utf-8"))
    except OSError as missing:
        raise UsageError(
            f"Cannot read the configuration {config}: {missing.strerror}"
        ) from missing
    except UnicodeDecodeError as malformed:
        raise UsageError(f"The configuration {config} is not UTF-8 text") from malformed
    except yaml.YAMLError as malformed:
        # The error's own text quotes the file, and its stack would: there may be a secret in it.
        raise UsageError(
            f"The configuration {config} is not valid YAML: {_fault(malformed)}"
        ) from None
    if tree is not None and not isinstance(tree, dict):
        raise UsageError(f"The configuration {config} must hold settings by name, such as 'mart:'")
    return tree or {}


def _parsed(text: str) -> Any:
    """What a YAML text says.

    Raises:
        yaml.YAMLError: if it is none, or one of its values is not what it looks like.
    """
    return yaml.load(text, Loader=_Loader)  # noqa: S506 - it is a SafeLoader


def _fault(malformed: yaml.YAMLError) -> str:
    """What is wrong with a YAML text, and where, without its words."""
    if not isinstance(malformed, yaml.MarkedYAMLError) or malformed.problem_mark is None:
        return "it has characters that YAML does not allow"
    mark = malformed.problem_mark
    where = f"line {mark.line + 1}, column {mark.column + 1}"
    # Other problems name an alias or a tag, which is the file's word.
    wordless = yaml.scanner.ScannerError | yaml.parser.ParserError | _BadValueError
    is_wordless = isinstance(malformed, wordless) and "tag handle" not in str(malformed.problem)
    return f"{malformed.problem} at {where}" if is_wordless else f"an alias or tag at {where}"


def _override(tree: dict[str, Any], override: str) -> None:
    """Puts one `a.b=c` into the tree; a whole number in the path is a score or an index."""
    path, equals, text = override.partition("=")
    path = path.strip()
    if not equals or not path:
        # It is not repeated: there may be a secret in it.
        raise UsageError(
            "--set takes name=value, such as scoring.min_tenure_days=0: one has no name or no ="
        )
    try:
        value = _parsed(text)
    except yaml.YAMLError as malformed:
        name, fault = shown_name(path), _fault(malformed)
        raise UsageError(
            f"--set {name}: what follows the = is not a YAML value ({fault})"
        ) from None
    keys: list[Any] = [int(key) if key.isdecimal() else key for key in path.split(".")]
    *parents, leaf = keys
    node: dict[Any, Any] = tree
    for key in parents:
        node = _group(node, key, path)
    node[leaf] = value


def _group(node: dict[Any, Any], key: Any, path: str) -> dict[Any, Any]:
    """What the node holds under the key, or a new group; the items of a list by number.

    Raises:
        UsageError: if it holds a single value.
    """
    group = node.get(key)
    if group is None:
        group = {}
    elif isinstance(group, list):
        group = WholeList(enumerate(group))
    elif not isinstance(group, dict):
        raise UsageError(
            f"--set {shown_name(path)}: {shown_name(str(key))} is a single value and holds "
            "nothing by name"
        )
    node[key] = group
    return group


def _over_defaults(tree: dict[str, Any]) -> dict[str, Any]:
    """The defaults with the tree laid over them, group by group."""
    merged: dict[str, Any] = _merged(Settings().model_dump(by_alias=True), tree)
    return merged


def _merged(base: Any, over: Any) -> Any:
    """Mappings merge; numbered keys replace the items of a list; anything else replaces."""
    if isinstance(over, WholeList):
        return _listed(over)
    if isinstance(base, tuple) and isinstance(over, dict):
        return _listed(_merged(dict(enumerate(base)), over))
    if isinstance(base, dict) and over is None:
        return base
    if isinstance(base, dict) and isinstance(over, dict):
        return {**base, **{key: _merged(base.get(key), value) for key, value in over.items()}}
    return over


def _listed(items: dict[Any, Any]) -> list[Any]:
    """Items by number as a list.

    Raises:
        UsageError: if one has a name instead of a number.
    """
    named = [key for key in items if not isinstance(key, int)]
    if named:
        name = shown_name(str(named[0]))
        raise UsageError(f"{name} is in the place of a number: a list's items count from 0")
    return [item for _, item in sorted(items.items())]


def _refuse_unknown(tree: dict[str, Any], model: type[BaseModel], path: tuple[str, ...]) -> None:
    """Fails on the first name that no setting has, and names the nearest one.

    Raises:
        UsageError: if there is one.
    """
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    for name, value in tree.items():
        if name not in fields:
            full = setting_name((*path, name))
            raise UsageError(f"Unknown setting {full}; the nearest one is {_nearest(full)}")
        child = fields[name].annotation
        if isinstance(value, dict) and isinstance(child, type) and issubclass(child, BaseModel):
            _refuse_unknown(value, child, (*path, str(name)))


def _nearest(name: str) -> str:
    """The setting whose name is most like this one."""
    known = _names(Settings().model_dump(by_alias=True))
    return difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]


def _names(tree: Mapping[Any, Any], path: tuple[str, ...] = ()) -> list[str]:
    names = []
    for key, value in tree.items():
        here = (*path, str(key))
        names.append(".".join(here))
        if isinstance(value, tuple):
            names += _names(dict(enumerate(value)), here)
        if isinstance(value, dict):
            names += _names(value, here)
    return names


def _sentence(invalid: ValidationError) -> str:
    """The first thing wrong, with the setting's name and what was found there."""
    first = invalid.errors(include_url=False)[0]
    name = setting_name(first["loc"])
    if first["type"] == "extra_forbidden":
        return f"Unknown setting {name}; the nearest one is {_nearest(name)}"
    if first["type"] == "missing":
        return f"The setting {name} is missing"
    found = first["input"]
    if first["type"] != CREDENTIAL_FOUND and holds_credential(first["msg"]):
        return f"The setting {name} contains a credential, which does not belong in settings"
    is_secret = first["type"] == CREDENTIAL_FOUND or holds_credential(str(found))
    # A single value in the place of a group may be of any of its settings.
    is_group = first["type"] in GROUPS or isinstance(found, dict | list | tuple | BaseModel)
    text = found.isoformat() if isinstance(found, date) else repr(found)
    shown = "" if is_secret or is_group else f" (found {text})"
    return f"The setting {name} is not valid: {expected(first['type'], first['msg'])}{shown}"
