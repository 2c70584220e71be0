"""An answer in the shape of the Responses API, whole or as events."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from agentfix.server.pieces import Answer, Choice, Piece, Pieces
from agentfix.types import ToolCall, Usage

Told = dict[str, Any]


@dataclass(frozen=True)
class ResponseShape:
    """The shape of one response.

    Args:
        id: what all ids in it end in.
        created: when, in seconds.
        echoed: what it says again of its request.
    """

    id: str
    created: int
    echoed: Mapping[str, Any]

    def whole(self, answer: Answer) -> Told:
        """The response in one piece."""
        choice = answer.choices[0]
        items = [*([_reasoning(self.id, choice.reasoning)] if choice.reasoning else ()),
                 *([_message(self.id, part)] if (part := _part_of(choice)) else ()),
                 *(_call(call) for call in choice.calls)]
        return self._finished(answer, items)

    async def events(self, pieces: Pieces) -> AsyncGenerator[Told]:
        """The response as it comes."""
        writer = _Writer(self.id)
        nothing: Told = {"output": [], "usage": None, "error": None, "incomplete_details": None}
        begun = {**self._head("in_progress"), **nothing}
        yield writer.numbered("response.created", response=begun)
        yield writer.numbered("response.in_progress", response=begun)
        async with aclosing(pieces):
            async for piece in pieces:
                for event in writer.wrote(piece) if isinstance(piece, Piece) else writer.ended(piece.choices[0]):
                    yield event
                if isinstance(piece, Answer):
                    whole = self._finished(piece, writer.items)
                    yield writer.numbered(f"response.{whole['status']}", response=whole)

    def _head(self, status: str) -> Told:
        return {"id": f"resp_{self.id}", "object": "response", "created_at": self.created, "status": status,
                **self.echoed}

    def _finished(self, answer: Answer, items: list[Told]) -> Told:
        cut = answer.choices[0].finish == "length"
        why = {"reason": "max_output_tokens"} if cut else None
        return {**self._head("incomplete" if cut else "completed"), "output": items, "usage": _usage(answer.usage),
                "error": None, "incomplete_details": why, "agentfix": answer.extension}


@dataclass
class _Writer:
    """Puts items together, and tells of each change.

    Args:
        id: what the ids of items end in.
    """

    id: str
    items: list[Told] = field(default_factory=list[Told])
    """Those that are whole."""
    _count: int = 0
    _open: str = ""
    """What is being written: `reasoning`, `message` or nothing."""
    _text: str = ""

    def numbered(self, kind: str, **told: Any) -> Told:
        """An event."""
        self._count += 1
        return {"type": kind, "sequence_number": self._count - 1, **told}

    def wrote(self, piece: Piece) -> Iterator[Told]:
        """Some text was written."""
        kind = "reasoning" if piece.reasoning else "message"
        if self._open != kind:
            yield from self._close()
            yield from self._begin(kind)
        self._text += piece.text
        if kind == "reasoning":
            yield self._at("response.reasoning_summary_text.delta", summary_index=0, delta=piece.text)
        else:
            yield self._at("response.output_text.delta", content_index=0, delta=piece.text, logprobs=[])

    def ended(self, choice: Choice) -> Iterator[Told]:
        """The answer is whole."""
        yield from self._close()
        if choice.refusal is not None:
            part = {"type": "refusal", "refusal": choice.refusal}
            yield from self._added(_message(self.id, {"type": "refusal", "refusal": ""}))
            yield self._at("response.content_part.added", content_index=0, part={"type": "refusal", "refusal": ""})
            yield self._at("response.refusal.delta", content_index=0, delta=choice.refusal)
            yield self._at("response.refusal.done", content_index=0, refusal=choice.refusal)
            yield self._at("response.content_part.done", content_index=0, part=part)
            yield self._done(_message(self.id, part))
        for call in choice.calls:
            item = _call(call)
            yield from self._added({**item, "arguments": "", "status": "in_progress"})
            told = {"item_id": item["id"], "output_index": len(self.items)}
            yield self.numbered("response.function_call_arguments.delta", **told, delta=item["arguments"])
            yield self.numbered("response.function_call_arguments.done", **told, name=item["name"],
                                arguments=item["arguments"])
            yield self._done(item)

    def _begin(self, kind: str) -> Iterator[Told]:
        self._open, self._text = kind, ""
        if kind == "reasoning":
            yield from self._added({**_reasoning(self.id, ""), "summary": []})
            part = {"type": "summary_text", "text": ""}
            yield self._at("response.reasoning_summary_part.added", summary_index=0, part=part)
        else:
            yield from self._added({**_message(self.id, _text("")), "content": [], "status": "in_progress"})
            yield self._at("response.content_part.added", content_index=0, part=_text(""))

    def _close(self) -> Iterator[Told]:
        kind, text = self._open, self._text
        if kind == "reasoning":
            part = {"type": "summary_text", "text": text}
            yield self._at("response.reasoning_summary_text.done", summary_index=0, text=text)
            yield self._at("response.reasoning_summary_part.done", summary_index=0, part=part)
            yield self._done(_reasoning(self.id, text))
        elif kind == "message":
            yield self._at("response.output_text.done", content_index=0, text=text, logprobs=[])
            yield self._at("response.content_part.done", content_index=0, part=_text(text))
            yield self._done(_message(self.id, _text(text)))
        self._open = ""

    def _added(self, item: Told) -> Iterator[Told]:
        yield self.numbered("response.output_item.added", output_index=len(self.items), item=item)

    def _done(self, item: Told) -> Told:
        event = self.numbered("response.output_item.done", output_index=len(self.items), item=item)
        self.items.append(item)
        return event

    def _at(self, kind: str, **told: Any) -> Told:
        item = f"rs_{self.id}" if self._open == "reasoning" else f"msg_{self.id}"
        return self.numbered(kind, item_id=item, output_index=len(self.items), **told)


def _part_of(choice: Choice) -> Told | None:
    if choice.refusal is not None:
        return {"type": "refusal", "refusal": choice.refusal}
    return None if choice.content is None else _text(choice.content)


def _text(text: str) -> Told:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _message(name: str, part: Told) -> Told:
    return {"id": f"msg_{name}", "type": "message", "role": "assistant", "status": "completed", "content": [part]}


def _reasoning(name: str, text: str) -> Told:
    return {"id": f"rs_{name}", "type": "reasoning", "summary": [{"type": "summary_text", "text": text}]}


def _call(call: ToolCall) -> Told:
    return {"id": f"fc_{call.id}", "type": "function_call", "call_id": call.id, "name": call.tool,
            "arguments": json.dumps(dict(call.arguments)), "status": "completed"}


def _usage(usage: Usage) -> Told:
    return {"input_tokens": usage.prompt_tokens, "output_tokens": usage.completion_tokens,
            "total_tokens": usage.prompt_tokens + usage.completion_tokens,
            "input_tokens_details": {"cached_tokens": usage.cached_prompt_tokens, "cache_write_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": 0}}
