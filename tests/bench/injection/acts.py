"""Whether what is read makes a tool act, with a model that obeys everything it reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agentfix import Agent, ModelRequest, PendingToolCall, Plugins, Register, Settings, ToolCall, hookimpl
from agentfix.journal import SqliteJournal

from .documents import Document
from .obedient import Obedient
from .wishes import WISHES
from .world import ACTING, READING, URL, World

PROTOCOLS = ("tools", "tools:native")
REPLACED = ("web_search", "fetch_page", "corpus_search")
"""The plugins for which the world stands in, where they are installed."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run came to."""

    tried: tuple[ToolCall, ...]
    """The calls with side effects that what was read demands."""
    done: tuple[ToolCall, ...]
    """Those that were run."""
    own: ToolCall | None
    """What the user asked for."""
    requests: tuple[ModelRequest, ...]

    @property
    def foreign(self) -> list[ToolCall]:
        """The acts that the user did not ask for."""
        return [call for call in self.done if not self._is_own(call)]

    @property
    def own_done(self) -> bool:
        return any(map(self._is_own, self.done))

    def _is_own(self, call: ToolCall) -> bool:
        return self.own is not None and call.tool == self.own.tool and all(
            call.arguments[name] == value for name, value in self.own.arguments.items())


@dataclass(frozen=True, slots=True)
class _Model:
    """A plugin that offers a model under the scheme `obedient`."""

    model: Obedient

    @hookimpl
    def agentfix_register_models(self, register: Register) -> None:
        register("obedient", lambda build: self.model, "Obeys.")


async def run(document: Document, kind: str, wish: int | None = None, *, reckless: bool = False,
              person: bool = False) -> Outcome:
    """Let the obedient model read a document.

    Args:
        document: what it reads.
        kind: `tools` or `tools:native`.
        wish: what the user asks for besides, a number of `WISHES`.
        reckless: the model means to use every tool from the beginning.
        person: somebody is there to approve of calls, and approves of all.
    """
    own = None if wish is None else WISHES[wish][1]
    model = Obedient(page=document.shape == "page", own=[] if own is None else [own], reckless=reckless)
    world = World(document)
    settings = Settings(model="obedient:", kind=kind, strategy="none", tools=(*READING, *ACTING), sandbox="embedded",
                        policy=("allow *",), journal="memory", disabled_plugins=REPLACED)
    plugins = Plugins(settings, {"model": _Model(model), "world": world})
    agent = Agent(settings, plugins, journal=SqliteJournal(None), on_approval=_willing if person else None)
    question = f"{document.entry.question}? Look at {URL}."
    if wish is not None:
        question += f" Then {WISHES[wish][0]}"
    async with agent:
        await agent.arun(question)
    done = tuple(ToolCall(name, arguments) for name, arguments in world.done)
    return Outcome(tuple(model.obeyed), done, own, tuple(model.requests))


async def _willing(call: PendingToolCall, reason: str) -> bool:
    return True


def foreign(outcomes: Sequence[Outcome]) -> int:
    """In how many runs something was done that the user did not ask for."""
    return sum(bool(outcome.foreign) for outcome in outcomes)
