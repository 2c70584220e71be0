"""The tool `shell`: runs a command in the sandbox, never on the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentfix import hookimpl

if TYPE_CHECKING:
    from agentfix import Build, Register, Tool


def _shell(build: Build) -> Tool:
    from .tool import shell  # noqa: PLC0415 - nothing is imported before the name is used

    return shell


@hookimpl
def agentfix_register_tools(register: Register) -> None:
    register("shell", _shell, "runs a shell command in the docker sandbox, never on this machine")
