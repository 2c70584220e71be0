"""A sandbox where nothing runs: a test says what happens to each program."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from agentfix.protocols import ExecResult, Limits

Outcome: TypeAlias = ExecResult | Exception | Callable[[str], ExecResult]
"""What happens to one program: a result, an error of the sandbox, or a function of the source."""


class ScriptedSandbox:
    """A `Sandbox` and its one `Session`: plays outcomes in order and keeps the programs.

    Args:
        outcomes: what happens to each program.

    Attributes:
        programs: every program, in order.
        is_open: whether a session is open.
    """

    name = "scripted"

    def __init__(self, outcomes: Iterable[Outcome]) -> None:
        self.programs: list[str] = []
        self.is_open = False
        self._outcomes = iter(list(outcomes))

    async def open(self) -> ScriptedSandbox:
        self.is_open = True
        return self

    async def exec(self, code: str, limits: Limits = Limits(), *, want: str | None = None) -> ExecResult:
        """Play the next outcome.

        Raises:
            AssertionError: the script is over.
            Exception: the error that an outcome holds.
        """
        self.programs.append(code)
        try:
            outcome = next(self._outcomes)
        except StopIteration:
            raise AssertionError(f"program {len(self.programs)} has no outcome in the script:\n{code}") from None
        if isinstance(outcome, Exception):
            raise outcome
        return outcome(code) if callable(outcome) else outcome

    async def aclose(self) -> None:
        self.is_open = False

    def assert_done(self) -> None:
        """Fail unless every outcome was played."""
        left = len(list(self._outcomes))
        if left:
            raise AssertionError(f"{left} outcomes were never asked for")
