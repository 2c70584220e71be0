"""Stands before the servers until a run may call their tools: only then is the MCP package loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agentfix import McpServer, Tool

if TYPE_CHECKING:
    from .servers import Servers

MISSING = "needs the package `mcp`, 2.3 or newer: pip install 'agentfix[mcp]'"


class LazyServers:
    """Implements `agentfix.Tools`.

    Args:
        servers: by name.
        folder: where it is kept what they said when they were first trusted.
    """

    def __init__(self, servers: Mapping[str, McpServer], folder: Path) -> None:
        self._settings = servers
        self._folder = folder
        self._servers: Servers | None = None

    async def open(self, notice: Callable[[str], None]) -> Sequence[Tool]:
        """See `agentfix.Tools`. A server that can't be used is named in a notice, and the others are used."""
        if not self._settings:
            return []
        if self._servers is None:
            try:
                from .servers import Servers  # noqa: PLC0415 - loads an optional package
            except ImportError:
                notice(f"No MCP server is used, which {MISSING}.")
                return []
            self._servers = Servers(self._settings, self._folder)
        return await self._servers.open(notice)

    async def aclose(self) -> None:
        """End the servers that were started in this event loop. May be called twice."""
        if self._servers is not None:
            await self._servers.aclose()
