"""Sessions: side by side, watched, cancelled and closed."""

from __future__ import annotations

import asyncio
import threading

from agentfix.errors import SandboxError
from agentfix.protocols import Sandbox, Session
from agentfix.testing.conformance.cells import cancel_once_it_runs
from agentfix.testing.conformance.check import LIMITS, Conformance, assert_works, cell, check, opened, run


class SessionConformance(Conformance):
    """Many at once, and nothing left when they are closed."""

    @check()
    async def test_programs_run_side_by_side(self, sandbox: Sandbox) -> None:
        async with opened(sandbox) as session:
            results = await asyncio.gather(*(run(session, f"answer = {i}", "answer") for i in range(5)))
        assert [result.value for result in results] == ["0", "1", "2", "3", "4"]

    @check()
    async def test_sessions_run_side_by_side(self, sandbox: Sandbox) -> None:
        sessions = [await sandbox.open() for _ in range(5)]
        results = await asyncio.gather(*(run(session, f"answer = {i}", "answer")
                                         for i, session in enumerate(sessions)))
        assert [result.value for result in results] == ["0", "1", "2", "3", "4"]
        await asyncio.gather(*(session.aclose() for session in sessions))

    @check()
    async def test_output_is_heard_whole_in_order_and_in_the_callers_thread(self, sandbox: Sandbox) -> None:
        heard: list[tuple[str, str]] = []
        threads: set[int] = set()

        def hear(stream: str, text: str) -> None:
            heard.append((stream, text))
            threads.add(threading.get_ident())

        async with opened(sandbox) as session:
            result = await session.exec("import sys\nfor i in range(300):\n    print(i)\nprint('oh', file=sys.stderr)",
                                        LIMITS, on_output=hear)
            count = len(heard)
            await assert_works(session)
        assert "".join(text for stream, text in heard if stream == "stdout") == result.stdout
        assert result.stdout == "".join(f"{i}\n" for i in range(300))
        assert "".join(text for stream, text in heard if stream == "stderr") == result.stderr == "oh\n"
        assert len(heard) == count, "something was heard after the program had ended"
        assert threads == {threading.get_ident()}

    @check()
    async def test_output_is_heard_while_the_program_runs_and_cancelling_stops_it(self, sandbox: Sandbox) -> None:
        async with opened(sandbox) as session:
            heard = await cancel_once_it_runs(session)
            assert "".join(heard) == "running\n"
            await assert_works(session)
            assert "".join(heard) == "running\n"

    @check()
    async def test_many_can_be_cancelled_at_once(self, sandbox: Sandbox) -> None:
        async with opened(sandbox) as session:
            await asyncio.gather(*(cancel_once_it_runs(session) for _ in range(2)))
            await assert_works(session)

    @check()
    async def test_closing_twice_is_closing_once(self, sandbox: Sandbox) -> None:
        session = await sandbox.open()
        await assert_works(session)
        for each in (session, session, sandbox, sandbox):
            await each.aclose()

    @check()
    async def test_a_session_that_was_never_used_can_be_closed(self, sandbox: Sandbox) -> None:
        session = await sandbox.open()
        await session.aclose()

    @check()
    async def test_a_closed_session_says_so(self, sandbox: Sandbox) -> None:
        session = await sandbox.open()
        await session.aclose()
        await assert_closed(session)

    @check()
    async def test_a_sandbox_can_be_used_again_after_it_was_closed(self, sandbox: Sandbox) -> None:
        for _ in range(2):
            session = await sandbox.open()
            await assert_works(session)
            await session.aclose()
            await sandbox.aclose()

    @check()
    async def test_closing_one_session_leaves_the_others(self, sandbox: Sandbox) -> None:
        one, other = await sandbox.open(), await sandbox.open()
        await assert_works(one)
        await one.aclose()
        await assert_works(other)
        await other.aclose()


async def assert_closed(session: Session) -> None:
    """Fail unless a session that was closed refuses everything with an error that says so."""
    for use in (run(session, "1"), cell(session, "1"), session.put("a", b""), session.get("a"), session.files()):
        try:
            await use
        except SandboxError as error:
            assert "closed" in str(error)
        else:
            raise AssertionError("a closed session was used")
