"""Calls a tool with made-up arguments and keeps what came of each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from pydantic_core import PydanticSerializationError, to_jsonable_python

from agentfix.errors import ToolError
from agentfix.protocols import Tool, ToolContext
from agentfix.testing.checks import canaries
from agentfix.testing.checks.calling import Caller, Outcome
from agentfix.testing.checks.rehearsal import Rehearsal, RehearsalHttp, RehearsalSandbox, RehearsalSecrets, rehearse
from agentfix.testing.checks.trial import shortened
from agentfix.testing.sandbox import ScriptedSession
from agentfix.tools.guard import home_of
from agentfix.tools.runner import HELD_S
from agentfix.types import Claim, Observation, ToolCall

TEXT_CHARS = 100_000
BATTERY_TIMES = 4
"""All calls together may take so many times what one may; the rest are left out."""


@dataclass(frozen=True, slots=True)
class Made:
    """A call that was made."""

    arguments: Mapping[str, Any]
    outcome: Outcome
    refused: tuple[str, ...]
    """What the tool tried without having declared it."""
    stopped: tuple[str, ...]
    """What it had declared and was kept from."""

    @property
    def observation(self) -> Observation | None:
        return self.outcome.value if isinstance(self.outcome.value, Observation) else None

    @property
    def is_huge(self) -> bool:
        """Whether it said more than anybody can read."""
        return self.observation is not None and len(str(self.observation.text)) > TEXT_CHARS

    @property
    def told(self) -> str:
        """The call, for a person."""
        return f"with {shortened(self.arguments)}"

    @property
    def said(self) -> str:
        """All of what the tool said, to be compared."""
        if isinstance(self.outcome.error, ToolError):
            return f"ToolError({self.outcome.error.status}): {self.outcome.error}"
        if self.observation is None:
            return f"{type(self.outcome.error).__name__}"
        try:
            return repr(to_jsonable_python(asdict(self.observation)))
        except (PydanticSerializationError, ValueError, RecursionError):
            return self.observation.text


class Battery:
    """Makes calls of one tool.

    Args:
        tool: which.
        timeout_s: how long one call may take.
        seed: for tools that draw.
    """

    def __init__(self, tool: Tool, timeout_s: float, seed: int) -> None:
        self._tool = tool
        self._timeout_s = timeout_s
        self._seed = seed
        self._caller = Caller()

    def all(self, arguments: Sequence[Mapping[str, Any]]) -> list[Made]:
        """Make calls up to the first that hangs, holds the event loop or says too much, as long as there is time."""
        made: list[Made] = []
        began = time.monotonic()
        for each in arguments:
            made.append(self._surely(each))
            if made[-1].outcome.hung or made[-1].outcome.held_s > HELD_S or made[-1].is_huge:
                break
            if time.monotonic() - began > BATTERY_TIMES * self._timeout_s:
                break
        return made

    def _surely(self, arguments: Mapping[str, Any]) -> Made:
        """Make one call; again, when it held the event loop, which on a busy machine may be nobody's fault."""
        made = self.one(arguments)
        if made.outcome.hung or made.outcome.held_s <= HELD_S:
            return made
        again = self.one(arguments)
        return made if again.outcome.held_s > HELD_S else again

    def one(self, arguments: Mapping[str, Any], *, cancel: bool = False) -> Made:
        """Make one call; cancel it as soon as it waits, if so told. A page that is then asked for never comes."""
        with self._context(silent=cancel) as (context, guard):
            outcome = self._caller.call(lambda: self._tool.run(dict(arguments), context), self._timeout_s,
                                        cancel=cancel)
        return Made(arguments, outcome, tuple(guard.refused), tuple(guard.stopped))

    def verify(self, claim: Claim) -> Made:
        """Have it check a claim."""
        with self._context(silent=False) as (context, guard):
            outcome = self._caller.call(lambda: cast("Any", self._tool).verify(claim, context), self._timeout_s)
        return Made({"claim": claim.text}, outcome, tuple(guard.refused), tuple(guard.stopped))

    def undo(self, arguments: Mapping[str, Any]) -> tuple[Made, Made | None]:
        """Make one call and, where it went well, have it taken back, in the same scratch folder."""
        with self._context(silent=False) as (context, guard):
            outcome = self._caller.call(lambda: self._tool.run(dict(arguments), context), self._timeout_s)
            act = Made(arguments, outcome, tuple(guard.refused), tuple(guard.stopped))
            observation = act.observation
            if observation is None or not observation.ok:
                return act, None
            call = ToolCall(self._tool.spec.name, arguments, "check-1")
            outcome = self._caller.call(lambda: cast("Any", self._tool).undo(call, observation, context),
                                        self._timeout_s)
            return act, Made(arguments, outcome, tuple(guard.refused[len(act.refused):]),
                             tuple(guard.stopped[len(act.stopped):]))

    @contextmanager
    def _context(self, *, silent: bool) -> Generator[tuple[ToolContext, Rehearsal]]:
        with TemporaryDirectory(prefix="agentfix-check-") as folder:
            guard = rehearse(self._tool.spec, (Path(folder),), home_of(self._tool))
            http = _NoAnswer(guard, canaries.page) if silent else RehearsalHttp(guard, canaries.page)
            with guard.on():
                yield ToolContext(ScriptedSession(RehearsalSandbox([])), self._timeout_s, self._seed, http,
                                  RehearsalSecrets(guard), Path(folder)), guard


class _NoAnswer(RehearsalHttp):
    async def request(self, method: str, url: str, **options: Any) -> Any:
        await asyncio.Event().wait()
