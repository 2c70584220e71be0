"""Responses that can be asked for again and gone on from. They are kept in the journal, beside their runs."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from agentfix.errors import JournalError
from agentfix.protocols import Journal
from agentfix.server.account import Account
from agentfix.server.asked import ChatMessage, TextPart
from agentfix.server.failures import Refusal, wrong

RECORD = "response"
PREFIX = "resp_"
MOST_TURNS = 500
"""Of a conversation that is gone on with."""
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kept:
    """The responses of all keys. Each is known to the key alone that asked for it.

    Args:
        journal: opens the journal, or gives the open one.
        most_characters: of a conversation that is gone on with.
    """

    journal: Callable[[], Awaitable[Journal]]
    most_characters: int

    async def find(self, name: str, account: Account) -> Mapping[str, Any]:
        """A response, as it was given.

        Raises:
            Refusal: this key has none of that name.
        """
        record = await self._record(name, account)
        if record is None:
            raise Refusal(404, f"There is no response {name[:200]!r}.", param="response_id")
        return record["response"]

    async def conversation(self, name: str | None, account: Account,
                           now: Sequence[ChatMessage]) -> list[ChatMessage]:
        """All that was said up to a response; nothing where none is named.

        Args:
            name: of the response.
            account: who asked for it.
            now: what is said next, which counts for how long it is.

        Raises:
            Refusal: this key has none of that name.
        """
        said: list[ChatMessage] = []
        turns = 0
        while name is not None:
            record = await self._record(name, account)
            if record is None:
                raise wrong("previous_response_id", f"There is no response {name[:200]!r} to go on from: those with "
                            "tools of your own, and with store: false, are not kept. Send the whole conversation.",
                            "previous_response_not_found")
            turns += 1
            if turns > MOST_TURNS:
                raise wrong("previous_response_id", f"This conversation has more than {MOST_TURNS} turns. Begin anew.")
            asked = [ChatMessage.model_validate(message) for message in record["asked"]]
            if sum(map(_length, (*said, *asked, *now))) > self.most_characters:
                raise wrong("previous_response_id", f"This conversation has more than {self.most_characters:,} "
                            "characters, pictures included. Begin anew.")
            said = [*asked, ChatMessage(role="assistant", content=_answer(record["response"])), *said]
            name = record["response"]["previous_response_id"]
        return said

    async def _record(self, name: str, account: Account) -> Mapping[str, Any] | None:
        records = await (await self.journal()).records(name.removeprefix(PREFIX), RECORD)
        return next((record for record in records if name.startswith(PREFIX) and record["owner"] == account.name), None)


@dataclass(frozen=True)
class Keeping:
    """Keeps one response.

    Args:
        kept: with others.
        run: that gives it.
        account: asked for it.
        asked: what was said last.
    """

    kept: Kept
    run: str
    account: Account
    asked: Sequence[ChatMessage]

    async def keep(self, response: dict[str, Any]) -> None:
        """Keep it; where that fails it says so itself."""
        asked = [message.model_dump(mode="json", exclude_none=True) for message in self.asked]
        try:
            await (await self.kept.journal()).record(self.run, RECORD, "", {
                "owner": self.account.name, "asked": asked, "response": response})
        except JournalError as error:
            _LOG.error("response %s%s is not kept: %s", PREFIX, self.run, error)
            response["store"] = False

    async def events(self, events: AsyncGenerator[dict[str, Any]]) -> AsyncGenerator[dict[str, Any]]:
        """The events of the response, which is kept before the last one says that it is whole."""
        async with aclosing(events):
            async for event in events:
                if event["type"] in ("response.completed", "response.incomplete"):
                    await self.keep(event["response"])
                yield event


def _length(message: ChatMessage) -> int:
    parts = [message.content] if isinstance(message.content, str) else message.content or []
    return sum(len(part) if isinstance(part, str) else len(part.text if isinstance(part, TextPart)
                                                           else part.image_url.url) for part in parts)


def _answer(response: Mapping[str, Any]) -> str:
    parts = [part for item in response["output"] if item["type"] == "message" for part in item["content"]]
    return "".join(str(part.get("text", part.get("refusal", ""))) for part in parts)
