"""The tool `calculator`: exact arithmetic, algebra and units, without a program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentfix import hookimpl

if TYPE_CHECKING:
    from agentfix import Build, Register, Tool


def _calculator(build: Build) -> Tool:
    from .tool import Calculator  # noqa: PLC0415 - nothing is imported before the name is used

    return Calculator()


@hookimpl
def agentfix_register_tools(register: Register) -> None:
    register("calculator", _calculator, "exact arithmetic and algebra, with units")
