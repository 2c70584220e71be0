"""The tool `python`: runs a program in the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentfix import hookimpl

if TYPE_CHECKING:
    from agentfix import Build, Register, Tool


def _python(build: Build) -> Tool:
    from .tool import PythonTool  # noqa: PLC0415 - nothing is imported before the name is used

    return PythonTool()


@hookimpl
def agentfix_register_tools(register: Register) -> None:
    register("python", _python, "runs a Python program in the sandbox")
