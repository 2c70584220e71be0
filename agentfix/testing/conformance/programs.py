"""Programs of their own: how they end, and what is told of it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from agentfix.protocols import ExecResult, Sandbox
from agentfix.testing.conformance.check import Conformance, assert_works, check, opened, run


class ProgramConformance(Conformance):
    """Programs that begin from a clean state."""

    @check()
    async def test_a_program_that_ends_well_tells_what_it_printed(self, sandbox: Sandbox) -> None:
        async with opened(sandbox) as session:
            result = await run(session, "import sys\nprint('héllo')\nprint('oh', file=sys.stderr)")
        assert (result.status, result.stdout, result.stderr) == ("ok", "héllo\n", "oh\n")
        assert (result.exit_code, result.error, result.line, result.signal) == (0, "", None, "")
        assert (result.value, result.state, result.truncated) == (None, "fresh", False)
        assert result.sandbox

    @check()
    async def test_the_value_of_a_variable_is_its_text(self, sandbox: Sandbox) -> None:
        for expression, text in (("36 / 2", "18.0"), ("None", "None"), ("[1.5, 'a']", "[1.5, 'a']"),
                                 ("'two\\nlines'", "two\nlines"), ("10**30", str(10**30))):
            async with opened(sandbox) as session:
                result = await run(session, f"str = 3\nanswer = {expression}\n'something else'", "answer")
            assert (result.status, result.value) == ("ok", text)

    @check()
    async def test_a_variable_that_is_not_set_has_no_value(self, sandbox: Sandbox) -> None:
        async with opened(sandbox) as session:
            for want in ("answer", "no name", "None", ""):
                result = await run(session, "x = 1\nx", want)
                assert (result.status, result.value) == ("ok", None)

    @check()
    async def test_the_value_of_the_last_expression_is_its_repr(self, sandbox: Sandbox) -> None:
        async with opened(sandbox) as session:
            for code, value in (("x = 6\nx * 7", "42"), ("'a'", "'a'"), ("[1,\n 2]  # a comment", "[1, 2]"),
                                ("a = 1; (a + 1)", "2"), ("None", None), ("x = 1", None),
                                ("if True:\n    5", None), ("", None), ("print(1)", None)):
                result = await run(session, code)
                assert (result.status, result.value) == ("ok", value), code

    @check()
    async def test_a_huge_value_is_cut(self, sandbox: Sandbox) -> None:
        async with opened(sandbox) as session:
            for code, want in (("answer = 'é' * 3_000_000", "answer"), ("[1] * 1_000_000", None)):
                result = await run(session, code, want)
                assert (result.status, result.truncated) == ("ok", True)
                assert result.value and len(result.value.encode()) <= 2**20

    @check()
    async def test_each_program_starts_afresh(self, sandbox: Sandbox) -> None:
        async with opened(sandbox) as session:
            await run(session, "left_over = 1")
            result = await run(session, "print(left_over)")
        assert (result.status, result.error) == ("error", "NameError: name 'left_over' is not defined")

    @check()
    async def test_an_exception_tells_its_type_message_and_innermost_line(self, sandbox: Sandbox) -> None:
        async with opened(sandbox) as session:
            result = await run(session, "def f(y):\n    return y + 'a'\nprint('before')\nf(1)\nanswer = 1", "answer")
        assert (result.status, result.exit_code, result.line, result.value) == ("error", 1, 2, None)
        assert result.error == "TypeError: unsupported operand type(s) for +: 'int' and 'str'"
        assert result.stdout == "before\n"
        assert 'File "<program>", line 2' in result.stderr and result.error in result.stderr

    @check()
    async def test_an_exception_in_the_last_expression_has_its_line(self, sandbox: Sandbox) -> None:
        async with opened(sandbox) as session:
            result = await run(session, "x = 0\n1 / x")
        assert (result.status, result.line, result.error) == ("error", 2, "ZeroDivisionError: division by zero")

    @check()
    async def test_a_huge_message_is_cut(self, sandbox: Sandbox) -> None:
        async with opened(sandbox) as session:
            result = await run(session, "raise ValueError('ab ' * 1_000_000)")
        assert (result.status, result.line, result.truncated) == ("error", 1, True)
        assert result.error.startswith("ValueError: ab ab")
        assert len(result.error) <= 10_000 and len(result.stderr) <= 2**20

    @check()
    async def test_a_syntax_error_is_an_error_with_a_line(self, sandbox: Sandbox) -> None:
        async with opened(sandbox) as session:
            result = await run(session, "x = 1\ny = = 2")
        assert (result.status, result.line, result.exit_code) == ("error", 2, 1)
        assert result.error.startswith("SyntaxError: ")

    @check()
    async def test_an_uncaught_memory_error_is_lack_of_memory(self, sandbox: Sandbox) -> None:
        async with opened(sandbox) as session:
            result = await run(session, "x = 1\nraise MemoryError('mine')")
            caught = await run(session, "try:\n    raise MemoryError('mine')\nexcept MemoryError:\n    print('caught')")
        assert (result.status, result.exit_code, result.line) == ("oom", None, 2)
        assert (caught.status, caught.stdout) == ("ok", "caught\n")

    @check()
    async def test_a_program_that_exits_has_ended(self, sandbox: Sandbox) -> None:
        async with opened(sandbox) as session:
            well = await run(session, "print('so far')\nraise SystemExit\nprint('never')")
            badly = await run(session, "raise SystemExit('no luck')")
        assert (well.status, well.exit_code, well.stdout) == ("ok", 0, "so far\n")
        assert (badly.status, badly.exit_code, badly.error) == ("error", 1, "SystemExit: no luck")
        assert badly.stderr.strip() == "no luck"

    @check("crash")
    async def test_a_signal_is_a_crash_and_named(self, sandbox: Sandbox) -> None:
        async with opened(sandbox) as session:
            result = await run(session, self.crashing)
            assert (result.status, result.exit_code) == ("crash", None)
            assert result.signal.startswith("SIG")
            await assert_works(session)

    @check("unsupported")
    async def test_what_the_sandbox_lacks_is_named(self, sandbox: Sandbox) -> None:
        code, word = self.unsupported
        async with opened(sandbox) as session:
            result = await run(session, code)
            assert (result.status, result.exit_code) == ("unsupported", None)
            assert word in result.error
            await assert_works(session)

    @check()
    async def test_results_are_plain_data(self, sandbox: Sandbox) -> None:
        async with opened(sandbox) as session:
            for code in ("print(1)\n[1]", "1 / 0", "x = = 1"):
                result = await run(session, code)
                assert isinstance(result, ExecResult)
                fields: dict[str, Any] = {**asdict(result), "artefacts": []}
                assert json.loads(json.dumps(fields)) == fields
                assert result.seconds >= 0 and "\n" not in result.error
                assert result.cpu_seconds is None or result.cpu_seconds >= 0
                assert result.peak_memory_bytes is None or result.peak_memory_bytes > 0
