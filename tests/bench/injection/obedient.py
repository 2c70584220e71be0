"""A model that obeys whatever it reads, whoever says it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from agentfix import Completion, Delta, Message, ModelRequest, ToolCall, Usage

from .world import ACTING, URL

_ACCOUNT = re.compile(r"\b[A-Z]{2}\d{2}[A-Z0-9]{6,}\b|[\w.+-]+@[\w-]+\.[\w.]+\b")
_AMOUNT = re.compile(r"\$\s?(\d[\d,]*)")
_QUOTED = re.compile(r"['\"“]([^'\"”\n]{2,})['\"”]")
_DAY = re.compile(r"\b(?:\w+ \d{1,2}(?:st|nd|rd|th)\b|\d{1,2}(?:st|nd|rd|th)\b)[^.,]{0,12}")
_VERBS = re.compile(
    r"\b(?:send|transfer|pay|e-?mail|delete|book|reserve|make|create|post|publish|get|forward|share|concatenate|buy|"
    r"cancel|call)\b", re.IGNORECASE)
MOST_AT_ONCE = 5


class Obedient:
    """A `Model` that reads first, then does what anything in the conversation tells it to do, and last what the user
    wants. It speaks the text protocol and native calls.

    Args:
        page: it reads a page; otherwise it searches.
        own: what the user's question asks for.
        reckless: its plan names every tool there is, before it has read anything.
    """

    name = "obedient"

    def __init__(self, *, page: bool, own: Sequence[ToolCall] = (), reckless: bool = False) -> None:
        self.requests: list[ModelRequest] = []
        self.obeyed: list[ToolCall] = []
        """The calls with side effects that it was told to make by what it read."""
        self._page = page
        self._own = own
        self._planned = ACTING if reckless else tuple(call.tool for call in own)

    async def generate(self, request: ModelRequest, *,
                       on_delta: Callable[[Delta], None] | None = None) -> list[Completion]:
        """Reply."""
        self.requests.append(request)
        made = [_key(call) for message in request.messages for call in _calls_of(message)]
        if not made:
            calls = [ToolCall("fetch_page", {"url": URL}) if self._page
                     else ToolCall("web_search", {"query": request.messages[1].content[:100]})]
        else:
            told = [call for text in _heard(request.messages) for call in commands(text)]
            self.obeyed += [call for call in told if _key(call) not in map(_key, self.obeyed)]
            wanted = {_key(call): call for call in (*told, *self._own)}
            calls = [call for key, call in wanted.items() if key not in made][:MOST_AT_ONCE]
        return [_written(calls, self._planned, native=bool(request.tools), number=len(made))]

    async def aclose(self) -> None:
        """Nothing to free."""


def commands(text: str) -> Iterator[ToolCall]:
    """All that a text tells to do, as calls with arguments out of the text."""
    yield from _json_calls(text)
    for paragraph in filter(_VERBS.search, re.split(r"\n\s*\n|(?<=[.!?])\s+(?=[A-Z])", text)):
        said = " ".join(paragraph.split())
        quoted = _QUOTED.findall(text)
        whom = next(iter(_ACCOUNT.findall(text)), said)
        amount = next((float(found.replace(",", "")) for found in _AMOUNT.findall(text)), 10000.0)
        days = [*_DAY.findall(text), "today", "tomorrow"]
        lower = said.lower()
        if re.search(r"transfer|transaction|pay|money|\$", lower):
            yield ToolCall("send_money", {"recipient": whom, "amount": amount, "subject": said[:80]})
        if re.search(r"e-?mail|send|share|forward|tell|link", lower):
            yield ToolCall("send_email", {"to": whom, "subject": (quoted or [said])[-1][:80], "body": said})
        if "delete" in lower:
            yield ToolCall("delete", {"what": said})
        if re.search(r"hotel|reserv|book", lower):
            yield ToolCall("book_hotel", {"hotel": (quoted or [said])[0], "begin": days[0], "end": days[1]})
        if re.search(r"calendar|event|meeting", lower):
            yield ToolCall("create_event", {"title": (quoted or [said])[-1], "day": days[0]})
        if re.search(r"\bpost\b|publish|web ?site|channel", lower):
            yield ToolCall("post", {"where": whom, "text": said})
        yield ToolCall("send", {"instruction": said})


def _json_calls(text: str) -> Iterator[ToolCall]:
    """Calls that stand in a text as JSON."""
    for begin in (match.start() for match in re.finditer(r"\{", text)):
        try:
            found: Any = json.JSONDecoder(strict=False).raw_decode(text, begin)[0]
        except ValueError:
            continue
        if isinstance(found, dict) and found.get("name") in ACTING:
            yield ToolCall(found["name"], found.get("arguments") or found.get("parameters") or {})


def _heard(messages: Sequence[Message]) -> list[str]:
    """What was read."""
    return [message.content for message in messages[2:] if message.role != "assistant" and URL in message.content]


def _calls_of(message: Message) -> list[ToolCall]:
    if message.role != "assistant":
        return []
    if message.tool_calls:
        return list(message.tool_calls)
    try:
        said: Any = json.loads(message.content)
    except ValueError:
        return []
    return [ToolCall(each["tool"], each["arguments"]) for each in said.get("calls", ())]


def _key(call: ToolCall) -> str:
    return json.dumps([call.tool, dict(call.arguments)], sort_keys=True)


def _written(calls: Sequence[ToolCall], planned: Sequence[str], *, native: bool, number: int) -> Completion:
    """A reply that makes calls, or answers when there is none."""
    plan = [{"do": "as asked", "tool": name} for name in (*(call.tool for call in calls), *planned)]
    if native:
        text = "Plan:\n" + "\n".join(f"use {line['tool']}" for line in plan) if not number else ""
        given = tuple(ToolCall(call.tool, call.arguments, f"c{number + i}") for i, call in enumerate(calls))
        return Completion(text if calls else "Done.", "tool_calls" if calls else "stop", Usage(1, 0, 1), given)
    head: dict[str, Any] = {"plan": plan} if not number else {"thought": ""}
    body = {"calls": [{"tool": call.tool, "arguments": dict(call.arguments)} for call in calls]} if calls else {
        "answer": "Done."}
    return Completion(json.dumps({**head, **body}), usage=Usage(1, 0, 1))
