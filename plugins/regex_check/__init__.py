"""The tool `regex_check`: what a regular expression finds in a text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentfix import hookimpl

if TYPE_CHECKING:
    from agentfix import Build, Register, Tool


def _regex_check(build: Build) -> Tool:
    from .tool import regex_check  # noqa: PLC0415 - nothing is imported before the name is used

    return regex_check


@hookimpl
def agentfix_register_tools(register: Register) -> None:
    register("regex_check", _regex_check, "tries a regular expression on a text, within a time limit")
