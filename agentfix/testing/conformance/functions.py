"""Functions of the host that programs call."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from agentfix.errors import ToolError
from agentfix.protocols import Sandbox
from agentfix.testing.conformance.check import LIMITS, Conformance, assert_works, check, opened


class FunctionConformance(Conformance):
    """Arguments and results are what JSON can say; messages of tools are exceptions of the program."""

    @check("functions")
    async def test_a_program_calls_a_function_of_the_host(self, sandbox: Sandbox) -> None:
        seen: list[Any] = []

        async def add(*numbers: int, **named: Any) -> Any:
            await asyncio.sleep(0)
            seen.append((numbers, named))
            return {"sum": sum(numbers), "of": numbers, "more": [None, True, 1.5, "é"]}

        async with opened(sandbox) as session:
            result = await session.exec("x = add(1, 2, name={'a': [3]})\nprint(x['sum'])\n(x['of'], x['more'])",
                                        LIMITS, functions={"add": add})
        assert (result.status, result.stdout) == ("ok", "3\n")
        assert result.value == "([1, 2], [None, True, 1.5, 'é'])"
        assert seen == [((1, 2), {"name": {"a": [3]}})]

    @check("functions")
    async def test_a_message_of_a_tool_is_an_exception_of_the_program(self, sandbox: Sandbox) -> None:
        async def look_up(word: str) -> str:
            raise ToolError(f"There is no {word}.")

        functions = {"look_up": look_up}
        async with opened(sandbox) as session:
            caught = await session.exec("try:\n    look_up('fish')\nexcept RuntimeError as error:\n    print(error)",
                                        LIMITS, functions=functions)
            uncaught = await session.exec("x = 1\nlook_up('fish')", LIMITS, functions=functions)
        assert (caught.status, caught.stdout) == ("ok", "There is no fish.\n")
        assert (uncaught.status, uncaught.error, uncaught.line) == ("error", "RuntimeError: There is no fish.", 2)

    @check("functions")
    async def test_what_json_can_not_say_is_an_exception_of_the_program(self, sandbox: Sandbox) -> None:
        async def take(thing: Any) -> None:
            raise AssertionError("this was never to be called")

        async with opened(sandbox) as session:
            result = await session.exec("take({1, 2})", LIMITS, functions={"take": take})
        assert (result.status, result.error.split(":")[0]) == ("error", "TypeError")

    @check("functions")
    async def test_a_program_has_only_the_functions_it_was_given(self, sandbox: Sandbox) -> None:
        async def ask() -> int:
            return 1

        async with opened(sandbox) as session:
            assert (await session.exec("ask()", LIMITS, functions={"ask": ask})).value == "1"
            assert (await session.exec("ask()", LIMITS)).error == "NameError: name 'ask' is not defined"

    @check("functions", "cells")
    async def test_cells_call_functions_and_keep_what_came_back(self, sandbox: Sandbox) -> None:
        async def ask() -> int:
            return 41

        async with opened(sandbox) as session:
            await session.exec("x = ask()", LIMITS, stateful=True, functions={"ask": ask})
            result = await session.exec("x + 1", LIMITS, stateful=True)
        assert (result.value, result.state) == ("42", "kept")

    @check("functions")
    async def test_cancelling_cancels_the_function(self, sandbox: Sandbox) -> None:
        called, cancelled = asyncio.Event(), asyncio.Event()

        async def wait() -> None:
            called.set()
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()

        async with opened(sandbox) as session:
            work = asyncio.ensure_future(session.exec("wait()", LIMITS, functions={"wait": wait}))
            await called.wait()
            work.cancel()
            with suppress(asyncio.CancelledError):
                await work
            await cancelled.wait()
            await assert_works(session)
