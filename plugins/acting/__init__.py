"""The kind `tools`, whose actor acts with tools before it answers, and the critics that look at what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentfix import hookimpl

if TYPE_CHECKING:
    from agentfix import Build, Register, TaskKind


def _tools(build: Build) -> TaskKind:
    from .kind import ToolsKind  # noqa: PLC0415 - nothing is imported before the name is used

    return ToolsKind.of(build.argument)


@hookimpl
def agentfix_register_kinds(register: Register) -> None:
    """Register the kind."""
    register("tools", _tools, "A task that is done with tools, step by step; `tools:native` by the model's own calls.")
