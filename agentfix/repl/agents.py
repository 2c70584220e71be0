"""The agent of a conversation: made anew where settings changed, and got ready before any clock runs."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager, AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from agentfix.repl.warming import Warming
from agentfix.settings import Settings
from agentfix.threads import in_thread

if TYPE_CHECKING:
    from agentfix.agent import Agent
    from agentfix.plugins import Plugins

Busy: TypeAlias = Callable[[Callable[[], str]], AbstractContextManager[object]]
"""Shows a line while something takes a while."""


@dataclass
class Agents:
    """Makes agents, and has one at a time.

    Args:
        warming: gets ready in the background what it needs.
    """

    warming: Warming = field(default_factory=Warming)
    _open: AsyncExitStack = field(default_factory=AsyncExitStack, init=False)
    _agent: Agent | None = field(default=None, init=False)
    _plugins: Plugins | None = field(default=None, init=False)

    async def agent(self, settings: Settings) -> Agent:
        """The agent for these settings."""
        if self._agent is None or self._agent.settings != settings:
            await self._open.aclose()
            self._agent = None
            from agentfix.agent import Agent  # noqa: PLC0415 - loads the graph machine

            self._agent = await self._open.enter_async_context(Agent(settings))
        return self._agent

    async def ready(self, settings: Settings, busy: Busy) -> Agent:
        """The agent for these settings, when what they name was fetched, indexed and loaded.

        Raises:
            CancelledError: it was stopped.
            AgentFixError: it can't be had.
        """
        self._fetch(settings)
        self.warming.begin(settings)
        with busy(lambda: self._line(settings)):
            await self.warming.ready()
            if settings.kind.partition(":")[0] == "qa" or "corpus_search" in settings.tools:
                from agentfix.cli.indexing import index_corpus  # noqa: PLC0415 - loads plugins

                await in_thread(index_corpus, settings)
        return await self.agent(settings)

    def plugins(self, settings: Settings) -> Plugins:
        """The plugins of these settings, and what they bring."""
        if self._agent is not None and self._agent.settings == settings:
            return self._agent.plugins
        if self._plugins is None or self._plugins.settings != settings:
            from agentfix.plugins import Plugins  # noqa: PLC0415 - takes a while to load

            self._plugins = Plugins(settings)
        return self._plugins

    async def aclose(self) -> None:
        """Close what is open. May be called twice."""
        self.warming.end()
        await self._open.aclose()

    def _fetch(self, settings: Settings) -> None:
        """Fetch the model where it is not there yet. Whoever fetches holds the event loop, whose own handler would keep
        Ctrl-C until all is there."""
        from agentfix.cli.fetching import fetch_models  # noqa: PLC0415 - loads the HTTP client

        handler = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            fetch_models(settings)
        except KeyboardInterrupt:
            raise asyncio.CancelledError from None
        finally:
            signal.signal(signal.SIGINT, handler)

    def _line(self, settings: Settings) -> str:
        loaded = self.warming.loaded
        return "getting ready" if loaded is None else f"loading {settings.model}: {loaded:.0%}"
