"""Reads lines and does what they say, until nothing comes any more. Ctrl-C ends what is being done, and no more."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from agentfix.errors import AgentFixError
from agentfix.repl.commands.command import Commands
from agentfix.repl.conversation import Conversation

T = TypeVar("T")
_COMMAND = re.compile(r"/[\w-]+(?=\s|$)")


@dataclass
class Loop:
    """A conversation from its first prompt to its end.

    Args:
        conversation: that goes on.
        commands: what a line that begins with a slash may be.
    """

    conversation: Conversation
    commands: Commands
    failed: bool = field(default=False, init=False)
    """Something that was asked for could not be done."""
    _doing: asyncio.Future[Any] | None = field(default=None, init=False)

    async def run(self) -> None:
        """Go on with the run that was cut off, if one was, and then until nothing comes any more."""
        with suppress(NotImplementedError):  # Windows has no such handlers; Ctrl-C ends the conversation there
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, self._stop)
        turns = self.conversation.state.turns
        if turns and turns[-1].take.state == "cut off":
            self.conversation.say(f"Going on with, until Ctrl-C: {turns[-1].question}", "bold")
            await self._do(self.conversation.retry())
        while True:
            try:
                line = await self._stoppable(self.conversation.reader.read(), "")
            except EOFError:
                break
            if line.strip():
                await self._do(self._meant(line.strip()))
        self.conversation.session.note("left")

    def _meant(self, line: str) -> Coroutine[Any, Any, object]:
        """What a line asks for: a command, or a question."""
        if _COMMAND.match(line):
            return self.commands.run(line, self.conversation)
        return self.conversation.ask(line)

    async def _do(self, work: Coroutine[Any, Any, object]) -> None:
        """Do something, and say what goes wrong with it."""
        try:
            await self._stoppable(work, None)
        except AgentFixError as error:
            self._complain(str(error))
        except Exception as error:  # noqa: BLE001 - a fault of ours ends what was being done, not the conversation
            self._complain(f"That is a fault of agentfix, please report it: {error!r}")

    def _complain(self, text: str) -> None:
        self.failed = True
        self.conversation.screen.complain(text)

    async def _stoppable(self, work: Coroutine[Any, Any, T], otherwise: T) -> T:
        """Do something that Ctrl-C ends."""
        doing = self._doing = asyncio.ensure_future(work)
        try:
            return await doing
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if current is not None and current.cancelling():
                raise
            return otherwise
        finally:
            self._doing = None

    def _stop(self) -> None:
        if self._doing is not None:
            self._doing.cancel()
