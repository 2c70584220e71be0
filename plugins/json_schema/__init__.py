"""The tool `check_json`: whether a JSON text is valid under a JSON schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentfix import hookimpl

if TYPE_CHECKING:
    from agentfix import Build, Register, Tool


def _check_json(build: Build) -> Tool:
    from .tool import check_json  # noqa: PLC0415 - nothing is imported before the name is used

    return check_json


@hookimpl
def agentfix_register_tools(register: Register) -> None:
    register("check_json", _check_json, "checks a JSON text against a JSON schema")
