"""The tool `run_tests`: runs tests of a program in the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentfix import hookimpl

if TYPE_CHECKING:
    from agentfix import Build, Register, Tool


def _run_tests(build: Build) -> Tool:
    from .tool import run_tests  # noqa: PLC0415 - nothing is imported before the name is used

    return run_tests


@hookimpl
def agentfix_register_tools(register: Register) -> None:
    register("run_tests", _run_tests, "runs tests of a program in the sandbox, and tells the first that fails")
