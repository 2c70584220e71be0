"""A server on loopback in front of a scripted model, over real HTTP."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Any

import uvicorn

from agentfix import Agent, Settings
from agentfix.journal import SqliteJournal
from agentfix.plugins import Plugins
from agentfix.server.application import Api
from agentfix.server.connection import Connection
from agentfix.server.keys import Keys
from agentfix.server.serving import configured, listen
from agentfix.testing import script_plugin

MODEL = "scripted:"
QUESTION = "A crate holds 15 jars. How many jars are in 4 crates?"
CRASH = "```python\ndef solution():\n    crates = 4\n    return jars * crates\n```"
RIGHT = "```python\ndef solution():\n    jars, crates = 15, 4\n    return jars * crates\n```"
DERIVED = "Each crate holds 15 jars: 4 * 15 = 60 jars.\nThe answer is 60."
SOLVED = (CRASH, RIGHT, DERIVED)
"""A program that crashes, its revision, and an independent derivation: 60, supported by agreement."""


@dataclass
class Served:
    """A server under way."""

    url: str
    api: Api
    agent: Agent
    server: uvicorn.Server

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2].partition("/")[0])


@contextlib.asynccontextmanager
async def serving(model: Any, *, keys: Keys = Keys({}), extra: Any = None,
                  http: type[asyncio.Protocol] = Connection, **chosen: Any):
    """Serve a model's checked answers, in this event loop."""
    models = chosen.pop("served", (MODEL,))
    options = {name: chosen.pop(name) for name in ("body_bytes", "body_s") if name in chosen}
    settings = Settings(**{"model": MODEL, "sandbox": "embedded", "max_seconds": 60, "memory": False, **chosen})
    agent = Agent(settings, Plugins(settings, {"script": script_plugin(model), **(extra or {})}),
                  journal=SqliteJournal(None))
    listener = listen("127.0.0.1", 0, guarded=keys.needed)
    api = Api(agent, models, keys, **options)
    server = uvicorn.Server(configured(api.application(), http))
    server.capture_signals = contextlib.nullcontext  # the test runner's own
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield Served(f"http://127.0.0.1:{listener.getsockname()[1]}/v1", api, agent, server)
    finally:
        server.should_exit = True
        await task
        await agent.aclose()
        listener.close()
