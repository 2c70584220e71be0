"""What comes of each thing that can be asked when it goes through our `openai` backend, in a few words."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import jsonschema

from agentfix.types import Image, Message, ModelRequest, Sampling, ToolCall, ToolSpec
from tests.servers.probes import CALCULATOR, FRUITS, SCHEMA, TOO_LONG, png

BRIEF = Sampling(max_tokens=4)
TOOL = ToolSpec(**CALCULATOR)


def asked(text: str = FRUITS, sampling: Sampling = BRIEF, **fields: Any) -> ModelRequest:
    """A request of one message."""
    return ModelRequest((Message("user", text),), sampling, **fields)


async def _chat(model: Any) -> str:
    completion, = await model.generate(asked())
    assert completion.text.strip()
    assert (completion.finish_reason, completion.usage.estimated, completion.usage.model_calls) == ("length", False, 1)
    assert completion.usage.prompt_tokens > completion.usage.completion_tokens == 4
    return "answered"


async def _stream(model: Any) -> str:
    heard: list[str] = []
    completion, = await model.generate(asked(), on_delta=lambda delta: heard.append(delta.text))
    assert len(heard) > 1
    assert "".join(heard) == completion.text
    return "answered"


async def _stream_usage(model: Any) -> str:
    completion, = await model.generate(asked(), on_delta=lambda _: None)
    assert completion.usage.prompt_tokens and completion.usage.completion_tokens
    return "estimated" if completion.usage.estimated else "counted"


async def _n(model: Any) -> str:
    warm = Sampling(temperature=1.0, seed=7, max_tokens=8)
    completions = await model.generate(asked(sampling=warm, n=3))
    assert len({completion.text for completion in completions}) > 1
    return f"{len(completions)} answers by {_calls(completions)}"


async def _schema(model: Any) -> str:
    completions = await model.generate(asked("Write a poem. No JSON.", Sampling(max_tokens=80), schema=SCHEMA))
    jsonschema.validate(json.loads(completions[0].text), SCHEMA)
    return f"kept, by {_calls(completions)}"


def _calls(completions: Any) -> str:
    calls = sum(completion.usage.model_calls for completion in completions)
    return f"{calls} call{'s' * (calls != 1)}"


async def _tools(model: Any) -> str:
    """A conversation in which a tool was called goes on, with the tool still on offer."""
    call = ToolCall("calculator", {"expression": "12*34"}, "call_1")
    messages = (Message("user", "What is 12*34?"), Message("assistant", "", tool_calls=(call,)),
                Message("tool", "408", tool_call_id="call_1"))
    completion, = await model.generate(ModelRequest(messages, Sampling(max_tokens=12), tools=(TOOL,)))
    assert completion.text.strip() or completion.tool_calls
    return "answered"


async def _logprobs(model: Any) -> str:
    completion, = await model.generate(asked(top_logprobs=5))
    assert "".join(token.token for token in completion.logprobs) == completion.text
    assert [len(token.top) for token in completion.logprobs] == [5] * 4
    yes_or_no = Message("user", "Is Paris in France? Answer with one word, Yes or No.")
    chances = await model.score((yes_or_no,), ("Yes", "No"))
    assert sum(chances) > 0.999 and min(chances) > 0
    return "answered"


async def _images(model: Any) -> str:
    await model.generate(ModelRequest((Message("user", "What is it?", images=(Image(png()),)),), BRIEF))
    return "answered"


async def _overflow(model: Any) -> str:
    await model.generate(asked(TOO_LONG))
    return "answered"


async def _overflow_streamed(model: Any) -> str:
    await model.generate(asked(TOO_LONG), on_delta=lambda _: None)
    return "answered"


OUTCOMES: dict[str, Callable[[Any], Awaitable[str]]] = {
    "chat": _chat,
    "stream": _stream,
    "usage of a stream": _stream_usage,
    "n": _n,
    "json schema": _schema,
    "tools": _tools,
    "log-probabilities": _logprobs,
    "images": _images,
    "an unknown model": _chat,
    "too long a prompt": _overflow,
    "too long a prompt, streamed": _overflow_streamed,
}
