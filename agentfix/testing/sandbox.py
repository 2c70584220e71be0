"""A sandbox where nothing runs: a test says what happens to each program."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from agentfix.errors import SandboxError
from agentfix.protocols import ExecResult, FileInfo, HostFunction, Limits, OnOutput
from agentfix.testing.files import ScriptedFiles


@dataclass(frozen=True, slots=True)
class NeverEnds:
    """What happens to a program that runs until it is cancelled."""

    stdout: str = ""
    """What it prints before."""


Outcome: TypeAlias = ExecResult | Exception | NeverEnds | Callable[[str], ExecResult]
"""What happens to one program: a result, an error of the sandbox, no end, or a function of the source."""


class ScriptedSandbox:
    """A `Sandbox` whose sessions play outcomes in order and keep the programs.

    Files that are put can be got again. What a cell writes to its folder are the artefacts of its outcome. No function
    of the host is ever called.

    Args:
        outcomes: what happens to each program, whichever session it is run in.

    Attributes:
        programs: every program, in order.
        is_open: whether a session is open.
    """

    name = "scripted"

    def __init__(self, outcomes: Iterable[Outcome]) -> None:
        self.programs: list[str] = []
        self._outcomes: Iterator[Outcome] = iter(list(outcomes))
        self._sessions: list[ScriptedSession] = []

    @property
    def is_open(self) -> bool:
        return any(session.is_open for session in self._sessions)

    async def open(self) -> ScriptedSession:
        session = ScriptedSession(self)
        self._sessions.append(session)
        return session

    async def aclose(self) -> None:
        for session in self._sessions:
            await session.aclose()

    def next(self, code: str) -> Outcome:
        """Note a program. Returns what happens to it.

        Raises:
            AssertionError: the script is over.
        """
        self.programs.append(code)
        try:
            return next(self._outcomes)
        except StopIteration:
            raise AssertionError(f"program {len(self.programs)} has no outcome in the script:\n{code}") from None

    def assert_done(self) -> None:
        """Fail unless every outcome was played."""
        left = len(list(self._outcomes))
        if left:
            raise AssertionError(f"{left} outcomes were never asked for")


class ScriptedSession:
    """A session of a `ScriptedSandbox`."""

    def __init__(self, sandbox: ScriptedSandbox) -> None:
        self.is_open = True
        self._sandbox = sandbox
        self._files = ScriptedFiles()

    async def exec(self, code: str, limits: Limits = Limits(), *, want: str | None = None, stateful: bool = False,
                   on_output: OnOutput | None = None,
                   functions: Mapping[str, HostFunction] = MappingProxyType({})) -> ExecResult:
        """Play the next outcome.

        Raises:
            AssertionError: the script is over.
            Exception: the error that an outcome holds.
        """
        self._require_open()
        outcome = self._sandbox.next(code)
        if isinstance(outcome, Exception):
            raise outcome
        if isinstance(outcome, NeverEnds):
            if on_output is not None and outcome.stdout:
                on_output("stdout", outcome.stdout)
            await asyncio.Event().wait()
            raise AssertionError("unreachable")
        result = outcome(code) if callable(outcome) else outcome
        if on_output is not None and result.stdout:
            on_output("stdout", result.stdout)
        if on_output is not None and result.stderr:
            on_output("stderr", result.stderr)
        if stateful:
            self._files.cell_wrote(result.artefacts)
        return result

    async def put(self, path: str, data: bytes) -> None:
        self._require_open()
        self._files.put(path, data)

    async def get(self, path: str) -> bytes:
        self._require_open()
        return self._files.get(path)

    async def files(self) -> list[FileInfo]:
        self._require_open()
        return self._files.listing()

    async def aclose(self) -> None:
        self.is_open = False

    def _require_open(self) -> None:
        if not self.is_open:
            raise SandboxError("This session of the scripted sandbox is closed.", "Open another one.")
