"""Cells: programs that share their variables, and what becomes of these when one fails."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from agentfix.protocols import ExecResult, ExecStatus, Limits, Sandbox, Session
from agentfix.testing.conformance.check import LIMITS, Conformance, cell, check, opened, run
from agentfix.testing.conformance.limits import SHORT


class CellConformance(Conformance):
    """Variables are kept, and a cell that was cut short is undone, or what happened to them is told."""

    @check("cells")
    async def test_cells_see_the_variables_of_earlier_cells(self, sandbox: Sandbox) -> None:
        async with opened(sandbox) as session:
            first = await cell(session, "import math\nx = [1]\ny = x\ndef f(a):\n    return a + len(x)")
            second = await cell(session, "y.append(2)\n(x, f(40), math.floor(2.5))")
        assert (first.status, first.state, first.value) == ("ok", "fresh", None)
        assert (second.status, second.state, second.value) == ("ok", "kept", "([1, 2], 42, 2)")

    @check("cells")
    async def test_a_wanted_variable_may_be_of_an_earlier_cell(self, sandbox: Sandbox) -> None:
        async with opened(sandbox) as session:
            await cell(session, "answer = 'a'")
            result = await session.exec("x = 1", LIMITS, want="answer", stateful=True)
        assert (result.status, result.value) == ("ok", "a")

    @check("cells")
    async def test_cells_and_programs_do_not_see_each_others_variables(self, sandbox: Sandbox) -> None:
        async with opened(sandbox) as session:
            await cell(session, "x = 1")
            program = await run(session, "y = 2\nx")
            after = await cell(session, "y")
            assert (program.status, program.error, program.state) == (
                "error", "NameError: name 'x' is not defined", "fresh")
            assert (after.status, after.error) == ("error", "NameError: name 'y' is not defined")
            assert (await cell(session, "x")).value == "1"

    @check("cells")
    async def test_a_cell_that_raises_keeps_what_it_did(self, sandbox: Sandbox) -> None:
        async with opened(sandbox) as session:
            await cell(session, "x = 1")
            failed = await cell(session, "x = 2\n1 / 0\nx = 3")
            assert (failed.status, failed.line, failed.state) == ("error", 2, "kept")
            after = await cell(session, "x")
            assert (after.value, after.state) == ("2", "kept")

    @check("cells")
    async def test_an_error_in_a_function_of_an_earlier_cell_has_the_line_of_the_call(self, sandbox: Sandbox) -> None:
        async with opened(sandbox) as session:
            await cell(session, "def f():\n    a = 1\n    b = 2\n    return a / 0")
            result = await cell(session, "x = 1\nf()")
        assert (result.status, result.line, result.error) == ("error", 2, "ZeroDivisionError: division by zero")

    @check("cells")
    async def test_a_syntax_error_changes_nothing(self, sandbox: Sandbox) -> None:
        async with opened(sandbox) as session:
            await cell(session, "x = 1")
            failed = await cell(session, "x = 2\nx = = 3")
            assert (failed.status, failed.line) == ("error", 2)
            assert (await cell(session, "x")).value == "1"

    @check("cells")
    async def test_a_cell_that_never_ends_is_cut_short(self, sandbox: Sandbox) -> None:
        async with opened(sandbox) as session:
            await cell(session, "x = 1")
            failed = await cell(session, "x = 2\nwhile True: pass", SHORT)
            await assert_told(session, failed, "timeout")

    @check("cells")
    async def test_a_cell_that_runs_out_of_memory_is_cut_short(self, sandbox: Sandbox) -> None:
        async with opened(sandbox) as session:
            await cell(session, "x = 1")
            failed = await cell(session, "x = 2\ny = []\nwhile True:\n    y.append('a' * 1_000_000)")
            await assert_told(session, failed, "oom")

    @check("cells")
    async def test_a_cell_that_prints_without_end_is_cut_short(self, sandbox: Sandbox) -> None:
        async with opened(sandbox) as session:
            await cell(session, "x = 1")
            failed = await cell(session, "x = 2\nwhile True: print('x' * 100_000)")
            await assert_told(session, failed, "output_limit")

    @check("cells", "crash")
    async def test_a_cell_that_crashes_is_cut_short(self, sandbox: Sandbox) -> None:
        async with opened(sandbox) as session:
            await cell(session, "x = 1")
            await assert_told(session, await cell(session, f"x = 2\n{self.crashing}"), "crash")

    @check("cells")
    async def test_a_first_cell_that_is_cut_short_leaves_nothing_strange(self, sandbox: Sandbox) -> None:
        async with opened(sandbox) as session:
            failed = await cell(session, "x = 2\nwhile True: pass", SHORT)
            assert failed.status == "timeout"
            assert (await cell(session, "y = 3\ny")).value == "3"

    @check("cells", "unsupported")
    async def test_a_cell_that_can_not_run_is_undone(self, sandbox: Sandbox) -> None:
        async with opened(sandbox) as session:
            await cell(session, "x = 1")
            failed = await cell(session, f"x = 2\n{self.unsupported[0]}")
            assert (failed.status, failed.state) == ("unsupported", "rolled_back")
            assert (await cell(session, "x")).value == "1"

    @check("cells")
    async def test_cells_run_one_after_another(self, sandbox: Sandbox) -> None:
        async with opened(sandbox) as session:
            await cell(session, "n = 0")
            results = await asyncio.gather(*(cell(session, "n = n + 1\nn") for _ in range(5)))
        assert [result.value for result in results] == ["1", "2", "3", "4", "5"]

    @check("cells")
    async def test_a_cancelled_cell_leaves_the_session_usable(self, sandbox: Sandbox) -> None:
        async with opened(sandbox) as session:
            await cell(session, "x = 1")
            await cancel_once_it_runs(session, stateful=True)
            result = await cell(session, "y = 3\ny")
            assert (result.status, result.value) == ("ok", "3")
            kept = await cell(session, "x")
            assert (kept.value == "1") if result.state == "kept" else (kept.status == "error")

    @check("cells")
    async def test_sessions_do_not_share_variables(self, sandbox: Sandbox) -> None:
        one, other = await sandbox.open(), await sandbox.open()
        await cell(one, "x = 1")
        result = await cell(other, "x")
        assert (result.status, result.state) == ("error", "fresh")
        await other.aclose()
        assert (await cell(one, "x")).value == "1"
        await one.aclose()


async def assert_told(session: Session, failed: ExecResult, status: ExecStatus) -> None:
    """Fail unless a cell that set x to 2, where it had been 1, and was cut short, tells what x is now."""
    assert (failed.status, failed.exit_code) == (status, None), failed
    after = await cell(session, "x")
    match failed.state:
        case "rolled_back":
            assert (after.value, after.state) == ("1", "kept")
        case "kept":  # interrupted in a way that a program can notice, and not undone
            assert (after.value, after.state) == ("2", "kept")
        case "lost":
            assert (after.status, after.state) == ("error", "fresh")
        case state:
            raise AssertionError(f"the state is told as {state!r}")


async def cancel_once_it_runs(session: Session, *, stateful: bool = False, limits: Limits = LIMITS) -> list[str]:
    """Start a program that never ends, and cancel it when its first output has come; returns what it printed."""
    heard: list[str] = []
    runs = asyncio.Event()

    def hear(stream: str, text: str) -> None:
        heard.append(text)
        runs.set()

    work = asyncio.ensure_future(session.exec("print('running')\nwhile True: pass", replace(limits), stateful=stateful,
                                              on_output=hear))
    waiting = asyncio.ensure_future(runs.wait())
    await asyncio.wait({work, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    assert not work.done(), work.result()
    work.cancel()
    try:
        await work
    except asyncio.CancelledError:
        return heard
    raise AssertionError("a cancelled program ended as if it had not been")
