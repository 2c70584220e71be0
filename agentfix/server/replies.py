"""What a model says to a client's own tools: handed on where it is what the client said it must be."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json

from agentfix.errors import ModelReplyError
from agentfix.schemas import Checked, checked
from agentfix.server.pieces import Choice
from agentfix.server.writing import whole
from agentfix.types import Completion, ToolCall, ToolSpec


@dataclass(frozen=True)
class Rules:
    """What replies must be.

    Args:
        tools: that may be called.
        strict: names of those whose arguments must fit their parameters.
        schema: that a text must fit; None where any will do.
    """

    tools: Sequence[ToolSpec] = ()
    strict: frozenset[str] = frozenset()
    schema: Mapping[str, Any] | None = None

    async def choice(self, completion: Completion) -> Choice:
        """A reply, as it is handed on.

        Raises:
            ModelReplyError: it calls a tool as that can't be called.
        """
        calls = tuple([await self._call(call) for call in completion.tool_calls])
        content = completion.text or (None if calls else "")
        refusal = None
        if self.schema is not None and not calls:
            seen = await checked(content or "", self.schema, formats=True)
            content, refusal = (content, None) if seen.fits else (None, unfit(seen))
        return Choice(content, completion.reasoning, refusal, calls, completion.finish_reason)

    async def _call(self, call: ToolCall) -> ToolCall:
        tool = next((tool for tool in self.tools if tool.name == call.tool), None)
        if tool is None:
            raise ModelReplyError(f"The model called {call.tool[:100]!a}, which is none of the tools.", "Ask again.")
        try:
            text = whole(json.dumps(dict(call.arguments), ensure_ascii=False, allow_nan=False))
            arguments = read_arguments(text)
        except (ValueError, TypeError, RecursionError):
            raise ModelReplyError(f"The model called {call.tool!r} with what is no JSON object.",
                                  "Ask again.") from None
        if call.tool in self.strict and not (seen := await checked(text, tool.parameters)).fits:
            raise ModelReplyError(f"The model called {call.tool!r} with what does not fit its parameters: {seen}.",
                                  "Ask again.")
        return ToolCall(call.tool, arguments, call.id)


def unfit(seen: Checked) -> str:
    """Why an answer that must fit a schema is not given."""
    what = "" if seen.path or seen.why else "it is no JSON: "
    return f"No answer fits the schema: {what}{seen}".rstrip(".") + "."


def read_arguments(text: str) -> dict[str, Any]:
    """A call's arguments.

    Raises:
        ValueError: they are no JSON object, or one nested too deeply for some readers.
    """
    arguments: Any = from_json(text or "{}", allow_inf_nan=False)
    if not isinstance(arguments, dict):
        raise ValueError("no object")
    return arguments  # pyright: ignore[reportUnknownVariableType]
