"""What a call of an MCP server's tool takes through agentfix, and through the official client alone:
`python -m tests.bench.mcp`.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from mcp import Client, StdioServerParameters

from agentfix import Plugins, Settings, ToolContext

CALLS = 300
FAKE = Path(__file__).parent.parent / "plugins" / "mcp" / "fake.py"


async def median_ms(call: Callable[[], Awaitable[Any]]) -> float:
    """The median time of a call, in milliseconds."""
    taken: list[float] = []
    for _ in range(CALLS):
        began = time.perf_counter()
        await call()
        taken.append(time.perf_counter() - began)
    return 1000 * statistics.median(taken)


async def bare(command: list[str]) -> float:
    async with Client(StdioServerParameters(command=command[0], args=command[1:])) as client:
        return await median_ms(lambda: client.call_tool("echo", {"text": "hello"}))


async def ours(command: list[str]) -> tuple[float, float]:
    servers = Plugins(Settings(mcp_servers={"fake": {"command": command}})).build("tool", "mcp")
    began = time.perf_counter()
    tools = {tool.spec.name: tool for tool in await servers.open(print)}
    opening_s = time.perf_counter() - began
    context = ToolContext(None, timeout_s=10)  # type: ignore[arg-type] - it runs no program
    taken = await median_ms(lambda: tools["fake__echo"].run({"text": "hello"}, context))
    await servers.aclose()
    return opening_s, taken


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-I", str(FAKE), "usual", folder]
        alone = await bare(command)
        opening_s, through = await ours(command)
    sys.stdout.write(f"opened in {opening_s:.2f} s; a call takes {through:.2f} ms, {alone:.2f} ms by the official "
                     f"client alone ({through / alone:.2f} times)\n")


if __name__ == "__main__":
    asyncio.run(main())
