"""Answers that are not checked: the client has tools of its own, so the model is asked with them, and its calls are
handed on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agentfix.endpoints import Price
from agentfix.protocols import Model
from agentfix.server.account import Account
from agentfix.server.allowed import limited, prompt_tokens, usage_of, wanted, within
from agentfix.server.asked import Call, ChatMessage, ChatRequest, ClientTool
from agentfix.server.conversation import images_of, require_few, text_of
from agentfix.server.failures import SERVER, Refusal, wrong
from agentfix.server.forcing import forced, forcing, with_call
from agentfix.server.forms import is_strict, require_schema, schema_of
from agentfix.server.pieces import Answer, Piece, Pieces
from agentfix.server.replies import Rules, read_arguments
from agentfix.settings import Settings
from agentfix.types import Delta, Message, ModelRequest, Sampling, ToolCall, ToolSpec, Usage

MAX_TOKENS = 2048
"""Of an answer, unless the client says so."""
WHY = "The client has tools of its own: the model was asked directly, and nothing was checked."


@dataclass(frozen=True)
class Direct:
    """A request to a model.

    Args:
        request: what it is asked.
        rules: what its replies must be.
        price: what its tokens cost; None where nobody knows.
        forced: tools of which it must call one.
    """

    request: ModelRequest
    rules: Rules
    price: Price | None
    forced: tuple[ToolSpec, ...] = ()

    @property
    def streams(self) -> bool:
        """Whether what is written may be handed on before it is whole."""
        return not self.forced and self.rules.schema is None


async def read_request(asked: ChatRequest, settings: Settings, price: Price | None) -> Direct:
    """What the model is asked.

    Args:
        asked: by the client.
        settings: hold the server's limits.
        price: of the model.

    Raises:
        Refusal: it can't be asked so.
    """
    if asked.logprobs:
        raise wrong("logprobs", "Log-probabilities are not handed on. Leave logprobs out.", "unsupported_parameter")
    known = tuple([await _tool(tool) for tool in asked.tools or ()])
    must = forced(known, asked.tool_choice)
    tools = () if asked.tool_choice == "none" else known
    sampling = Sampling(
        1.0 if asked.temperature is None else asked.temperature, 1.0 if asked.top_p is None else asked.top_p,
        asked.seed or 0, asked.stops, asked.max_completion_tokens or asked.max_tokens or MAX_TOKENS)
    messages = tuple(_message(number, message) for number, message in enumerate(asked.messages))
    require_few(sum(len(message.images) for message in messages))
    schema = await schema_of(asked.response_format)
    request = ModelRequest(messages, sampling, asked.n or 1, tools, schema)
    strict = frozenset(tool.function.name for tool in asked.tools or () if tool.function.strict)
    rules = Rules(must or tools, strict, schema if is_strict(asked.response_format) and not must else None)
    request = forcing(request, must) if must else request
    return Direct(limited(request, settings, price), rules, price, must)


async def answer(model: Model, asked: Direct, ignored: list[str], account: Account) -> Pieces:
    """Ask the model, and hand on what it says.

    Args:
        model: is asked.
        asked: what.
        ignored: fields of the request that have no effect, to be told.
        account: pays.
    """
    prompt = prompt_tokens(asked.request)
    with account.holding(*wanted(asked.request, prompt, asked.price)) as hold:
        request = within(asked.request, prompt, asked.price, hold)
        queue: asyncio.Queue[Delta | None] = asyncio.Queue()
        asking = asyncio.create_task(model.generate(request, on_delta=queue.put_nowait))
        asking.add_done_callback(lambda _: queue.put_nowait(None))
        sent: set[int] = set()
        unpaid, left_early = 0, True
        try:
            while (delta := await queue.get()) is not None:
                if delta.restart and asked.streams:
                    raise Refusal(502, "The connection to the model broke in mid-answer. Ask again.", SERVER)
                unpaid += 1
                if delta.text and asked.streams:
                    sent |= set() if delta.reasoning else {delta.index}
                    yield Piece(delta.text, delta.reasoning, delta.index)
            left_early = False
            completions = await asking
            unpaid = 0
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            if unpaid or left_early:  # who leaves early pays for what was read and written: a piece is about a token
                await account.pay(usage_of(prompt, unpaid, asked.price), hold)
        usage = sum((completion.usage for completion in completions), Usage())
        await account.pay(usage, hold)
    if asked.forced:
        completions = [with_call(completion, asked.forced) for completion in completions]
    choices = tuple([await asked.rules.choice(completion) for completion in completions])
    for index, choice in enumerate(choices):
        if choice.content and index not in sent:  # a model that can't stream
            yield Piece(choice.content, index=index)
    yield Answer(choices, usage, {"direct": True, "reason": WHY, "ignored": ignored})


def _message(number: int, message: ChatMessage) -> Message:
    role = "system" if message.role == "developer" else message.role
    if role == "tool" and not message.tool_call_id:
        raise wrong(f"messages.{number}.tool_call_id", "A tool's message says which call it answers.")
    calls = tuple(_call(number, call) for call in message.tool_calls or ())
    return Message(role, text_of(message), calls, message.tool_call_id or "", images_of(message))


def _call(number: int, call: Call) -> ToolCall:
    try:
        arguments = read_arguments(call.function.arguments)
    except ValueError:
        raise wrong(f"messages.{number}.tool_calls", "The arguments of a call are a JSON object, as text.") from None
    return ToolCall(call.function.name, arguments, call.id)


async def _tool(tool: ClientTool) -> ToolSpec:
    function = tool.function
    parameters = function.parameters or {"type": "object"}
    if function.strict:
        await require_schema("tools", parameters)
    return ToolSpec(function.name, function.description or "", parameters)


def calls_as_sent(calls: Sequence[ToolCall]) -> list[dict[str, Any]]:
    """Calls as chat completions have them."""
    return [{"id": call.id, "type": "function",
             "function": {"name": call.tool, "arguments": json.dumps(dict(call.arguments))}} for call in calls]
