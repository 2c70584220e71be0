"""The worker process of one tool: `python -m agentfix.isolation.worker`. JSON lines in, JSON lines out.

The first line says which tool; each further one is something to do with it.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from pydantic import TypeAdapter

from agentfix.errors import AgentFixError, PluginError, ToolError
from agentfix.lifecycle import Lifecycle
from agentfix.plugins import Plugins
from agentfix.protocols import ExecResult, FileInfo, Limits, Tool, ToolContext
from agentfix.settings import Settings
from agentfix.tools import ToolRunner
from agentfix.types import Claim, Observation, ToolCall

MEMORY_BYTES = 4 * 2**30
FILE_BYTES = 2**30
_CLAIM, _CALL, _OBSERVATION = TypeAdapter(Claim), TypeAdapter(ToolCall), TypeAdapter(Observation)


class NoSandbox:
    """There is none in a worker."""

    async def exec(self, code: str, limits: Limits = Limits(), **_: Any) -> ExecResult:
        """Refuses."""
        raise ToolError("A tool in a worker process has no sandbox.", "unavailable")

    async def put(self, path: str, data: bytes) -> None:
        """Refuses."""
        await self.exec("")

    async def get(self, path: str) -> bytes:
        """Refuses."""
        await self.exec("")
        raise AssertionError

    async def files(self) -> list[FileInfo]:
        """There are none."""
        return []

    async def aclose(self) -> None:
        """Nothing to close."""


def main() -> None:
    """Serve until the input ends."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as replies, asyncio.Runner() as loop:
        os.dup2(2, 1)  # what a tool prints must not be taken for a reply
        _limit()
        tool, settings = None, Settings.model_validate({})
        for line in sys.stdin:
            request = json.loads(line)
            try:
                if tool is None:
                    settings = Settings.model_validate(request["settings"])
                    tool = _tool(request, settings)
                    reply: Mapping[str, Any] = {"ready": True}
                else:
                    reply = loop.run(_do(tool, settings, request))
            except AgentFixError as error:
                reply = {"refused": str(error), "status": "fault"}
            _send(reply, replies)


def _tool(request: Mapping[str, Any], settings: Settings) -> Tool:
    only = settings.model_copy(update={"enabled_plugins": (request["plugin"],)})
    plugins = Plugins(only)
    if not any(entry.name == request["tool"] for entry in plugins.names("tool")):
        raise PluginError(request["plugin"], f"its tool {request['tool']!r} can't be had in a worker process.",
                          "A plugin whose tools are isolated must be installed, or named as a file or a module.")
    return plugins.build("tool", request["tool"])


async def _do(tool: Tool, settings: Settings, request: Mapping[str, Any]) -> Mapping[str, Any]:
    notices: list[str] = []
    secrets: Mapping[str, str] = request["secrets"]
    runner = ToolRunner("", "", Lifecycle(lambda hook: [], notices.append), (), None, notices.append,
                        settings.private_hosts, secrets.get, Path(request["folder"]))
    context = ToolContext(NoSandbox(), request["timeout_s"], request["seed"])
    try:
        match request["do"]:
            case "run":
                call = ToolCall(tool.spec.name, request["arguments"])
                seen = await runner.run(tool, call, "", context)
            case "verify":
                seen = await runner.verify(tool, _CLAIM.validate_python(request["claim"]), context)
            case _:
                seen = await runner.undo(tool, _CALL.validate_python(request["call"]),
                                         _OBSERVATION.validate_python(request["observation"]), context)
    finally:
        await runner.aclose()
    if seen.status == "fault" and notices:
        return {"refused": f"{seen.text} {notices[0]}", "status": "fault"}
    return {"observation": asdict(seen)}


def _send(reply: Mapping[str, Any], replies: IO[str]) -> None:
    replies.write(json.dumps(reply) + "\n")
    replies.flush()


def _limit() -> None:
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - not on Windows

    for limit, amount in ((resource.RLIMIT_AS, MEMORY_BYTES), (resource.RLIMIT_FSIZE, FILE_BYTES)):
        with suppress(ValueError, OSError):  # one that is lower already
            resource.setrlimit(limit, (amount, amount))


if __name__ == "__main__":
    main()
