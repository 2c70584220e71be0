"""Between our data and the JSON of chat completions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from agentfix.models.openai.failures import MalformedCall
from agentfix.models.openai.habits import SCHEMA_FORMS, Habits
from agentfix.types import Message, ModelRequest, Sampling, TokenLogprob, ToolCall, ToolSpec

BEYOND_OPENAI = ("top_k", "min_p", "repeat_penalty")
"""Parameters that llama.cpp, vLLM and others take, and OpenAI does not."""
_OPTIONAL = (*BEYOND_OPENAI, "frequency_penalty", "presence_penalty")
_UNSET = Sampling()


def body_of(model: str, request: ModelRequest, habits: Habits, *, n: int, stream: bool) -> dict[str, Any]:
    """A request as the endpoint is known to take it.

    Args:
        model: as the endpoint names it.
        request: what is asked.
        habits: what it would not have before.
        n: how many choices to ask for at once.
        stream: whether the reply comes in pieces.
    """
    sampling = request.sampling
    form = SCHEMA_FORMS[habits.schema_form] if request.schema is not None else ""
    messages = [_message(message) for message in request.messages]
    if form == "prompt":
        messages = _with_wish(messages, "Reply with one JSON value and nothing else, no Markdown. It must satisfy this "
                              f"JSON schema:\n{json.dumps(request.schema)}")
    if request.regex is not None:
        messages = _with_wish(messages, "Reply with text that matches this regular expression (Python's syntax) from "
                              f"its start to its end, and with nothing else, no Markdown:\n{request.regex}")
    body: dict[str, Any] = {
        "model": model, "messages": messages, habits.length_name: sampling.max_tokens,
        "temperature": sampling.temperature, "top_p": sampling.top_p, "seed": sampling.seed % 2**31,
    }
    body |= {name: getattr(sampling, name) for name in _OPTIONAL if getattr(sampling, name) != getattr(_UNSET, name)}
    if sampling.logit_bias:
        body["logit_bias"] = {str(token): bias for token, bias in sampling.logit_bias}
    if sampling.stop:
        body["stop"] = list(sampling.stop)
    if n > 1:
        body["n"] = n
    if request.tools:
        body["tools"] = [_tool(spec) for spec in request.tools]
    if request.top_logprobs:
        body |= {"logprobs": True, "top_logprobs": min(20, request.top_logprobs)}
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    if form == "json_schema":
        body["response_format"] = {
            "type": form, "json_schema": {"name": "reply", "schema": dict(request.schema or {}), "strict": False}}
    elif form == "json_object":
        body["response_format"] = {"type": form, "schema": dict(request.schema or {})}
    return {name: value for name, value in body.items() if name not in habits.dropped}


def _message(message: Message) -> dict[str, Any]:
    said: dict[str, Any] = {"role": message.role, "content": sound(message.content)}
    if message.images:  # a plain string otherwise: some servers take no list of parts
        pictures = [{"type": "image_url", "image_url": {"url": image.url}} for image in message.images]
        said["content"] = [{"type": "text", "text": said["content"]}, *pictures]
    if message.tool_calls:
        said["tool_calls"] = [
            {"id": call.id, "type": "function",
             "function": {"name": call.tool, "arguments": json.dumps(dict(call.arguments))}}
            for call in message.tool_calls]
    if message.tool_call_id:
        said["tool_call_id"] = message.tool_call_id
    return said


def _tool(spec: ToolSpec) -> dict[str, Any]:
    return {"type": "function", "function": {
        "name": spec.name, "description": spec.description, "parameters": dict(spec.parameters)}}


def _with_wish(messages: Sequence[dict[str, Any]], wish: str) -> list[dict[str, Any]]:
    """Ask in words for what the endpoint can't enforce."""
    return [*messages[:-1], _with_text(messages[-1], wish)]


def _with_text(message: dict[str, Any], text: str) -> dict[str, Any]:
    content: Any = message["content"]
    if isinstance(content, str):
        return {**message, "content": f"{content}\n\n{text}"}
    return {**message, "content": [*content, {"type": "text", "text": text}]}


def sound(text: str) -> str:
    """Text that can be written as UTF-8: a model may break off within a character, and JSON lets half a one pass."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def tool_calls_of(calls: Sequence[Mapping[str, Any]]) -> tuple[ToolCall, ...]:
    """The tool calls of a reply.

    Raises:
        MalformedCall: one has no name, or arguments that are no JSON object.
    """
    read: list[ToolCall] = []
    for call in calls:
        function: Mapping[str, Any] = call.get("function") or {}
        try:
            arguments: Any = json.loads(function.get("arguments") or "{}")
        except (ValueError, RecursionError):
            arguments = None
        if not isinstance(arguments, dict) or not function.get("name"):
            raise MalformedCall(f"a tool call without a name or an object of arguments: {str(call)[:200]}")
        read.append(ToolCall(str(function["name"]), arguments, str(call.get("id") or "")))  # pyright: ignore[reportUnknownArgumentType]
    return tuple(read)


def logprobs_of(choice: Mapping[str, Any]) -> tuple[TokenLogprob, ...]:
    """The log-probabilities of a reply, where it has any."""
    found: Mapping[str, Any] = choice.get("logprobs") or {}
    content: Sequence[Mapping[str, Any]] = found.get("content") or ()
    return tuple(TokenLogprob(str(entry["token"]), float(entry["logprob"]), _alternatives(entry)) for entry in content)


def _alternatives(entry: Mapping[str, Any]) -> tuple[tuple[str, float], ...]:
    others: Sequence[Mapping[str, Any]] = entry.get("top_logprobs") or ()
    return tuple((str(other["token"]), float(other["logprob"])) for other in others)
