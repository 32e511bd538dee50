"""The JSON schema of a whole bundle, put together of two parts.

Jobs are those of Databricks' own SDK (Apache 2.0), whose classes Databricks generates from the
definition of its API, as it does the schema that its CLI prints. That one may be used by customers
of Databricks alone, by its licence. All else of a bundle is in databricks-yml.schema.json.
"""

import json
import sys
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from databricks.sdk.service.jobs import JobSettings

REST = Path(__file__).with_name("databricks-yml.schema.json")
SIMPLE = {str: "string", int: "integer", float: "number", bool: "boolean"}


@cache
def bundle_schema() -> dict[str, Any]:
    """The schema of databricks.yml with its resources, every reference resolved."""
    schema: dict[str, Any] = json.loads(REST.read_text(encoding="utf-8"))
    schema["properties"]["resources"]["properties"]["jobs"] = {
        "type": "object",
        "additionalProperties": _schema_of(JobSettings, schema["definitions"]),
    }
    return schema


def _schema_of(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    """The schema of a type; that of a class is entered among the definitions."""
    inner = [argument for argument in get_args(kind) if argument is not type(None)]
    if get_origin(kind) is Union:
        return _schema_of(inner[0], definitions)
    if get_origin(kind) is list:
        return {"type": "array", "items": _schema_of(inner[0], definitions)}
    if get_origin(kind) is dict:
        return {"type": "object", "additionalProperties": _schema_of(inner[1], definitions)}
    if is_dataclass(kind):
        return _reference_to(kind, definitions)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return {"enum": [member.value for member in kind]}
    return {"type": SIMPLE[kind]} if kind in SIMPLE else {}


def _reference_to(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    name = f"{kind.__module__}.{kind.__name__}"
    if name not in definitions:
        definitions[name] = {}  # classes may refer to themselves
        # By the module's names alone: a field may have the name of a module.
        types = get_type_hints(kind, vars(sys.modules[kind.__module__]), {})
        known = {field.name: _schema_of(types[field.name], definitions) for field in fields(kind)}
        needed = [
            field.name
            for field in fields(kind)
            if field.default is MISSING and field.default_factory is MISSING
        ]
        definitions[name] = {
            "type": "object",
            "required": needed,
            "properties": known,
            "additionalProperties": False,
        }
    return {"$ref": f"#/definitions/{name}"}
