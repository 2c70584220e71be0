from __future__ import annotations

import pytest

from agentfix import Limits, Session


@pytest.mark.parametrize(("code", "feature"), [
    ("import numpy", "module 'numpy'"),
    ("x = 1\nimport ctypes.util", "module 'ctypes'"),
    ("from collections import ChainMap", "collections.ChainMap"),
    ("def f():\n    yield 1", "yield expressions"),
    ("import sys\nsys.exit(3)", "sys.exit"),
    ("import os\nos._exit(3)", "os._exit"),
    ("'a'.maketrans('a', 'b')", "str.maketrans"),
    ("input()", "builtin 'input'"),
    ("open('/tmp/x', 'w')", "access to files"),
])
async def test_what_it_lacks_is_named(embedded: Session, code: str, feature: str) -> None:
    result = await embedded.exec(code)
    assert (result.status, result.exit_code) == ("unsupported", None)
    assert feature in result.error


@pytest.mark.parametrize("code", [
    "print(nothing_of_that_name)", "[].nothing_of_that_name", "import math\nmath.nothing_of_that_name", "for",
    "raise NotImplementedError('not done')", "raise TimeoutError('mine')",
])
async def test_what_cpython_would_reject_too_is_an_error(embedded: Session, code: str) -> None:
    assert (await embedded.exec(code)).status == "error"


async def test_a_program_may_do_without_a_module(embedded: Session) -> None:
    code = "try:\n    import numpy\nexcept ImportError:\n    answer = 7"
    assert (await embedded.exec(code, want="answer")).value == "7"


async def test_sleep_counts_as_time(embedded: Session) -> None:
    assert (await embedded.exec("import time\ntime.sleep(1000)", Limits(timeout_s=0.2))).status == "timeout"


@pytest.mark.parametrize("want", ["None", "1 + 1", "x}{", "", "if"])
async def test_a_want_that_is_no_variable_has_no_value(embedded: Session, want: str) -> None:
    assert (await embedded.exec("answer = 1", want=want)).status == "ok"


async def test_a_value_that_has_no_text_is_an_error(embedded: Session) -> None:
    result = await embedded.exec("answer = 10**5000", want="answer")
    assert (result.status, result.value) == ("error", None)
    assert result.error.startswith("ValueError: Exceeds the limit")


async def test_a_huge_message_is_cut_and_has_no_traceback(embedded: Session) -> None:
    result = await embedded.exec("x = 1\nraise ValueError('ab ' * 1_000_000)", Limits(timeout_s=60))
    assert (result.status, result.line, result.truncated) == ("error", 2, True)
    assert result.error.startswith("ValueError: ab ab") and len(result.error) <= 2000
    assert len(result.stderr) < 100_000


async def test_a_huge_value_is_cut(embedded: Session) -> None:
    result = await embedded.exec("answer = 'é' * 1_000_000", Limits(timeout_s=60), want="answer")
    assert (result.status, result.truncated) == ("ok", True)
    assert result.value is not None and len(result.value.encode()) <= 64 * 2**10
