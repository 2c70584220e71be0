"""Answers that are not checked: the client has tools of its own, so the model is asked with them, and its calls are
handed on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentfix.protocols import Model
from agentfix.server.asked import Call, ChatMessage, ChatRequest, ClientTool
from agentfix.server.conversation import images_of, text_of
from agentfix.server.failures import SERVER, Refusal, wrong
from agentfix.server.forcing import forced, forcing, with_call
from agentfix.server.forms import schema_of
from agentfix.server.keys import Account
from agentfix.server.pieces import Answer, Choice, Piece, Pieces
from agentfix.types import Completion, Delta, Message, ModelRequest, Sampling, ToolCall, ToolSpec, Usage

MAX_TOKENS = 2048
"""Of an answer, unless the client says so."""
WHY = "The client has tools of its own: the model was asked directly, and nothing was checked."


@dataclass(frozen=True)
class Direct:
    """A request to a model.

    Args:
        request: what it is asked.
        forced: tools of which it must call one.
    """

    request: ModelRequest
    forced: tuple[ToolSpec, ...] = ()


async def read_request(asked: ChatRequest, account: Account) -> Direct:
    """What the model is asked.

    Args:
        asked: by the client.
        account: pays: no more is written than it has left.

    Raises:
        Refusal: it can't be asked so.
    """
    if asked.logprobs:
        raise wrong("logprobs", "Log-probabilities are not handed on. Leave logprobs out.", "unsupported_parameter")
    known = tuple(map(_tool, asked.tools or ()))
    must = forced(known, asked.tool_choice)
    tools = () if asked.tool_choice == "none" else known
    wanted, left = asked.max_completion_tokens or asked.max_tokens or MAX_TOKENS, account.left()[0]
    sampling = Sampling(
        1.0 if asked.temperature is None else asked.temperature, 1.0 if asked.top_p is None else asked.top_p,
        asked.seed or 0, asked.stops, wanted if left is None else max(1, min(wanted, left)))
    messages = tuple(_message(number, message) for number, message in enumerate(asked.messages))
    request = ModelRequest(messages, sampling, asked.n or 1, tools, await schema_of(asked.response_format))
    return Direct(forcing(request, must) if must else request, must)


async def answer(model: Model, asked: Direct, ignored: list[str], account: Account) -> Pieces:
    """Ask the model, and hand on what it says.

    Args:
        model: is asked.
        asked: what.
        ignored: fields of the request that have no effect, to be told.
        account: pays.
    """
    queue: asyncio.Queue[Delta | None] = asyncio.Queue()
    on_delta = None if asked.forced else queue.put_nowait
    asking = asyncio.create_task(model.generate(asked.request, on_delta=on_delta))
    asking.add_done_callback(lambda _: queue.put_nowait(None))
    sent: set[int] = set()
    unpaid = 0
    try:
        while (delta := await queue.get()) is not None:
            if delta.restart:
                raise Refusal(502, "The connection to the model broke in mid-answer. Ask again.", SERVER)
            unpaid += 1
            if delta.text:
                sent |= set() if delta.reasoning else {delta.index}
                yield Piece(delta.text, delta.reasoning, delta.index)
        completions = await asking
        unpaid = 0
    finally:
        if unpaid:  # who leaves early pays for what was written: a piece is about a token
            account.spend(Usage(completion_tokens=unpaid))
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    usage = sum((completion.usage for completion in completions), Usage())
    account.spend(usage)
    if asked.forced:
        completions = [with_call(completion, asked.forced) for completion in completions]
    for index, completion in enumerate(completions):
        if completion.text and index not in sent:  # a model that can't stream
            yield Piece(completion.text, index=index)
    yield Answer(tuple(map(_choice, completions)), usage, {"direct": True, "reason": WHY, "ignored": ignored})


def _choice(completion: Completion) -> Choice:
    content = completion.text or (None if completion.tool_calls else "")
    return Choice(content, completion.reasoning, calls=completion.tool_calls, finish=completion.finish_reason)


def _message(number: int, message: ChatMessage) -> Message:
    role = "system" if message.role == "developer" else message.role
    if role == "tool" and not message.tool_call_id:
        raise wrong(f"messages.{number}.tool_call_id", "A tool's message says which call it answers.")
    calls = tuple(_call(number, call) for call in message.tool_calls or ())
    return Message(role, text_of(message), calls, message.tool_call_id or "", images_of(message))


def _call(number: int, call: Call) -> ToolCall:
    try:
        arguments: Any = json.loads(call.function.arguments or "{}")
    except (ValueError, RecursionError):
        arguments = None
    if not isinstance(arguments, Mapping):
        raise wrong(f"messages.{number}.tool_calls", "The arguments of a call are a JSON object, as text.")
    return ToolCall(call.function.name, arguments, call.id)  # pyright: ignore[reportUnknownArgumentType]


def _tool(tool: ClientTool) -> ToolSpec:
    function = tool.function
    return ToolSpec(function.name, function.description or "", function.parameters or {"type": "object"})


def calls_as_sent(calls: Sequence[ToolCall]) -> list[dict[str, Any]]:
    """Calls as chat completions have them."""
    return [{"id": call.id, "type": "function",
             "function": {"name": call.tool, "arguments": json.dumps(dict(call.arguments))}} for call in calls]
