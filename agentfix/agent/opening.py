"""How a run begins: its name, and all that is said of it beside its task."""

from __future__ import annotations

import asyncio
import inspect
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentfix.errors import ConfigError, InputError, UsageError
from agentfix.graph.calls import Doubt
from agentfix.graph.sources import Source
from agentfix.protocols import Critic
from agentfix.recording import Recording
from agentfix.settings import Settings
from agentfix.structured import OUTPUT, Output, OutputCritic
from agentfix.types import Event, ToolCall


def new_name(chosen: str | None = None) -> str:
    """A name for a run: the chosen one, or when it began and something to tell it from others of the same second.

    Raises:
        InputError: the chosen one is no text, or empty.
    """
    if chosen is None:
        return f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"
    if not isinstance(chosen, str) or not chosen.strip():  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InputError(f"The name of a run must be a text, not {chosen!r}.", "Leave it out, and one is made up.")
    return chosen


@dataclass(frozen=True)
class Opening:
    """How a run is to be run.

    Args:
        settings: of this run.
        on_event: told of everything that happens.
        on_doubt: asked about a call with side effects that may have happened.
        sources: where else replies may be had.
        recording: what models and tools say, instead of asking them.
        goes_on: the run is known already, and is taken up again.
        before: the header of the run that is taken up, replayed, or that this one begins as or goes on from.
        given: an answer that came with the task: it is reviewed, and the actor is not asked.
        critics: those that review it; the kind's and those that the settings name when empty.
        output: what the answer is to be parsed into.

    Raises:
        ConfigError: who is to be told or asked can't be called.
    """

    settings: Settings
    on_event: Callable[[Event], None] | None = None
    on_doubt: Callable[[ToolCall], Awaitable[Doubt]] | None = None
    sources: Sequence[Source] = ()
    recording: Recording | None = None
    goes_on: bool = False
    before: Mapping[str, Any] | None = None
    given: str | None = None
    critics: tuple[str, ...] = ()
    output: Output[Any] | None = None

    def __post_init__(self) -> None:
        for name in ("on_event", "on_doubt"):
            given = getattr(self, name)
            if given is not None and not callable(given):
                raise ConfigError(f"{name} must be a function, not {given!r}.")
        for function in (self.on_event, getattr(self.on_event, "__call__", None)):  # noqa: B004 - of objects
            if inspect.iscoroutinefunction(function):
                raise _awaited_by_nobody()

    def tell(self, event: Event) -> None:
        """Tell who is to be told. What they raise is raised.

        Raises:
            UsageError: it would be taken for the end of the run itself, or they are async.
        """
        said = None
        try:
            if self.on_event is not None:
                said = self.on_event(event)
        except (asyncio.CancelledError, GeneratorExit) as error:
            raise UsageError(f"on_event raised {error!r}.", "Cancel the task that awaits the run instead.") from error
        if inspect.iscoroutine(said):
            said.close()
            raise _awaited_by_nobody()

    @property
    def own_critics(self) -> Mapping[str, Critic]:
        """Critics that no plugin registers."""
        return {} if self.output is None else {OUTPUT: OutputCritic(self.output)}


def _awaited_by_nobody() -> ConfigError:
    return ConfigError("on_event must be a plain function: nothing awaits it.",
                       "Put the events into an asyncio.Queue, or use astream.")
