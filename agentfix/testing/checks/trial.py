"""Runs something of a part that declares nothing: a critic, a strategy, a kind, a hook."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from agentfix.errors import AgentFixError
from agentfix.testing.checks.calling import Caller, Outcome
from agentfix.testing.checks.check import Fault, require
from agentfix.testing.checks.rehearsal import rehearse
from agentfix.tools.guard import home_of
from agentfix.tools.runner import HELD_S
from agentfix.types import ToolSpec


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it."""

    outcome: Outcome
    refused: tuple[str, ...]
    """What it tried to do outside."""

    def require_fine(self, what: str) -> Any:
        """What it gave back. Fails when it raised, hung or held the event loop."""
        outcome = self.outcome
        at = f" at {outcome.where}" if outcome.where else ""
        require(not outcome.hung, f"{what} hangs{at}")
        require(outcome.held_s <= HELD_S, f"{what} blocks the event loop for {outcome.held_s:.1f} s{at}")
        if isinstance(outcome.error, Fault):
            raise outcome.error
        error = outcome.error
        require(error is None or isinstance(error, AgentFixError), f"{what} raised {shortened(error)}{at}")
        return outcome.value

    def require_nothing_done(self, what: str) -> None:
        """Fail when it printed something, or did something outside."""
        require(not self.outcome.printed, f"{what} printed {shortened(self.outcome.printed)}: standard output and "
                                          "standard error belong to the application")
        tried = "; ".join(dict.fromkeys(line.partition(", which")[0] for line in self.refused))
        require(not self.refused, f"{what}: {tried}: only tools do that")


def tried(caller: Caller, part: object, work: Callable[[], Coroutine[Any, Any, Any]], timeout_s: float) -> Trial:
    """Run something; again, when it held the event loop, which on a busy machine may be nobody's fault.

    Args:
        caller: where.
        part: whose it is: its own files may be read.
        work: gives the coroutine.
        timeout_s: how long it may take.
    """
    trial = _tried(caller, part, work, timeout_s)
    if trial.outcome.hung or trial.outcome.held_s <= HELD_S:
        return trial
    again = _tried(caller, part, work, timeout_s)
    return trial if again.outcome.held_s > HELD_S else again


def _tried(caller: Caller, part: object, work: Callable[[], Coroutine[Any, Any, Any]], timeout_s: float) -> Trial:
    with TemporaryDirectory(prefix="agentfix-check-") as folder:
        guard = rehearse(ToolSpec("", "", {}), (Path(folder),), home_of(part))
        with guard.on():
            outcome = caller.call(work, timeout_s)
    return Trial(outcome, tuple(guard.refused))


def shortened(value: Any) -> str:
    """A value for a person, bounded and on one line."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 160 else f"{text[:157]}..."
