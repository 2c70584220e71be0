"""A plugin for the server that is tried: a model that costs nothing, and tells what the process holds when asked."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Callable
from typing import Any

from agentfix import Completion, Delta, ModelRequest, hookimpl

COUNT = "(what do you hold?)"
LIBRARY = "(with a library)"
PIECE_S = 0.005
PROGRAM = "```python\ndef solution():\n    jars, crates = 15, 4\n    return jars * crates\n```"
IN_LIBRARY = "```python\nimport numpy\n\ndef solution():\n    return int(numpy.prod([15, 4]))\n```"


class Cheap:
    """Writes the same program every time, a word after the other."""

    name = "cheap"

    def __init__(self) -> None:
        self.asked = 0

    async def generate(self, request: ModelRequest, *,
                       on_delta: Callable[[Delta], None] | None = None) -> list[Completion]:
        """See `agentfix.Model`."""
        said = "\n".join(message.content for message in request.messages)
        if COUNT in said:
            return [Completion(json.dumps(self._held()))]
        text = IN_LIBRARY if LIBRARY in said else PROGRAM
        self.asked += 1
        try:
            for piece in text.splitlines(keepends=True):
                await asyncio.sleep(PIECE_S)
                if on_delta is not None:
                    on_delta(Delta(piece))
        finally:
            self.asked -= 1
        return [Completion(text) for _ in range(request.n)]

    def _held(self) -> dict[str, int]:
        sequences = sum(len(each._waiting) + len(each._writing)
                        for each in _objects("agentfix.models.llamacpp.scheduler", "Scheduler"))
        spare = sum(idle.tenant is None for pool in _objects("agentfix.sandbox.docker.pool", "Pool")
                    for idle in pool._idle)
        return {"asyncio tasks": len(asyncio.all_tasks()), "model calls": self.asked, "sequences": sequences,
                "spare containers": spare}

    async def aclose(self) -> None:
        """Nothing to free."""


def _objects(module: str, name: str) -> list[Any]:
    return [found for found in gc.get_objects() if type(found).__name__ == name and type(found).__module__ == module]


@hookimpl
def agentfix_register_models(register: Any) -> None:
    """Register the model."""
    register("cheap", lambda build: Cheap(), "Writes the same program every time.")
