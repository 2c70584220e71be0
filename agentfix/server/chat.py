"""An answer in the shape of chat completions, whole or in chunks."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from agentfix.server.direct import calls_as_sent
from agentfix.server.pieces import Answer, Choice, Piece, Pieces
from agentfix.types import Usage


@dataclass(frozen=True)
class ChatShape:
    """The shape of one answer.

    Args:
        id: of the answer.
        created: when, in seconds.
        model: as the client named it.
        include_usage: whether a stream tells it.
    """

    id: str
    created: int
    model: str
    include_usage: bool = False

    def whole(self, answer: Answer) -> dict[str, Any]:
        """The answer in one piece."""
        choices = [{"index": index, "message": _message(choice), "logprobs": None, "finish_reason": choice.finish}
                   for index, choice in enumerate(answer.choices)]
        return {**self._head("chat.completion"), "choices": choices, "usage": usage_as_sent(answer.usage),
                "agentfix": answer.extension}

    async def chunks(self, pieces: Pieces) -> AsyncGenerator[dict[str, Any]]:
        """The answer as it comes; the last chunk but for usage says how it ended."""
        begun: set[int] = set()
        async with aclosing(pieces):
            async for piece in pieces:
                for chunk in self._chunks(piece, begun):
                    yield chunk

    def _chunks(self, piece: Piece | Answer, begun: set[int]) -> Iterator[dict[str, Any]]:
        if isinstance(piece, Piece):
            role = {} if piece.index in begun else {"role": "assistant"}
            begun.add(piece.index)
            yield self._chunk(piece.index, {**role, "reasoning_content" if piece.reasoning else "content": piece.text})
            return
        for index, choice in enumerate(piece.choices):
            if delta := _last_delta(choice, first=index not in begun):
                yield self._chunk(index, delta)
            yield {**self._chunk(index, {}, choice.finish), "agentfix": piece.extension}
        if self.include_usage:
            yield {**self._head("chat.completion.chunk"), "choices": [], "usage": usage_as_sent(piece.usage)}

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model}

    def _chunk(self, index: int, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        usage = {"usage": None} if self.include_usage else {}
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
        return {**self._head("chat.completion.chunk"), "choices": [choice], **usage}


def usage_as_sent(usage: Usage) -> dict[str, Any]:
    """Usage as OpenAI tells it."""
    return {"prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens,
            "total_tokens": usage.prompt_tokens + usage.completion_tokens,
            "prompt_tokens_details": {"cached_tokens": usage.cached_prompt_tokens}}


def _message(choice: Choice) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": choice.content, "refusal": choice.refusal}
    if choice.reasoning:
        message["reasoning_content"] = choice.reasoning
    if choice.calls:
        message["tool_calls"] = calls_as_sent(choice.calls)
    return message


def _last_delta(choice: Choice, *, first: bool) -> dict[str, Any]:
    delta: dict[str, Any] = {"role": "assistant"} if first else {}
    if choice.refusal is not None:
        delta["refusal"] = choice.refusal
    if choice.calls:
        delta["tool_calls"] = [{"index": index, **call} for index, call in enumerate(calls_as_sent(choice.calls))]
    return delta
