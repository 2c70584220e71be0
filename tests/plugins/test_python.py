from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from agentfix import Session, ToolContext, ToolError, load_settings
from agentfix.plugins import Plugins


@pytest.fixture
async def session() -> AsyncIterator[Session]:
    opened = await Plugins(load_settings()).build("sandbox", "embedded").open()
    yield opened
    await opened.aclose()


@pytest.fixture
def context(session: Session) -> ToolContext:
    return ToolContext(sandbox=session, timeout_s=2)


@pytest.fixture
def tool() -> object:
    return Plugins(load_settings()).build("tool", "python")


async def test_the_value_that_is_wanted(tool, context: ToolContext) -> None:
    seen = await tool.run({"code": "print('hi')\nanswer = 18", "want": "answer"}, context)
    assert seen.ok
    assert seen.text == "Execution: Done\nPrinted: hi\nOutput: answer = 18"
    assert seen.data == {"value": "18", "status": "ok", "error": "", "line": None, "stdout": "hi\n",
                         "sandbox": "embedded"}


async def test_a_variable_that_was_never_set(tool, context: ToolContext) -> None:
    seen = await tool.run({"code": "x = 1", "want": "answer"}, context)
    assert seen.text == "Execution: Done\nOutput: answer is not set"


async def test_an_error_comes_with_its_line(tool, context: ToolContext) -> None:
    seen = await tool.run({"code": "total = 3\n  \nrate = total / 0", "want": "rate"}, context)
    assert (seen.status, seen.data["line"]) == ("error", 3)
    assert seen.text == "Execution: ZeroDivisionError: division by zero\nLine 3: rate = total / 0"


async def test_a_limit_is_told(tool, session: Session) -> None:
    seen = await tool.run({"code": "while True: pass"}, ToolContext(sandbox=session, timeout_s=0.2))
    assert (seen.status, seen.text) == ("timeout", "Execution: timeout: time limit of 0.2 s reached")


async def test_long_output_is_bounded(tool, context: ToolContext) -> None:
    seen = await tool.run({"code": "print('a' * 50_000 + 'z')"}, context)
    assert len(seen.text) < 2200 and len(seen.data["stdout"]) < 20_200
    assert seen.text.endswith("z")


async def test_a_want_that_is_no_name_is_the_models_mistake(tool, context: ToolContext) -> None:
    with pytest.raises(ToolError, match="not the name of a variable"):
        await tool.run({"code": "x = 1", "want": "x + 1"}, context)
