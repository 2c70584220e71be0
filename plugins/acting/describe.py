"""Tells a model in words what tools there are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from agentfix import ToolSpec

VALUES = 12
"""So many values of an enumeration are named."""


def described(tool: ToolSpec) -> str:
    """A tool on one line for each paragraph: name, arguments with types, what it does, what its arguments mean."""
    properties: Mapping[str, Any] = tool.parameters.get("properties", {})
    required = tool.parameters.get("required", ())
    definitions: Mapping[str, Any] = tool.parameters.get("$defs", {})
    arguments = ", ".join(f"{name}{'' if name in required else '?'}: {type_of(schema, definitions)}"
                          for name, schema in properties.items())
    meant = [f"{name}: {schema['description']}" for name, schema in properties.items()
             if isinstance(schema, dict) and schema.get("description")]
    lines = [f"{tool.name}({arguments}): {tool.description}", *meant]
    return "\n    ".join(line.replace("\n", "\n    ") for line in lines)


def type_of(schema: Any, definitions: Mapping[str, Any], depth: int = 4) -> str:
    """A JSON schema in a word or two; the schema itself where it takes more.

    Args:
        schema: what is to be told.
        definitions: what it may refer to.
        depth: how far to look into it.
    """
    if not isinstance(schema, dict) or depth == 0:
        return "any"
    known = cast("dict[str, Any]", schema)
    reference = str(known.get("$ref", "")).removeprefix("#/$defs/")
    if reference:
        return type_of(definitions.get(reference), definitions, depth - 1)

    def inner(part: Any) -> str:
        return type_of(part, definitions, depth - 1)

    if "enum" in known and len(known["enum"]) <= VALUES:
        return " | ".join(json.dumps(value, ensure_ascii=False) for value in known["enum"])
    if "anyOf" in known:
        return " | ".join(inner(each) for each in known["anyOf"])
    kind = known.get("type")
    if kind == "array":
        return f"list of {inner(known.get('items'))}"
    if kind == "object" and known.get("properties"):
        return f"{{{', '.join(f'{name}: {inner(each)}' for name, each in known['properties'].items())}}}"
    return kind if isinstance(kind, str) else "any" if not known else json.dumps(known, ensure_ascii=False)
