"""What kind `qa` shows a model that answers with words from the middle of what it reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from agentfix import Agent, Completion, Delta, ModelRequest, Plugins, Register, Settings, Task, Usage, hookimpl
from agentfix.journal import SqliteJournal

from .acts import REPLACED
from .documents import Document
from .world import World

STRATEGIES = ("critic", "retrieval")


class Quoting:
    """A `Model` that says yes, or two words from the middle of its prompt."""

    name = "quoting"

    def __init__(self) -> None:
        self.requests: list[ModelRequest] = []

    async def generate(self, request: ModelRequest, *,
                       on_delta: Callable[[Delta], None] | None = None) -> list[Completion]:
        """Reply."""
        self.requests.append(request)
        words = request.messages[-1].content.split()
        middle = " ".join(words[len(words) // 2:][:2])
        said = json.dumps({"answer": middle}) if request.schema else "Yes" if request.top_logprobs else middle
        return [Completion(said, usage=Usage(1, 0, 1)) for _ in range(request.n)]

    async def aclose(self) -> None:
        """Nothing to free."""


@dataclass(frozen=True, slots=True)
class _Model:
    model: Quoting

    @hookimpl
    def agentfix_register_models(self, register: Register) -> None:
        register("quoting", lambda build: self.model, "Quotes.")


async def shown(document: Document) -> list[ModelRequest]:
    """What a model is asked when it answers the document's question from it."""
    model = Quoting()
    for strategy in STRATEGIES:
        settings = Settings(model="quoting:", kind="qa", strategy=strategy, sandbox="embedded", journal="memory",
                            disabled_plugins=REPLACED)
        plugins = Plugins(settings, {"model": _Model(model), "world": World(document)})
        async with Agent(settings, plugins, journal=SqliteJournal(None)) as agent:
            await agent.arun(Task(document.entry.question, "qa"))
    return list({request.messages: request for request in model.requests}.values())
