"""One tool of a server, as a tool of agentfix."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast
from urllib.parse import urlsplit

from mcp_types import CallToolResult, ContentBlock, TextResourceContents, Tool

from agentfix import McpServer, Observation, ToolContext, ToolError, ToolSpec, defused

from .connection import Connection
from .schema import usable
from .words import line, shown

NAME_CHARACTERS = 64
"""More of a name is no valid name for a model's own way of calling tools."""
_DESCRIPTION_CHARACTERS = 1000
_TEXT_CHARACTERS = 50_000
_DATA_CHARACTERS = 50_000


class McpTool:
    """Calls a tool of a server. Implements `agentfix.Tool`.

    Args:
        spec: as models know it.
        remote: its name at the server.
        connection: to the server.
    """

    def __init__(self, spec: ToolSpec, remote: str, connection: Connection) -> None:
        self.spec = spec
        self._remote = remote
        self._connection = connection

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> Observation:
        """See `agentfix.Tool`. A call that changes nothing is made once more when the server is lost in its midst."""
        result = await self._connection.call(self._remote, arguments, context.timeout_s,
                                             repeatable=not self.spec.side_effects)
        return observed(self.spec.name, result, self._connection.hidden)

    def not_vouched_for(self) -> McpTool:
        """The same tool, of which the user may not know what it says of itself."""
        return McpTool(replace(self.spec, foreign=True), self._remote, self._connection)


def spec_of(server: str, settings: McpServer, tool: Tool) -> ToolSpec:
    """How a server's tool is presented to a model, and what it may do.

    Args:
        server: its name in the settings.
        settings: what the user says of it. The server's own hints are a stranger's.
        tool: as the server lists it.

    Raises:
        ValueError: it can't be used; says why.
    """
    hints = tool.annotations if settings.trust_hints else None
    said = settings.read_only
    reads = said if isinstance(said, bool) else tool.name in said
    title = tool.title or (tool.annotations.title if tool.annotations else None) or tool.name
    host = urlsplit(settings.url).hostname if settings.url else None
    return ToolSpec(
        name_of(server, tool.name),
        defused(shown(tool.description or "", _DESCRIPTION_CHARACTERS) or line(title)),
        usable(tool.input_schema),
        side_effects=not (reads or (hints is not None and hints.read_only_hint is True)),
        hosts=tuple(dict.fromkeys((*((host,) if host else ()), *settings.hosts))),
        secrets=settings.secrets,
        processes=bool(settings.command),
        foreign=not settings.trust_words,
    )


def name_of(server: str, tool: str) -> str:
    """The name under which a server's tool is called here."""
    return f"{server}__{re.sub(r'[^A-Za-z0-9_-]', '_', tool)}"[:NAME_CHARACTERS]


def observed(name: str, result: CallToolResult, hidden: Callable[[str], str]) -> Observation:
    """What a call gave.

    Args:
        name: of the tool, as models know it.
        result: from the server.
        hidden: takes keys out of a text.

    Raises:
        ToolError: the server says that it failed.
    """
    text = hidden("\n".join(_said(block) for block in result.content))
    text = shown(text, _TEXT_CHARACTERS)
    if result.is_error:
        raise ToolError(text or "The tool failed and did not say why.")
    if result.structured_content is None:
        return Observation(name, "ok", text or "Done.")
    plain = hidden(json.dumps(result.structured_content, ensure_ascii=False))
    if len(plain) > _DATA_CHARACTERS:
        return Observation(name, "ok", text or shown(plain, _TEXT_CHARACTERS))
    try:
        value: Any = json.loads(plain)
    except ValueError:  # a key was taken out that held what JSON writes in another way
        return Observation(name, "ok", text or plain)
    data = cast("dict[str, Any]", value) if isinstance(value, dict) else {"result": value}
    return Observation(name, "ok", text or shown(plain, _TEXT_CHARACTERS), data)


def _said(block: ContentBlock) -> str:
    """A part of a result as text; what is none is described in a line."""
    match block.type:
        case "text":
            return block.text
        case "image" | "audio":
            return f"[{block.type}: {line(block.mime_type, 60)}, {_bytes(block.data)}]"
        case "resource_link":
            return f"[resource: {line(block.name, 100)}, {line(block.uri)}]"
        case "resource":
            held = block.resource
            if isinstance(held, TextResourceContents):
                return f"[resource: {line(held.uri)}]\n{held.text}"
            return f"[resource: {line(held.uri)}, {_bytes(held.blob)}]"


def _bytes(encoded: str) -> str:
    """How much Base64 holds."""
    return f"{len(encoded.rstrip('=')) * 3 // 4:,} bytes"
