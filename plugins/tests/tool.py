"""Runs tests and tells what came of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from agentfix import ExecResult, Limits, Observation, ToolContext, ToolError, tool

from . import plain, withpytest
from .source import Tests, fault_of, importable, read

MAX_CHARACTERS = 100_000
_SHOWN = 1_000


@dataclass(frozen=True, slots=True)
class Failure:
    """The first test that failed."""

    name: str
    line: int | None
    """Of the tests, from 1; None when it failed elsewhere."""
    source: str
    message: str

    @property
    def told(self) -> str:
        name = self.name if self.name == f"line {self.line}" or not self.line else f"{self.name}, line {self.line}"
        return f"First failure: {name}{f': {self.source}' if self.source else ''}\n{self.message}"


@tool
async def run_tests(tests: str, program: str = "", *, context: ToolContext) -> Observation:
    """Run tests of a Python program in a sandbox. See how many pass and how many fail, and where the first one fails.

    Args:
        tests: Functions named test_... with assert, or assert statements. They know all names of the program without
            importing it. Tests for pytest and unittest work where there is a docker sandbox.
        program: The program to be tested.
    """
    if len(tests) + len(program) > MAX_CHARACTERS:
        raise ToolError(f"Tests and program have at most {MAX_CHARACTERS} characters together.", status="refused")
    given, program = read(tests), program.replace("\r\n", "\n")
    if fault := fault_of(program):
        return _observed([], Failure("the program is not valid Python", None, "", fault), "")
    program, lines = importable(program), program.count("\n") + 1
    join = withpytest if given.need_pytest else plain
    result = await context.sandbox.exec(join.joined(program, given), Limits(timeout_s=context.timeout_s),
                                        want=join.RESULTS)
    if result.status in ("unsupported", "spawn_failed"):
        raise ToolError(_lacking(result, given), status="unavailable")
    if result.value is None:
        status = "failed" if result.status == "ok" else result.status
        return _observed([], _broken(result, lines), result.sandbox, status)
    outcomes = _outcomes(result.value)
    if not outcomes:
        raise ToolError("There is no test: write functions named test_... or assert statements.")
    failed = next((each for each in outcomes if each[2] and each[2] != "Skipped"), None)
    failure = _failure(failed, given, lines) if failed else None
    return _observed(outcomes, failure, result.sandbox)


def _outcomes(value: str) -> list[list[Any]]:
    try:
        return json.loads(value)
    except ValueError:
        raise ToolError("There are too many tests to tell of: run fewer at once.") from None


def _observed(outcomes: list[list[Any]], failure: Failure | None, sandbox: str, status: str = "failed") -> Observation:
    passed = sum(not message for _, _, message in outcomes)
    skipped = sum(message == "Skipped" for _, _, message in outcomes)
    failed = len(outcomes) - passed - skipped
    data = {"passed": passed, "failed": failed, "skipped": skipped, "sandbox": sandbox,
            "first_failure": failure and {"name": failure.name, "line": failure.line, "message": failure.message}}
    counts = f"{passed} passed, {failed} failed{f', {skipped} skipped' if skipped else ''}."
    if not outcomes:
        counts = "No test was run."
    text = f"{counts}\n{failure.told}" if failure else counts
    return Observation("run_tests", status if failure else "ok", text, data)


def _failure(outcome: list[Any], tests: Tests, program_lines: int) -> Failure:
    name, line, message = outcome
    if tests.need_pytest:
        line -= program_lines
    else:
        message = message.partition("\nassert ")[0]  # the embedded sandbox says the values again
    number = line if line > 0 else None
    return Failure(name, number, tests.line(number)[:200], message[:_SHOWN])


def _broken(result: ExecResult, program_lines: int) -> Failure:
    """Why the tests did not come to their end: the program, or a test that ended everything."""
    where = f" at line {result.line} of the program" if result.line and result.line <= program_lines else ""
    if result.status == "ok":
        return Failure("the program ends before its tests", None, "", "It must only define what is tested.")
    said = result.error or result.status.replace("_", " ")
    return Failure(f"the run ended{where}", None, "", said[:_SHOWN])


def _lacking(result: ExecResult, tests: Tests) -> str:
    if tests.need_pytest:
        return ("These tests need pytest or unittest, which is in the docker sandbox only, and that can't be had here. "
                f"Write plain functions named test_... with assert. ({result.error})")
    return f"The tests can't be run here: {result.error}"
