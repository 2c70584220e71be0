"""MCP servers that other people wrote, in environments of their own."""

from __future__ import annotations

from tests.environments import Environment

OLD = Environment("mcp-2025", ("mcp-server-time==2025.9.25", "mcp-server-sqlite==2025.4.25", "mcp-proxy==0.13.0",
                               "mcp==1.30.0"))
"""Servers over version 1 of the SDK, which shake hands as the protocol of 2025 has it; and a proxy that puts such
servers behind streamable HTTP."""
NEW = Environment("mcp-2026", ("mcp-server-git==2026.10.19", "mcp-server-time==2026.10.19", "mcp==2.3.0"))
"""Servers over version 2 of the SDK, which speak the protocol of 2026."""

MCP_SERVERS = (OLD, NEW)
