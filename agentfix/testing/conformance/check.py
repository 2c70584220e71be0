"""How a test of conformance is run: skipped or excused by name, with a session that is closed after it."""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import ClassVar, Literal, TypeAlias, TypeVar
from unittest import SkipTest

from agentfix.protocols import ExecResult, Limits, Sandbox, Session

Capability: TypeAlias = Literal["cells", "files", "links", "functions", "crash", "unsupported"]
"""`cells`: variables are kept between programs. `files`: put, get and artefacts. `links`: programs can make symbolic
links. `functions`: programs can call functions of the host. `crash`: a program can end by a signal. `unsupported`:
there are programs that it can't run."""

LIMITS = Limits(timeout_s=60)
"""Generous: a busy machine must not fail a test that is not about time."""


class Conformance:
    """What the tests have in common.

    Attributes:
        lacks: what the sandbox does not claim to do, with the reason.
        known_failures: names of tests that fail, with the reason.
        crashing: a program that ends by a signal.
        unsupported: a program that the sandbox can't run, and a word of what it lacks.
    """

    lacks: ClassVar[Mapping[Capability, str]] = {}
    known_failures: ClassVar[Mapping[str, str]] = {}
    crashing: ClassVar[str] = "import os\nos.abort()"
    unsupported: ClassVar[tuple[str, str]] = ("", "")


Self = TypeVar("Self", bound=Conformance)
Test: TypeAlias = Callable[[Self, Sandbox], Awaitable[None]]


def check(*needs: Capability) -> Callable[[Test[Self]], Test[Self]]:
    """A test of conformance.

    Args:
        needs: what a sandbox must claim to do to be held to it.
    """
    def decorate(test: Test[Self]) -> Test[Self]:
        name = getattr(test, "__name__", "")

        @functools.wraps(test)
        async def run(self: Self, sandbox: Sandbox) -> None:
            for need in needs:
                if need in self.lacks:
                    raise SkipTest(f"{need} is not claimed: {self.lacks[need]}")
            if name not in self.known_failures:
                await test(self, sandbox)
                return
            try:
                await test(self, sandbox)
            except Exception as error:  # however it fails, it is known to
                raise SkipTest(f"known to fail: {self.known_failures[name]}") from error
            raise AssertionError(f"{name} passes by now: take it out of known_failures")
        return run
    return decorate


@asynccontextmanager
async def opened(sandbox: Sandbox) -> AsyncGenerator[Session]:
    """A session, closed at the end."""
    session = await sandbox.open()
    try:
        yield session
    finally:
        await session.aclose()


async def run(session: Session, code: str, want: str | None = None, limits: Limits = LIMITS) -> ExecResult:
    """Run a program from a clean state."""
    return await session.exec(code, limits, want=want)


async def cell(session: Session, code: str, limits: Limits = LIMITS) -> ExecResult:
    """Run a cell."""
    return await session.exec(code, limits, stateful=True)


async def assert_works(session: Session) -> None:
    """Fail unless a session still runs programs, whatever happened in it."""
    result = await run(session, "print('fine')\nanswer = sum(range(10))", "answer")
    assert (result.status, result.stdout, result.value) == ("ok", "fine\n", "45"), result
