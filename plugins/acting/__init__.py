"""The kind `tools`, whose actor acts with tools before it answers, and the critics that look at what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentfix import hookimpl

if TYPE_CHECKING:
    from agentfix import Build, Critic, Register, TaskKind


def _tools(build: Build) -> TaskKind:
    from .kind import ToolsKind  # noqa: PLC0415 - nothing is imported before the name is used

    return ToolsKind.of(build.argument)


def _effects(build: Build) -> Critic:
    from .effects import EffectsCritic  # noqa: PLC0415 - as above

    return EffectsCritic()


def _verify(build: Build) -> Critic:
    from .verify import VerifyCritic  # noqa: PLC0415 - as above

    return VerifyCritic()


@hookimpl
def agentfix_register_kinds(register: Register) -> None:
    """Register the kind."""
    register("tools", _tools, "A task that is done with tools, step by step; `tools:native` by the model's own calls.")


@hookimpl
def agentfix_register_critics(register: Register) -> None:
    """Register the critics."""
    register("effects", _effects, "What became of an attempt's acts: verified by their tools, and looked at again.")
    register("verify", _verify, "Whether the answer holds, by every tool that can check claims.")
