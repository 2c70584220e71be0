"""The forms in which families of models write tool calls, as their chat templates show them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from agentfix.types import ToolCall, ToolSpec

Tools = Mapping[str, ToolSpec]
"""The tools on offer, by name."""


@dataclass(frozen=True, slots=True)
class CallForm:
    """How a family writes calls.

    Args:
        openings: any of them begins a call, or several.
        closing: ends it; it may be forgotten.
        body: what stands between: JSON objects, a name and a JSON object of arguments, or tags.
        around: what else stands around calls and is no text.
    """

    openings: tuple[str, ...]
    closing: str = ""
    body: Literal["objects", "name", "parameters", "pairs"] = "objects"
    around: tuple[str, ...] = ()

    @property
    def markers(self) -> tuple[str, ...]:
        """The texts that must be seen even where the vocabulary has control tokens for them."""
        return tuple(filter(None, (*self.openings, self.closing, *self.around)))


_FUNCTION = "<function="
HERMES = CallForm(("<tool_call>",), "</tool_call>")
BARE = CallForm(("<|python_tag|>",))
FORMS = {
    "hermes": HERMES,
    "qwen3-coder": CallForm(("<tool_call>", _FUNCTION), "</tool_call>", "parameters"),
    "seed-oss": CallForm(("<seed:tool_call>", _FUNCTION), "</seed:tool_call>", "parameters"),
    "glm": CallForm(("<tool_call>",), "</tool_call>", "pairs"),
    "mistral": CallForm(("[TOOL_CALLS]",), "", "name", ("[ARGS]", "[CALL_ID]")),
    "deepseek": CallForm(("<｜tool▁call▁begin｜>",), "<｜tool▁call▁end｜>", "name",
                         ("<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>", "<｜tool▁sep｜>")),
    "functionary": CallForm((_FUNCTION,), "</function>", "name", ("<|python_tag|>",)),
    "command-r": CallForm(("<|START_ACTION|>",), "<|END_ACTION|>"),
    "phi": CallForm(("<|tool_call|>",), "<|/tool_call|>"),
    "nemotron": CallForm(("<TOOLCALL>",), "</TOOLCALL>"),
    "apriel": CallForm(("<tool_calls>",), "</tool_calls>"),
    "llama3": BARE,
}
"""By a family that has it. Hermes' is Qwen's too, and known to most models; Llama's is a reply that is nothing but
objects."""


# --- what stands between the markers ----------------------------------------------------------------------------------

_JSON = json.JSONDecoder(strict=False)
"""Models put line ends into strings as they are."""
_KEYS = {"name", "arguments", "parameters", "type", "id"}
_SPACE = re.compile(r"\s*")
_GAP = re.compile(r"[\s;,]*")
_SURPLUS = re.compile(r"[\s;,}\]`]*")
"""What may stand before the closing: the end of a code fence, or a bracket too many."""
_NAME = re.compile(
    r"(?:function<｜tool▁sep｜>)?\s*(?P<name>[\w.-]+)\s*(?:\[CALL_ID\]\s*(?P<id>[\w-]+)\s*)?"
    r"(?:\[ARGS\]|<｜tool▁sep｜>|>)?\s*(?:```(?:json)?\s*)?(?=\{)")
_BEGINNINGS = {"objects": ("{", "["), "parameters": (_FUNCTION, "{", "["), "name": (), "pairs": ()}
"""One of them begins what stands between the markers; where there is none, anything may."""
_TAGS = {
    "parameters": (
        re.compile(r"<function=([^>\s]+)>\s*"),
        re.compile(r"<parameter=([^>\s]+)>\n?(.*?)\n?</parameter>\s*(?=<parameter=|</function>)", re.DOTALL),
        re.compile(r"</function>")),
    "pairs": (
        re.compile(r"([\w.-]+)\s*(?=<)"),
        re.compile(r"<arg_key>(.*?)</arg_key>\s*<arg_value>(.*?)</arg_value>\s*(?=<arg_key>|</tool_call>)", re.DOTALL),
        re.compile(r"(?=</tool_call>)")),
}
"""For each form made of tags: what begins a call, an argument, and what ends the call."""


def read_block(form: CallForm, text: str, opening: str, tools: Tools, *,
               ended: bool) -> tuple[list[ToolCall] | None, int] | None:
    """Read what follows an opening.

    Args:
        form: of the family.
        text: what was written so far, from the opening.
        opening: one of the form's.
        tools: what was offered.
        ended: whether nothing more will be written.

    Returns:
        The calls, and where the text goes on. No calls where the opening begins none: it is a text like any other.
        None while that can't be told, which may be so at the end too.
    """
    at = 0 if form.body == "parameters" and opening == _FUNCTION else _end(_SPACE, text, len(opening))
    begun = text[at:]
    beginnings = _BEGINNINGS[form.body]
    if beginnings and not any(begun.startswith(each) or each.startswith(begun) for each in beginnings):
        return None, len(opening)
    if begun.startswith(("{", "[")):
        read = read_objects(text, at)
    elif form.body == "name":
        read = _named(text, at)
    else:
        read = _tagged(text, at, form.body, tools) if form.body in _TAGS else None
    if read is None:
        return None
    calls, end = read
    rest = _end(_SURPLUS, text, end)
    if form.closing and text.startswith(form.closing, rest):
        return calls, rest + len(form.closing)
    if form.closing.startswith(text[rest:]):  # a part of the closing, or nothing
        return (calls, len(text)) if ended else None
    return calls, end


def read_objects(text: str, at: int, *, exactly: bool = False) -> tuple[list[ToolCall], int] | None:
    """Calls as JSON objects, one after another or in lists.

    Args:
        text: has them.
        at: where they begin.
        exactly: take nothing for a call that says more than a call does, or less.

    Returns:
        The calls and where they end; None where one is not whole, or is no call.
    """
    calls, end = list[ToolCall](), at
    while text[(start := _end(_GAP, text, end)):start + 1] in ("{", "["):
        doubled = text.startswith("{{", start)  # so the template of Qwen2.5-Coder shows them
        try:
            value, end = _JSON.raw_decode(text, start + doubled)
        except (ValueError, RecursionError):
            return None
        if doubled and text.startswith("}", closed := _end(_SPACE, text, end)):
            end = closed + 1
        for each in cast("list[Any]", value) if isinstance(value, list) else [value]:
            call = _call(each, exactly=exactly)
            if call is None:
                return None
            calls.append(call)
    return calls, end


def _call(value: Any, *, exactly: bool) -> ToolCall | None:
    """A JSON value as a call; None where it has no name, or arguments that are no object."""
    if not isinstance(value, dict):
        return None
    said = cast("dict[str, Any]", value)
    function = cast("dict[str, Any]", said["function"]) if isinstance(said.get("function"), dict) else said
    name = function.get("name") or function.get("tool_name")
    arguments = function.get("arguments", function.get("parameters"))
    if isinstance(arguments, str):
        try:
            arguments = _JSON.decode(arguments)
        except (ValueError, RecursionError):
            return None
    if exactly and (arguments is None or not set(function) <= _KEYS):
        return None
    if not isinstance(name, str) or not name or not isinstance(arguments, dict | None):
        return None
    made = said.get("id") or said.get("tool_call_id")
    return ToolCall(name, cast("dict[str, Any]", arguments or {}), made if isinstance(made, str) else "")


def _named(text: str, at: int) -> tuple[list[ToolCall], int] | None:
    """A name and a JSON object of arguments."""
    name = _NAME.match(text, at)
    if name is None:
        return None
    try:
        arguments, end = _JSON.raw_decode(text, name.end())
    except (ValueError, RecursionError):
        return None
    return [ToolCall(name["name"], arguments, name["id"] or "")], end


def _tagged(text: str, at: int, body: str, tools: Tools) -> tuple[list[ToolCall], int] | None:
    """A name and arguments in tags."""
    head, pair, tail = _TAGS[body]
    begun = head.match(text, at)
    if begun is None:
        return None
    name, at, arguments = begun[1], begun.end(), dict[str, Any]()
    while found := pair.match(text, at):
        arguments[found[1]] = _typed(tools.get(name), found[1], found[2])
        at = found.end()
    ended = tail.match(text, at)
    return ([ToolCall(name, arguments)], ended.end()) if ended else None


def _typed(tool: ToolSpec | None, name: str, written: str) -> Any:
    """An argument that is written without quotes: the tool's schema says whether it is a string."""
    properties: Any = tool.parameters.get("properties") if tool else None
    schema: Any = cast("Mapping[str, Any]", properties).get(name) if isinstance(properties, Mapping) else None
    types: Any = cast("Mapping[str, Any]", schema).get("type") if isinstance(schema, Mapping) else None
    if types == "string" or (isinstance(types, list) and "string" in types):
        return written
    try:
        return _JSON.decode(written)
    except (ValueError, RecursionError):
        return written


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    """Where a pattern that may match nothing ends."""
    found = pattern.match(text, at)
    return at if found is None else found.end()
