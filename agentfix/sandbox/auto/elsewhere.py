"""A second sandbox, where programs go that the first can't run."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from agentfix.errors import SandboxUnavailableError
from agentfix.protocols import Session

_LOG = logging.getLogger(__name__)


class Elsewhere:
    """Opens sessions there, and remembers when it can't be had.

    Args:
        open_session: opens one.
    """

    def __init__(self, open_session: Callable[[], Awaitable[Session]]) -> None:
        self._open = open_session
        self._shared: Session | None = None
        self._missing: SandboxUnavailableError | None = None
        self._turn = asyncio.Lock()

    async def for_programs(self, inputs: Mapping[str, bytes]) -> Session | SandboxUnavailableError:
        """The session for programs of their own, which is opened when it is first asked for.

        Args:
            inputs: the files that were put so far.
        """
        async with self._turn:
            if self._shared is None:
                session = await self.another()
                if isinstance(session, SandboxUnavailableError):
                    return session
                for path, data in list(inputs.items()):
                    await session.put(path, data)
                self._shared = session
            return self._shared

    async def another(self) -> Session | SandboxUnavailableError:
        """A session that nobody else has; the caller closes it."""
        if self._missing is not None:
            return self._missing
        try:
            session = await self._open()
        except SandboxUnavailableError as error:
            self._missing = error
            _LOG.warning("a program needs what the embedded sandbox lacks, and the docker sandbox can't be had: %s",
                         error)
            return error
        _LOG.info("a program needs what the embedded sandbox lacks: docker runs it")
        return session

    async def put(self, path: str, data: bytes) -> None:
        """Write a file for programs of their own."""
        async with self._turn:
            if self._shared is not None:
                await self._shared.put(path, data)

    async def aclose(self) -> None:
        """Close the session for programs; nothing is opened any more. May be called twice."""
        async with self._turn:
            self._missing = SandboxUnavailableError("This session is closed.", "Open another one.")
            if self._shared is not None:
                await self._shared.aclose()
