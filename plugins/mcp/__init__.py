"""MCP: the tools of other programs' servers, and agentfix as a server for other programs."""

from __future__ import annotations

from typing import Any

from agentfix import Build, hookimpl


def _tools(build: Build) -> Any:
    from .lazy import LazyServers  # noqa: PLC0415

    return LazyServers(build.settings.mcp_servers, build.settings.data_dir / "mcp_trusted")


def _command(build: Build) -> Any:
    from .commands import mcp  # noqa: PLC0415

    return mcp


@hookimpl
def agentfix_register_tools(register: Any) -> None:
    """Register the tools of the servers that the settings name."""
    register("mcp", _tools, "The tools of MCP servers, as NAME__tool: [mcp_servers.NAME] in agentfix.toml.")


@hookimpl
def agentfix_register_commands(register: Any) -> None:
    """Register the server."""
    register("mcp", _command, "Serve `solve` and `verify` to programs that speak MCP.")
