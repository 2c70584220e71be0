"""What every sandbox must do alike."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from agentfix import ExecResult, Limits, Session

LIMITS = Limits(timeout_s=30)
"""Generous: a busy machine must not fail a test that is not about time."""
SHORT = Limits(timeout_s=1, memory_bytes=128 * 2**20)


async def run(session: Session, code: str, want: str | None = None, limits: Limits = LIMITS) -> ExecResult:
    result = await session.exec(code, limits, want=want)
    assert result.sandbox in {"embedded", "docker"}
    return result


async def test_a_program_that_ends_well(session: Session) -> None:
    result = await run(session, "print('héllo')\nanswer = 36 / 2", "answer")
    assert (result.status, result.stdout, result.stderr) == ("ok", "héllo\n", "")
    assert (result.value, result.exit_code, result.error, result.line) == ("18.0", 0, "", None)
    assert not result.truncated


@pytest.mark.parametrize(("expression", "text"), [
    ("None", "None"), ("[1.5, 'a']", "[1.5, 'a']"), ("'two\\nlines'", "two\nlines"), ("10**30", str(10**30)),
])
async def test_a_value_is_the_text_of_the_variable(session: Session, expression: str, text: str) -> None:
    assert (await run(session, f"str = 3\nanswer = {expression}", "answer")).value == text


async def test_a_variable_that_is_not_set_has_no_value(session: Session) -> None:
    result = await run(session, "x = 1", "answer")
    assert (result.status, result.value) == ("ok", None)


async def test_each_program_starts_afresh(session: Session) -> None:
    await run(session, "left_over = 1")
    assert (await run(session, "print(left_over)")).error == "NameError: name 'left_over' is not defined"


async def test_an_exception_tells_its_type_message_and_innermost_line(session: Session) -> None:
    result = await run(session, "def f(y):\n    return y + 'a'\nprint('before')\nf(1)\nanswer = 1", "answer")
    assert (result.status, result.exit_code, result.line, result.value) == ("error", 1, 2, None)
    assert result.error == "TypeError: unsupported operand type(s) for +: 'int' and 'str'"
    assert result.stdout == "before\n"
    assert 'File "<program>", line 2' in result.stderr


async def test_a_syntax_error_is_an_error_with_a_line(session: Session) -> None:
    result = await run(session, "x = 1\ny = = 2")
    assert (result.status, result.line, result.exit_code) == ("error", 2, 1)
    assert result.error.startswith("SyntaxError: ")


async def test_an_endless_loop_is_stopped(session: Session) -> None:
    result = await run(session, "print('on my way')\nwhile True: pass", limits=SHORT)
    assert (result.status, result.exit_code) == ("timeout", None)
    assert result.seconds >= 1


async def test_a_memory_hog_is_stopped(session: Session) -> None:
    result = await run(session, "x = []\nwhile True:\n    x.append('a' * 1_000_000)",
                       limits=replace(LIMITS, memory_bytes=64 * 2**20))
    assert (result.status, result.exit_code) == ("oom", None)


async def test_long_output_keeps_head_and_tail(session: Session) -> None:
    result = await run(session, "for i in range(20_000): print('line', i)", limits=replace(LIMITS, output_bytes=1000))
    assert (result.status, result.truncated) == ("ok", True)
    assert result.stdout.startswith("line 0\n") and result.stdout.endswith("line 19999\n")
    assert len(result.stdout) < 1100


async def test_a_flood_of_output_is_stopped(session: Session) -> None:
    result = await run(session, "while True: print('x' * 100_000)", limits=replace(LIMITS, output_bytes=1000))
    assert (result.status, result.truncated) == ("output_limit", True)
    assert len(result.stdout) < 1100


async def test_cancelling_leaves_nothing_behind(session: Session) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(session.exec("while True: pass", LIMITS), timeout=0.5)
    assert (await run(session, "answer = 1", "answer")).value == "1"


async def test_programs_run_side_by_side(session: Session) -> None:
    results = await asyncio.gather(*(run(session, f"answer = {i}", "answer") for i in range(3)))
    assert [result.value for result in results] == ["0", "1", "2"]
