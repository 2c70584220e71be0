"""Many clients at once, of which some leave: in mid-request, in mid-answer, or right before its end."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.bench.hostile.cheap import LIBRARY
from tests.bench.hostile.wire import ANSWER_S, posted, status_of

QUESTION = "A crate holds 15 jars. How many jars are in 4 crates?"
LEAVING = 0.2
ENDINGS = (b'"finish_reason": "stop"', b'"finish_reason":"stop"', b"response.output_text.done", b'"status":"completed"')
TOOL = {"type": "function", "function": {"name": "clock"}}
SMALL = {"agentfix": {"kind": "text", "max_tokens": 60}}


@dataclass(frozen=True)
class Wish:
    """A sort of request.

    Args:
        model: that is asked.
        more: fields beside the model and the question.
        question: what is asked.
        answer: what must stand in the answer.
    """

    model: str
    more: dict[str, Any]
    question: str = QUESTION
    answer: bytes = b"60"


def wishes(small_model: str | None, *, docker: bool) -> list[Wish]:
    """The sorts there are here, the commonest several times."""
    found = [*[Wish("none/cheap:", {})] * 18, *[Wish("critic/cheap:", {})] * 10,
             *[Wish("cheap:", {"tools": [TOOL]}, answer=b"solution")] * 8]
    if docker:
        found += [Wish("none/cheap:", {}, f"{QUESTION} {LIBRARY}")] * 2
    if small_model is not None:
        found += [Wish(f"none/{small_model}", SMALL, "Say hello.", b""),
                  Wish(small_model, {"tools": [TOOL], "tool_choice": "none", "max_tokens": 20}, "Say hello.", b"")]
    return found


async def wave(port: int, clients: int, sorts: Sequence[Wish], chance: random.Random) -> Counter[str]:
    """Have many clients ask at once. Returns how it ended for how many."""
    ended = await asyncio.gather(*(_client(port, chance.choice(sorts), random.Random(chance.random()))
                                   for _ in range(clients)))
    return Counter(ended)


async def _client(port: int, wish: Wish, chance: random.Random) -> str:
    stream, responses = chance.random() < 0.5, "tools" not in wish.more and chance.random() < 0.3
    said: dict[str, Any] = {"input": wish.question} if responses else {
        "messages": [{"role": "user", "content": wish.question}]}
    request = posted("/v1/responses" if responses else "/v1/chat/completions",
                     {"model": wish.model, **said, **wish.more, "stream": stream})
    leaves = chance.choice(("in the head", "in the body", "soon", "in the answer", "at its end")) if (
        chance.random() < LEAVING) else ""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        with contextlib.suppress(ConnectionError):
            head = request.index(b"\r\n\r\n")
            if leaves in ("in the head", "in the body"):
                writer.write(request[:chance.randrange(1, head) if leaves == "in the head" else head + 10])
                await writer.drain()
                await asyncio.sleep(chance.random() / 5)
                return f"left {leaves}"
            writer.write(request)
            if leaves == "soon":
                await asyncio.sleep(chance.random() / 2)
                return "left soon"
            return await _heard(reader, wish, leaves, chance)
    except TimeoutError:
        return f"wrong: no answer from {wish.model} within {ANSWER_S:g} s"
    finally:
        if leaves and chance.random() < 0.5:
            writer.transport.abort()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
    return "cut off"


async def _heard(reader: asyncio.StreamReader, wish: Wish, leaves: str, chance: random.Random) -> str:
    answer, enough = b"", chance.randrange(1, 4000)
    async with asyncio.timeout(ANSWER_S):
        while piece := await reader.read(4096):
            answer += piece
            if leaves == "in the answer" and len(answer) > enough:
                return "left in the answer"
            if leaves == "at its end" and any(ending in answer for ending in ENDINGS):
                return "left at its end"
    status = status_of(answer)
    if status == 200 and wish.answer in answer and b'"error": {' not in answer:
        return "answered"
    return f"answered {status}" if status != 200 else f"wrong: {answer[-300:]!r}"
