"""Tells the tool calls in a reply from its text, while it is written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, count, product

from agentfix.models.llamacpp.callforms import FORMS, HERMES, CallForm, read_block, read_objects
from agentfix.types import Message, ToolCall, ToolSpec

_WRAPS = re.compile(r"(?:\s|```(?:json)?|</?tools>|</tool_call>)*")
"""What small models put around calls in place of the markers."""
_BARE_CHARS = 500
"""So much of a reply tells whether it may be nothing but calls."""
SAID_CHARS = 200


class MalformedCall(ValueError):
    """A tool call was begun that can't be read; says which."""


class CallReader:
    """Reads one reply, in pieces of any size.

    Small models often forget the markers of their family. So a reply that is nothing but calls of offered tools as
    JSON, in code fences or in `<tools>` maybe, is taken as calls too. A marker that nothing like a call follows is
    text. White space beside calls is left out.

    Args:
        form: how the model's family writes calls.
        tools: what was offered.

    Attributes:
        text: what is sure to be no part of a call.
        calls: those that are whole.
    """

    def __init__(self, form: CallForm, tools: Sequence[ToolSpec]) -> None:
        self.text = ""
        self.calls: list[ToolCall] = []
        self._tools = {tool.name: tool for tool in tools}
        self._forms = {opening: each for each in (HERMES, form) for opening in each.openings}
        self._markers = (*self._forms, *form.around)
        self._marker = re.compile("|".join(map(re.escape, self._markers)))
        self._unread = ""
        self._space = ""
        self._bare_beginnings = tuple(_bare_beginnings(self._tools))

    def add(self, text: str) -> str:
        """Take what was written next; returns what this adds to the text."""
        self._unread += text
        return self._read(ended=False)

    def finish(self) -> str:
        """The reply has ended; returns what this adds to the text.

        Raises:
            MalformedCall: a call was begun that can't be read.
        """
        said = self._read(ended=True)
        if self._unread:
            raise MalformedCall(f"a tool call that can't be read: {self._unread[:SAID_CHARS]!r}")
        if not self.calls:
            said += self._space
            self.text += self._space
        return said

    def _read(self, *, ended: bool) -> str:
        begin = len(self.text)
        if self._bare_beginnings:
            may_be_bare = self._may_be_bare()
            if may_be_bare and not ended:
                return ""
            self._bare_beginnings = ()
            if may_be_bare and (calls := self._bare()):
                self.calls, self._unread = calls, ""
        while marker := self._marker.search(self._unread):
            self._say(marker.start())
            calls, end = list[ToolCall](), len(marker[0])
            if form := self._forms.get(marker[0]):
                read = read_block(form, self._unread, marker[0], self._tools, ended=ended)
                if read is None:
                    return self.text[begin:]
                calls, end = read
            if calls is None:
                self._say(end)
            else:
                self.calls += calls
                self._unread = self._unread[end:]
        self._say(len(self._unread) - (0 if ended else self._begun_marker()))
        return self.text[begin:]

    def _say(self, length: int) -> None:
        """Take so much of what is unread for text; white space at its end may yet turn out to stand beside a call."""
        text = self._space + self._unread[:length]
        self._unread = self._unread[length:]
        said = text.rstrip()
        self._space = text[len(said):]
        self.text += said if self.text or not self.calls else said.lstrip()

    def _begun_marker(self) -> int:
        """How long a part of a marker stands at the end of what is unread."""
        longest = max(map(len, self._markers)) - 1
        ends = (self._unread[-length:] for length in range(min(longest, len(self._unread)), 0, -1))
        return next((len(end) for end in ends if any(marker.startswith(end) for marker in self._markers)), 0)

    def _may_be_bare(self) -> bool:
        begun = "".join(self._unread[:_BARE_CHARS].split())
        return any(each.startswith(begun) or begun.startswith(each) for each in self._bare_beginnings)

    def _bare(self) -> list[ToolCall]:
        calls, at = list[ToolCall](), 0
        while (wraps := _WRAPS.match(self._unread, at)) and wraps.end() < len(self._unread):
            read = read_objects(self._unread, wraps.end(), exactly=True)
            if read is None or read[1] == wraps.end():
                return []
            calls, at = calls + read[0], read[1]
        return calls if all(call.tool in self._tools for call in calls) else []


def _bare_beginnings(tools: Iterable[str]) -> Iterator[str]:
    """How a reply begins that is nothing but calls, without white space."""
    names = ["".join(json.dumps(name, ensure_ascii=False).split()) for name in tools]
    keys = [*(f'"name":{name}' for name in names), '"arguments":{', '"parameters":{', '"type":"function"',
            '"function":{"name":']
    return ("".join(parts) for parts in product(("", "```json", "```", "<tools>"), ("{", "{{", "[{"), keys))


def form_of(written: str, call: ToolCall, tool: ToolSpec) -> CallForm | None:
    """The form in which a text has a call.

    Args:
        written: what a chat template makes of a turn that is nothing but the call, with what opens and ends turns.
        call: the one that it is.
        tool: the one that is called.
    """
    for form in (each for each in FORMS.values() if each.openings[0] in written):
        reader = CallReader(form, [tool])
        reader.add(written)
        if any((each.tool, each.arguments) == (call.tool, call.arguments) for each in reader.calls):
            return form
    return None


def with_ids(calls: Sequence[ToolCall], messages: Sequence[Message]) -> tuple[ToolCall, ...]:
    """Calls with ids that no other has: their own, or numbers, so that a reply that is made again is the same.

    Args:
        calls: of one reply.
        messages: the conversation that it answers.
    """
    taken = {call.id for message in messages for call in message.tool_calls} | {""}
    numbers = (f"call_{number}" for number in count(1))
    named = list[ToolCall]()
    for call in calls:
        made = next(each for each in chain((call.id,), numbers) if each not in taken)
        taken.add(made)
        named.append(replace(call, id=made))
    return tuple(named)
