"""Has a model call a tool when the client insists: its reply is held to the shape of such a call."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from agentfix.errors import ModelReplyError
from agentfix.server.failures import wrong
from agentfix.types import Completion, Message, ModelRequest, ToolCall, ToolSpec

DEFINITIONS = "$defs"
_WISH = ("Call one of these tools. Reply with a JSON object alone: `name` is the tool's, `arguments` fit its "
         "parameters.\n{tools}")
_WISH_OF_ONE = ("Call this tool. Reply with a JSON object alone: the arguments of the call, which fit the parameters."
                "\n{tools}")


def forced(tools: Sequence[ToolSpec], choice: str | Mapping[str, Any] | None) -> tuple[ToolSpec, ...]:
    """The tools of which one must be called; none where the model may choose.

    Args:
        tools: the client's.
        choice: its `tool_choice`.

    Raises:
        Refusal: it asks for what there is not.
    """
    if choice in (None, "auto", "none"):
        return ()
    if choice == "required":
        if not tools:
            raise wrong("tool_choice", "A call is required, and there are no tools.")
        return tuple(tools)
    function: Any = choice.get("function", choice) if isinstance(choice, Mapping) else None
    name: Any = cast("Mapping[str, Any]", function).get("name") if isinstance(function, Mapping) else None
    found = tuple(tool for tool in tools if tool.name == name)
    if not found:
        raise wrong("tool_choice", "Say auto, none or required, or name one of the tools.")
    return found


def forcing(request: ModelRequest, tools: Sequence[ToolSpec]) -> ModelRequest:
    """A request whose reply is the call of one of the tools.

    Raises:
        Refusal: their schemas can't stand beside each other.
    """
    told = json.dumps([{"name": t.name, "description": t.description, "parameters": dict(t.parameters)} for t in tools])
    wish = Message("system", (_WISH_OF_ONE if len(tools) == 1 else _WISH).format(tools=told))
    head, rest = (request.messages[:1], request.messages[1:]) if request.messages[0].role == "system" else (
        (), request.messages)
    if head:  # some chat templates take one message of the system's only
        wish = replace(head[0], content=f"{head[0].content}\n\n{wish.content}")
    schema = tools[0].parameters if len(tools) == 1 else _any_of(tools)
    return replace(request, messages=(wish, *rest), tools=(), schema=schema)


def with_call(completion: Completion, tools: Sequence[ToolSpec]) -> Completion:
    """The call that a reply is.

    Raises:
        ModelReplyError: it is none.
    """
    try:
        said: Any = json.loads(completion.text)
        name, arguments = (tools[0].name, said) if len(tools) == 1 else (said["name"], said["arguments"])
        if not isinstance(arguments, dict):
            raise TypeError("no object")
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ModelReplyError("The model was to call a tool, and wrote no call.",
                              "Allow it more tokens, or ask again.") from error
    call = ToolCall(str(name), cast("dict[str, Any]", arguments), f"call_{secrets.token_hex(12)}")
    return replace(completion, text="", tool_calls=(call,), finish_reason="tool_calls")


def _any_of(tools: Sequence[ToolSpec]) -> dict[str, Any]:
    definitions: dict[str, Any] = {}
    shapes: list[dict[str, Any]] = []
    for tool in tools:
        parameters = dict(tool.parameters)
        for name, definition in dict(parameters.pop(DEFINITIONS, None) or {}).items():
            if definitions.setdefault(name, definition) != definition:
                raise wrong("tools", f"Two tools define {name!r} differently, so a call can't be required of them.")
        shapes.append({"type": "object", "additionalProperties": False, "required": ["name", "arguments"],
                       "properties": {"name": {"const": tool.name}, "arguments": parameters}})
    return {"anyOf": shapes, **({DEFINITIONS: definitions} if definitions else {})}
