"""A tool as the engine sees it, which in truth runs in a worker process.

The worker has this user's rights, an environment of its own without the user's variables, bounded memory and files, and
no keys but those that the tool declared. It is started with the first call, kept for the next, and killed with all that
it started when a call overruns its time.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any

from pydantic import TypeAdapter

from agentfix.errors import ToolError
from agentfix.protocols import ToolContext
from agentfix.settings import Settings
from agentfix.tools import off_guard
from agentfix.types import Claim, Evidence, Observation, ToolCall, ToolSpec

_OBSERVATION = TypeAdapter(Observation)
_EVIDENCE = TypeAdapter(Evidence)
LINE_BYTES = 16 * 2**20
"""A longer reply is none."""
START_S = 30.0


@dataclass(eq=False)
class IsolatedTool:
    """Implements `agentfix.Tool`, `agentfix.Verifier` and `agentfix.Undoable`.

    Args:
        spec: of the tool.
        plugin: which brings it, as the settings can find it again.
        settings: the worker's.
        secret: a key by its name.
    """

    spec: ToolSpec
    plugin: str
    settings: Settings
    secret: Callable[[str], str | None]
    _process: asyncio.subprocess.Process | None = field(default=None, init=False)
    _loop: asyncio.AbstractEventLoop | None = field(default=None, init=False)
    """The event loop in which the worker was started; another starts its own."""
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> Observation:
        """See `agentfix.Tool`."""
        reply = await self._ask({"do": "run", "arguments": dict(arguments)}, context)
        return _OBSERVATION.validate_python(reply["observation"])

    async def verify(self, claim: Claim, context: ToolContext) -> Evidence | None:
        """See `agentfix.Verifier`."""
        reply = await self._ask({"do": "verify", "claim": asdict(claim)}, context)
        found = reply["observation"]["data"].get("evidence")
        return None if found is None else _EVIDENCE.validate_python(found)

    async def undo(self, call: ToolCall, observation: Observation, context: ToolContext) -> Observation:
        """See `agentfix.Undoable`."""
        reply = await self._ask({"do": "undo", "call": asdict(call), "observation": asdict(observation)}, context)
        return _OBSERVATION.validate_python(reply["observation"])

    async def aclose(self) -> None:
        """End the worker. May be called twice."""
        async with self._turn:
            await self._kill()

    async def _ask(self, request: dict[str, Any], context: ToolContext) -> Any:
        secrets = {name: key for name in self.spec.secrets if (key := self.secret(name)) is not None}
        request |= {"timeout_s": context.timeout_s, "seed": context.seed, "folder": str(context.folder),
                    "secrets": secrets}
        async with self._turn:
            with off_guard():
                process = await self._running()
                try:
                    return await self._exchange(process, request)
                except BaseException:
                    await self._kill()
                    raise

    async def _running(self) -> asyncio.subprocess.Process:
        here = asyncio.get_running_loop()
        if self._process is not None and self._process.returncode is None and self._loop is here:
            return self._process
        self._kill_process()
        self._loop = here
        environment = {"PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "agentfix.isolation.worker", stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, env=environment,
            start_new_session=True, limit=LINE_BYTES)
        told = self.settings if self.settings.journal_url is None else self.settings.model_copy(
            update={"journal": "file"})  # the database's URL may hold a password
        about = {"plugin": self.plugin, "tool": self.spec.name, "settings": told.model_dump(mode="json")}
        async with asyncio.timeout(START_S):
            await self._exchange(self._process, about)
        return self._process

    async def _exchange(self, process: asyncio.subprocess.Process, request: Mapping[str, Any]) -> Any:
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(json.dumps(request).encode() + b"\n")
            await process.stdin.drain()
            line = await process.stdout.readline()
            reply: Any = json.loads(line) if line else {"died": True}
        except (ConnectionError, ValueError) as error:
            raise ToolError(f"The worker of {self.spec.name!r} gave no usable reply: {error}.", "fault") from error
        if "died" in reply:
            raise ToolError(f"The worker of {self.spec.name!r} died.", "fault")
        if "refused" in reply:
            raise ToolError(reply["refused"], reply["status"])
        return reply

    def _kill_process(self) -> asyncio.subprocess.Process | None:
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return None
        with suppress(ProcessLookupError, PermissionError):
            if sys.platform == "win32":
                process.kill()
            else:
                os.killpg(process.pid, signal.SIGKILL)
        return process

    async def _kill(self) -> None:
        here = self._loop is asyncio.get_running_loop()
        process = self._kill_process()
        if process is not None and here:
            await process.wait()
