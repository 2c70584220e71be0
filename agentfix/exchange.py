"""The form of a call and its reply, as journals and recordings hold them: checked where they are read back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NotRequired

from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict

from agentfix.errors import JournalError
from agentfix.types import Completion, Observation, Usage


class _Message(TypedDict):
    role: str
    content: str


class _Sampling(TypedDict):
    max_tokens: int


class _Model(TypedDict):
    model: str
    messages: list[_Message]
    sampling: _Sampling


class _Tool(TypedDict):
    tool: str
    arguments: dict[str, Any]


class _ModelReply(TypedDict):
    completions: list[Completion]
    seconds: float


class _Asked(TypedDict):
    digest: str
    usage: Usage


class _ToolReply(TypedDict):
    observation: Observation
    seconds: float
    asked: NotRequired[dict[str, _Asked]]


_REQUESTS = {"model": TypeAdapter(_Model), "tool": TypeAdapter(_Tool)}
_REPLIES = {"model": TypeAdapter(_ModelReply), "tool": TypeAdapter(_ToolReply)}


def check_call(request: Any, reply: Any) -> None:
    """Make sure that what was read is a call.

    Args:
        request: what was asked.
        reply: what came back; None for a call that has not ended.

    Raises:
        ValueError: something is missing or of another type.
    """
    sort = "tool" if isinstance(request, Mapping) and "tool" in request else "model"
    try:
        _REQUESTS[sort].validate_python(request)
        if reply is not None:
            _REPLIES[sort].validate_python(reply)
    except ValidationError as error:  # says the values too, which may be long
        first = error.errors(include_url=False, include_input=False)[0]
        raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def check_journalled(run: str, request: Any, reply: Any) -> None:
    """The same for what a journal holds of a run.

    Raises:
        JournalError: it is no call.
    """
    try:
        check_call(request, reply)
    except ValueError as error:
        raise JournalError(f"What the journal holds of run {run!r} is damaged: {error}.", "Begin it anew.") from error
