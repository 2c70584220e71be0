from __future__ import annotations

import pytest

from agentfix import Observation, Session, Settings, ToolContext, ToolError
from agentfix.plugins import Plugins
from agentfix.protocols import ExecResult
from agentfix.testing import ScriptedSandbox

pytestmark = pytest.mark.timeout(120)
ADD = "def add(a, b):\n    return a + b\n"
PYTEST = """\
import pytest

@pytest.fixture
def three():
    return 3

@pytest.mark.parametrize("a", [1, 2])
def test_one_more(a):
    assert add(a, 1) == 2

def test_three(three):
    with pytest.raises(TypeError):
        add(three, "x")

@pytest.mark.skip
def test_later():
    assert False
"""
UNITTEST = """\
import unittest

class AddTest(unittest.TestCase):
    pass

class TestAdd(unittest.TestCase):
    def test_add(self):
        self.assertEqual(add(1, 2), 4)

if __name__ == "__main__":
    unittest.main()
"""


async def run_tests(tests: str, program: str, session: Session, timeout_s: float = 30) -> Observation:
    tool = Plugins(Settings()).build("tool", "run_tests")
    return await tool.run({"tests": tests, "program": program}, ToolContext(session, timeout_s))


async def test_tests_that_pass_are_counted(session) -> None:
    seen = await run_tests("from solution import add\n\ndef test_add():\n    assert add(1, 2) == 3\n\n"
                           "assert add(0, 0) == 0\nassert add('a', 'b') == 'ab'\n", ADD, session)
    assert (seen.status, seen.text) == ("ok", "3 passed, 0 failed.")
    assert (seen.data["passed"], seen.data["failed"], seen.data["first_failure"]) == (3, 0, None)


async def test_the_first_failure_is_told_with_its_line_and_values(session) -> None:
    tests = ("def test_right():\n    assert add(1, 1) == 2\n\ndef test_wrong():\n    x = 1\n    for i in range(3):\n"
             "        if i == 2:\n            assert add(x, i) == 4\n\ndef test_also_wrong():\n    add(1)\n")
    seen = await run_tests(tests, ADD, session)
    assert seen.status == "failed"
    assert seen.text.startswith("1 passed, 2 failed.\nFirst failure: test_wrong, line 8: assert add(x, i) == 4\n"
                                "AssertionError: got 3, not 4")
    assert (seen.data["first_failure"]["name"], seen.data["first_failure"]["line"]) == ("test_wrong", 8)


@pytest.mark.parametrize(("tests", "program", "text"), [
    ("assert add(1, 2) == 4", ADD, "0 passed, 1 failed.\nFirst failure: line 1: assert add(1, 2) == 4\n"
                                   "AssertionError: got 3, not 4"),
    ("assert not add(0, 1)", ADD, "0 passed, 1 failed.\nFirst failure: line 1: assert not add(0, 1)\n"
                                  "AssertionError: not add(0, 1) is not true"),
    ("assert add(1, 2) == 3", "def add(a, b):\n    return a + c\n",
     "0 passed, 1 failed.\nFirst failure: line 1: assert add(1, 2) == 3\nNameError: "),
    ("def test_text():\n    text = '''a\n  b'''\n    assert text == 'a b'\n", "",
     "0 passed, 1 failed.\nFirst failure: test_text, line 4: assert text == 'a b'\nAssertionError: got 'a\\n  b', not"),
    ("assert add(1, 2) == 3", "x = 1\ny = x / 0\n",
     "No test was run.\nFirst failure: the run ended at line 2 of the program\nZeroDivisionError"),
    ("assert add(1, 2) == 3", "x = 1\0", "No test was run.\nFirst failure: the program is not valid Python\n"
                                         "SyntaxError: source code string cannot contain null bytes"),
    ("assert add(1, 2) == 3", "def add(:\n", "No test was run.\nFirst failure: the program is not valid Python\n"
                                             "SyntaxError at line 1"),
])
async def test_what_is_told_of_a_failure(session, tests: str, program: str, text: str) -> None:
    seen = await run_tests(tests, program, session)
    assert seen.text.startswith(text)
    assert not seen.ok and seen.data["passed"] == 0


async def test_a_program_is_not_run_as_one(session) -> None:
    program = ADD + "\nif __name__ == '__main__':\n    raise ValueError('run')\n"
    assert (await run_tests("assert add(1, 2) == 3", program, session)).ok


async def test_a_program_that_does_not_end_is_stopped(session) -> None:
    seen = await run_tests("assert f() == 3", "def f():\n    while True:\n        pass\n", session, timeout_s=1)
    assert (seen.status, seen.data["passed"]) == ("timeout", 0)


@pytest.mark.docker
async def test_pytest_is_spoken_in_docker(docker) -> None:
    seen = await run_tests(PYTEST, ADD, docker)
    assert seen.text.startswith("2 passed, 1 failed, 1 skipped.\nFirst failure: test_one_more[2], line 9: "
                                "assert add(a, 1) == 2\nassert 3 == 2")


@pytest.mark.docker
async def test_unittest_is_spoken_in_docker(docker) -> None:
    seen = await run_tests(UNITTEST, ADD, docker)
    assert seen.text == ("0 passed, 1 failed.\nFirst failure: TestAdd::test_add, line 8: "
                         "self.assertEqual(add(1, 2), 4)\nAssertionError: 3 != 4")


@pytest.mark.docker
async def test_a_program_that_ends_early_passes_nothing(docker) -> None:
    seen = await run_tests("assert add(1, 2) == 3", "import sys\nsys.exit(0)\n", docker)
    assert seen.status == "failed" and seen.text.startswith("No test was run.\nFirst failure: the program ends before")
    seen = await run_tests("def test_a():\n    raise SystemExit(0)\n", "", docker)
    assert seen.text.startswith("0 passed, 1 failed.\nFirst failure: test_a, line 2: raise SystemExit(0)")


@pytest.mark.parametrize("tests", [PYTEST, UNITTEST])
async def test_where_pytest_is_not_that_is_said(embedded, tests: str) -> None:
    with pytest.raises(ToolError, match="Write plain functions") as refusal:
        await run_tests(tests, ADD, embedded)
    assert refusal.value.status == "unavailable"


@pytest.mark.parametrize(("tests", "word"), [
    ("assert add(1, 2) ==", "line 1"), ("def test_a():\nassert True", "line 2"), ("x = 1", "no test"), ("", "no test"),
    ("a\0b", "not valid"),
])
async def test_tests_that_are_none_are_said(embedded, tests: str, word: str) -> None:
    with pytest.raises(ToolError, match=word):
        await run_tests(tests, ADD, embedded)


async def test_too_many_tests_are_said() -> None:
    sandbox = ScriptedSandbox([ExecResult("ok", "", "", 0, value='[["a", 1, ""], ["b"', truncated=True)])
    with pytest.raises(ToolError, match="run fewer"):
        await run_tests("assert 1", "", await sandbox.open())
    with pytest.raises(ToolError, match="at most"):
        await run_tests("assert 1", "#" * 100_001, await sandbox.open())
