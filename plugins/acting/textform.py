"""The text protocol: a step as a JSON object, held to a schema in which the arguments of every tool are spelt out."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, cast

from agentfix import Completion, Draft, ToolCall, ToolSpec

MOST_CALLS = 5
"""In one step."""
MOST_PLANNED = 6
LINE_CHARS = 160
THOUGHT_CHARS = 300
_NO_ANSWERS = frozenset({"", "none", "null", "n/a"})
_MISSHAPEN = ('Your reply is not of the form that was asked for ({why}). Reply with one JSON object: '
              '{{"thought": "...", "calls": [...]}} or {{"thought": "...", "answer": "..."}}.')


def step_schema(tools: Sequence[ToolSpec], *, first: bool, stuck: Collection[str] = ()) -> dict[str, Any]:
    """The JSON schema of a step: it calls one tool, once or several times, or answers.

    Small models make up what they have not seen. So what one call finds out is never an argument of another call in the
    same step, and the first step, which plans, only looks.

    Args:
        tools: what may be called.
        first: it is the first one.
        stuck: names of tools that are left out this time, if there are others.
    """
    looking = [tool for tool in tools if not tool.side_effects]
    offered = looking if first and looking else tools
    offered = [tool for tool in offered if tool.name not in stuck] or offered
    head: dict[str, Any] = {"thought": {"type": "string", "maxLength": THOUGHT_CHARS}}
    if first and tools:
        line = {"type": "string", "minLength": 1, "maxLength": LINE_CHARS}
        planned = _object({"do": line, "tool": {"enum": [tool.name for tool in tools]}})
        head = {"plan": {"type": "array", "items": planned, "minItems": 1, "maxItems": MOST_PLANNED}}
    definitions: dict[str, Any] = {}
    calls = [{"type": "array", "items": call_schema(tool, definitions), "minItems": 1, "maxItems": MOST_CALLS}
             for tool in offered]
    answering = _object({**head, "answer": {"type": "string", "minLength": 1}})
    whole = {"anyOf": [_object({**head, "calls": {"anyOf": calls}}), answering]} if calls else answering
    return {**whole, **({"$defs": definitions} if definitions else {})}


def acts_schema(tools: Sequence[ToolSpec], most: int) -> dict[str, Any]:
    """The JSON schema of any calls of some tools, `{"calls": [...]}`."""
    definitions: dict[str, Any] = {}
    calls = {"type": "array", "items": {"anyOf": [call_schema(tool, definitions) for tool in tools]}, "maxItems": most}
    return {**_object({"calls": calls}), **({"$defs": definitions} if definitions else {})}


def calls_in(text: str) -> list[ToolCall] | None:
    """The calls of a reply that was held to `acts_schema`; None when it can't be read."""
    try:
        found = _object_in(text)
    except ValueError:
        return None
    return [call for each in _list(found.get("calls")) if (call := _call(each))]


def call_schema(tool: ToolSpec, definitions: dict[str, Any]) -> dict[str, Any]:
    """The JSON schema of a call of one tool.

    Args:
        tool: which.
        definitions: where what its arguments refer to is put, for the whole schema's `$defs`.
    """
    local = tool.parameters.get("$defs", {})
    arguments = {"type": "object", **{key: value for key, value in tool.parameters.items() if key != "$defs"}}
    definitions |= {f"{tool.name}.{name}": _moved(schema, tool.name) for name, schema in local.items()}
    return _object({"tool": {"const": tool.name}, "arguments": _moved(arguments, tool.name)})


def read_step(completion: Completion) -> Draft:
    """What a completion wants done, or its answer."""
    try:
        step = _object_in(completion.text)
    except ValueError as error:
        why = "it was cut off; be shorter" if completion.finish_reason == "length" else str(error)
        return Draft(problem=_MISSHAPEN.format(why=why))
    plan = tuple(line for each in _list(step.get("plan")) if (line := _planned(each)))
    calls = once(call for each in _list(step.get("calls")) if (call := _call(each)))
    answer = step.get("answer")
    if calls:
        return Draft(calls=calls, plan=plan)
    if isinstance(answer, str) and answer.strip().casefold() not in _NO_ANSWERS:
        return Draft(answer.strip(), plan=plan)
    return Draft(problem=_MISSHAPEN.format(why="it holds neither calls nor an answer"), plan=plan)


def once(calls: Iterable[ToolCall]) -> tuple[ToolCall, ...]:
    """The calls of a step without those that stand there already: small models write the same call again and again."""
    found = list[ToolCall]()
    for call in calls:
        if all((call.tool, call.arguments) != (each.tool, each.arguments) for each in found):
            found.append(call)
    return tuple(found)


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": dict(properties), "required": list(properties),
            "additionalProperties": False}


def _moved(schema: Any, prefix: str) -> Any:
    """A schema whose references point to where its definitions were put."""
    if isinstance(schema, list):
        return [_moved(item, prefix) for item in cast("list[Any]", schema)]
    if not isinstance(schema, dict):
        return schema
    moved = {key: _moved(value, prefix) for key, value in cast("dict[str, Any]", schema).items()}
    reference = moved.get("$ref")
    if isinstance(reference, str) and reference.startswith("#/$defs/"):
        moved["$ref"] = f"#/$defs/{prefix}.{reference.removeprefix('#/$defs/')}"
    return moved


def _object_in(text: str) -> dict[str, Any]:
    """The JSON object of a reply; a model that is held to no schema may write around it.

    Raises:
        ValueError: there is none; says why.
    """
    begin = text.find("{")
    if begin < 0:
        raise ValueError("it holds no JSON object")
    try:
        found: Any = json.JSONDecoder().raw_decode(text, begin)[0]
    except RecursionError:
        raise ValueError("it is too deep") from None
    return found


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _planned(value: Any) -> str:
    """A line of a plan: what is to be done, and with which tool."""
    if isinstance(value, dict):
        line = cast("dict[str, Any]", value)
        return " with ".join(str(line[name]) for name in ("do", "tool") if line.get(name))
    return value if isinstance(value, str) else ""


def _call(value: Any) -> ToolCall | None:
    if not isinstance(value, dict):
        return None
    call = cast("dict[str, Any]", value)
    name, arguments = call.get("tool"), call.get("arguments", {})
    if not isinstance(name, str) or not isinstance(arguments, dict):
        return None
    return ToolCall(name, cast("dict[str, Any]", arguments))
