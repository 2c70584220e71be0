"""The tools of all servers that the settings name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakKeyDictionary

from mcp_types import Tool as Listed

from agentfix import McpServer, Tool, ToolError, ToolSpec, read_key

from .connection import MOST_TOOLS, Connection
from .place import Place
from .tool import McpTool, spec_of
from .trusted import TrustedWords
from .words import line

RETRY_S = 60.0
"""A server that could not be reached is left alone for so long, lest every run wait for it."""

Notice = Callable[[str], None]


@dataclass
class _Known:
    """A server as it was last found."""

    connection: Connection
    specs: Mapping[str, ToolSpec] | None = None
    """By name, when its tools were last listed."""
    trusted: TrustedWords | None = None
    """None when the user has no word for what its tools say of themselves."""
    doubted: Sequence[str] = ()
    """The tools for which that word does not hold, and the user knows."""
    problem: str = ""
    until: float = 0.0
    """Until when the problem is told without another try, in the event loop's seconds."""


class Servers:
    """Implements `agentfix.Tools`: servers are started before the first run that may call their tools, and kept.

    Args:
        servers: by name.
        folder: where it is kept what they said when they were first trusted.
    """

    def __init__(self, servers: Mapping[str, McpServer], folder: Path) -> None:
        self._servers = servers
        self._folder = folder
        self._of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, _Known]] = WeakKeyDictionary()
        """A connection belongs to the event loop that opened it."""

    async def open(self, notice: Notice) -> Sequence[Tool]:
        """See `agentfix.Tools`. A server that can't be used is named in a notice, and the others are used."""
        found = await asyncio.gather(*(self._found(name, server, notice) for name, server in self._servers.items()))
        return [tool for tools in found for tool in tools]

    async def aclose(self) -> None:
        """End the servers that were started in this event loop. May be called twice."""
        known = self._of_loop.pop(asyncio.get_running_loop(), {})
        await asyncio.gather(*(one.connection.aclose() for one in known.values()))

    async def _found(self, name: str, server: McpServer, notice: Notice) -> Sequence[Tool]:
        known = self._known(name, server, notice)
        if known is None:
            return []
        now = asyncio.get_running_loop().time
        if known.problem and now() < known.until:
            notice(known.problem)
            return []
        try:
            tools = _made(name, server, await known.connection.tools(), known.connection, notice)
        except ToolError as error:
            known.problem, known.until = str(error), now() + RETRY_S
            notice(known.problem)
            return []
        known.problem = ""
        specs = {tool.spec.name: tool.spec for tool in tools}
        if known.specs is not None and (changes := ", ".join(_changes(known.specs, specs))):
            notice(f"The MCP server {name!r} changed its tools: {changes}.")
        known.specs = specs
        if known.trusted is None:
            return tools
        doubted = _doubted(name, known, known.trusted, notice)
        return [tool.not_vouched_for() if tool.spec.name in doubted else tool for tool in tools]

    def _known(self, name: str, server: McpServer, notice: Notice) -> _Known | None:
        """The connection to a server; None when it lacks a key."""
        of_loop = self._of_loop.setdefault(asyncio.get_running_loop(), {})
        if name not in of_loop:
            keys = {key: read_key(key) for key in server.secrets}
            given = {key: value for key, value in keys.items() if value is not None}
            if len(given) < len(keys):
                lacking = ", ".join(key for key in keys if key not in given)
                notice(f"The MCP server {name!r} is not used: it needs {lacking}, which is not set.")
                return None
            trusted = TrustedWords(self._folder, name, server) if server.trust_words else None
            of_loop[name] = _Known(Connection(name, Place(server, given), list(given.values())), trusted=trusted)
        return of_loop[name]


def _made(name: str, server: McpServer, listed: Sequence[Listed], connection: Connection,
          notice: Notice) -> Sequence[McpTool]:
    """The tools that are taken of those that a server lists. What is left out is named, and so is the reason."""
    if len(listed) > MOST_TOOLS:
        notice(f"The MCP server {name!r} has more than {MOST_TOOLS} tools; the others are left out.")
    named = () if isinstance(server.read_only, bool) else server.read_only
    for wanted in dict.fromkeys((*server.tools, *named)):
        if not any(tool.name == wanted for tool in listed):
            notice(f"The MCP server {name!r} has no tool {wanted!r}, which the settings name.")
    made: dict[str, tuple[str, McpTool]] = {}
    for tool in listed[:MOST_TOOLS]:
        if server.tools and tool.name not in server.tools:
            continue
        try:
            spec = spec_of(name, server, tool)
        except ValueError as error:
            notice(f"The tool {line(tool.name, 100)!r} of the MCP server {name!r} is left out: {error}.")
            continue
        other = made.get(spec.name)
        if other is not None:
            notice(f"The tool {line(tool.name, 100)!r} of the MCP server {name!r} is left out: it would be called "
                   f"{spec.name!r}, as {line(other[0], 100)!r} is.")
            continue
        made[spec.name] = (tool.name, McpTool(spec, tool.name, connection))
    return [tool for _, tool in made.values()]


def _doubted(name: str, known: _Known, trusted: TrustedWords, notice: Notice) -> Sequence[str]:
    """The tools that say of themselves what the user may not know. Told once."""
    specs = known.specs or {}
    try:
        doubted = trusted.changed(specs)
    except OSError as error:
        doubted = list(specs)
        told = f"nothing can be kept in {trusted.file}: {error.strerror}"
    else:
        told = (f"{', '.join(map(repr, doubted))} did not say it when they were first trusted. Read it and remove "
                f"{trusted.file}, to trust it from then on")
    if doubted and doubted != known.doubted:
        notice(f"What the tools of the MCP server {name!r} say of themselves is a stranger's word, in spite of "
               f"trust_words: {told}.")
    known.doubted = doubted
    return doubted


def _changes(before: Mapping[str, ToolSpec], now: Mapping[str, ToolSpec]) -> Iterator[str]:
    """What is not as it was. A server that was found harmless may not stay so."""
    yield from (f"{name!r} is new" for name in now if name not in before)
    yield from (f"{name!r} is gone" for name in before if name not in now)
    yield from (f"{name!r} is described in another way" for name in now if name in before and now[name] != before[name])
