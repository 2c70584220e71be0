"""A reply of an endpoint, whole or in pieces, as choices."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentfix.models.openai.wire import logprobs_of, sound, tool_calls_of
from agentfix.types import Completion, Delta, FinishReason, TokenLogprob, ToolCall

_FINISH: Mapping[str, FinishReason] = {"length": "length", "tool_calls": "tool_calls", "function_call": "tool_calls"}
CHARS_PER_TOKEN = 4
"""For servers that don't count."""


@dataclass(frozen=True, slots=True)
class Counted:
    """The tokens of one reply."""

    prompt: int
    cached: int
    completion: int
    estimated: bool


@dataclass(frozen=True, slots=True)
class Reply:
    """What one request yielded."""

    completions: tuple[Completion, ...]
    counted: Counted


def whole(data: Any, prompt_chars: int) -> Reply:
    """A reply that came in one piece.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: it is none.
    """
    completions: list[Completion] = []
    for choice in data["choices"]:
        message = choice["message"]
        calls = tool_calls_of(message.get("tool_calls") or ())
        completions.append(Completion(
            sound(_said(message)), _finish(choice["finish_reason"], calls), tool_calls=calls,
            logprobs=logprobs_of(choice), reasoning=sound(_reasoning(message))))
    if not completions:
        raise ValueError("a reply without choices")
    return Reply(tuple(completions), counted(data.get("usage"), completions, prompt_chars))


@dataclass
class _Growing:
    """One choice of a stream, as far as it has come."""

    text: str = ""
    reasoning: str = ""
    finish: str = ""
    calls: dict[int, dict[str, Any]] = field(default_factory=dict[int, dict[str, Any]])
    logprobs: list[TokenLogprob] = field(default_factory=list[TokenLogprob])


class Pieces:
    """Puts the chunks of a stream together and passes text on as it comes.

    Args:
        on_delta: told of every piece of text.
        offset: the number of the stream's first choice among all completions of the request.
    """

    def __init__(self, on_delta: Callable[[Delta], None], offset: int) -> None:
        self._on_delta = on_delta
        self._offset = offset
        self._choices: dict[int, _Growing] = {}
        self._usage: Any = None
        self.begun = False
        """Whether anything of the answer has come."""

    def add(self, chunk: Mapping[str, Any]) -> None:
        """Take a chunk.

        Raises:
            ValueError, TypeError, KeyError, AttributeError: it is none.
        """
        self._usage = chunk.get("usage") or self._usage
        for choice in chunk.get("choices") or ():
            index = int(choice.get("index") or 0)
            growing = self._choices.setdefault(index, _Growing())
            delta: Mapping[str, Any] = choice.get("delta") or {}
            self._say(index, growing, delta)
            calls: Sequence[Mapping[str, Any]] = delta.get("tool_calls") or ()
            for call in calls:
                self.begun = True
                _grow(growing.calls, call)
            growing.logprobs += logprobs_of(choice)
            growing.finish = choice.get("finish_reason") or growing.finish

    def _say(self, index: int, growing: _Growing, delta: Mapping[str, Any]) -> None:
        thought, text = _reasoning(delta), _said(delta)
        growing.reasoning += thought
        growing.text += text
        for piece, is_thought in ((thought, True), (text, False)):
            if piece:
                self.begun = True
                self._on_delta(Delta(piece, self._offset + index, reasoning=is_thought))

    def void(self) -> None:
        """Say that what was passed on counts no more."""
        for index, growing in self._choices.items():
            if growing.text or growing.reasoning:
                self._on_delta(Delta("", self._offset + index, restart=True))

    def take(self, reply: Reply) -> Reply:
        """Pass on a reply that came in one piece after all."""
        for index, completion in enumerate(reply.completions):
            if completion.reasoning:
                self._on_delta(Delta(completion.reasoning, self._offset + index, reasoning=True))
            if completion.text:
                self._on_delta(Delta(completion.text, self._offset + index))
        return reply

    @property
    def empty(self) -> bool:
        """Whether nothing came."""
        return not self._choices

    @property
    def cut(self) -> bool:
        """Whether the stream ended before its choices did."""
        return not all(growing.finish for growing in self._choices.values())

    def reply(self, prompt_chars: int) -> Reply:
        """What came, when the stream has ended.

        Raises:
            ValueError, TypeError: a tool call is malformed.
        """
        completions: list[Completion] = []
        for _, growing in sorted(self._choices.items()):
            calls = tool_calls_of([call for _, call in sorted(growing.calls.items())])
            completions.append(Completion(
                sound(growing.text), _finish(growing.finish, calls), tool_calls=calls,
                logprobs=tuple(growing.logprobs), reasoning=sound(growing.reasoning)))
        return Reply(tuple(completions), counted(self._usage, completions, prompt_chars))


def counted(usage: Any, completions: Sequence[Completion], prompt_chars: int) -> Counted:
    """What a reply's usage says; guessed from the lengths of texts where it says nothing."""
    written = sum(len(c.text) + len(c.reasoning) + 20 * len(c.tool_calls) for c in completions)
    if not usage or (not usage.get("completion_tokens") and written):
        return Counted(prompt_chars // CHARS_PER_TOKEN + 1, 0, written // CHARS_PER_TOKEN + len(completions), True)
    details: Mapping[str, Any] = usage.get("prompt_tokens_details") or {}
    # A server's numbers are data: below zero they would give a budget back what was spent.
    prompt, written = (max(0, int(usage.get(name) or 0)) for name in ("prompt_tokens", "completion_tokens"))
    return Counted(prompt, min(prompt, max(0, int(details.get("cached_tokens") or 0))), written, False)


def _grow(calls: dict[int, dict[str, Any]], piece: Mapping[str, Any]) -> None:
    call = calls.setdefault(int(piece.get("index") or 0), {"id": "", "function": {"name": "", "arguments": ""}})
    call["id"] = piece.get("id") or call["id"]
    function: Mapping[str, Any] = piece.get("function") or {}
    for name in ("name", "arguments"):
        call["function"][name] += function.get(name) or ""


def _said(message: Mapping[str, Any]) -> str:
    """Content as text, which some servers send in parts; in its place, why the model would not answer."""
    content: Any = message.get("content") or message.get("refusal") or ""
    if isinstance(content, str):
        return content
    return "".join(str(part.get("text") or "") for part in content)


def _reasoning(message: Mapping[str, Any]) -> str:
    """What DeepSeek, llama.cpp and vLLM call `reasoning_content`, and OpenRouter `reasoning`."""
    thought = message.get("reasoning_content") or message.get("reasoning") or ""
    return thought if isinstance(thought, str) else ""


def _finish(word: str | None, calls: Sequence[ToolCall]) -> FinishReason:
    """Some servers say `stop` where tools are called."""
    finish = _FINISH.get(word or "", "stop")
    return "tool_calls" if calls and finish == "stop" else finish
