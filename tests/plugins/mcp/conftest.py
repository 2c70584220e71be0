"""Servers in the settings, and their tools."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from agentfix_plugins.mcp.lazy import LazyServers

from agentfix import Observation, Settings, Tool, ToolContext
from agentfix.testing import ScriptedSandbox
from tests.environments import Environment

FAKE = Path(__file__).with_name("fake.py")


@dataclass
class Opened:
    """The tools of servers, as they were last found."""

    holder: LazyServers
    notices: list[str] = field(default_factory=list)
    tools: dict[str, Tool] = field(default_factory=dict)

    async def find(self) -> dict[str, Tool]:
        self.notices.clear()
        self.tools = {tool.spec.name: tool for tool in await self.holder.open(self.notices.append)}
        return self.tools

    async def call(self, tool: str, timeout_s: float = 20.0, **arguments: Any) -> Observation:
        session = await ScriptedSandbox([]).open()
        return await self.tools[tool].run(arguments, ToolContext(session, timeout_s))


@pytest.fixture
def fake(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """The settings of the fake server."""

    def settings(mode: str = "usual", **more: Any) -> dict[str, Any]:
        return {"command": [sys.executable, "-I", str(FAKE), mode, str(tmp_path)], **more}

    return settings


@pytest.fixture
def seen(tmp_path: Path) -> Callable[[], list[dict[str, Any]]]:
    """What the fake server saw."""

    def read() -> list[dict[str, Any]]:
        file = tmp_path / "seen"
        return [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.exists() else []

    return read


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    """Starts servers by name and gives their tools; they are ended when the test is over."""
    async with AsyncExitStack() as stack:

        async def start(**servers: Any) -> Opened:
            opened = Opened(LazyServers(Settings(mcp_servers=servers).mcp_servers, tmp_path / "trusted"))
            stack.push_async_callback(opened.holder.aclose)
            await opened.find()
            return opened

        yield start


@pytest.fixture
def program() -> Callable[[Environment, str], str]:
    """A program of an environment; the test is skipped where it is not installed."""

    def find(home: Environment, name: str) -> str:
        if not home.installed():
            pytest.skip(f"{home.name} is not installed: python -m tests.servers")
        return str(home.program(name))

    return find
