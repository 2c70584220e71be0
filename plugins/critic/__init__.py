"""CRITIC: the strategy that revises until evidence supports an answer, and the critics `program` and `tests`."""

from __future__ import annotations

from typing import Any

from agentfix import Build, UsageError, hookimpl


def _critic(build: Build) -> Any:
    from .rewriting import ARGUMENT, Rewriting  # noqa: PLC0415
    from .strategy import CriticLoop  # noqa: PLC0415

    if not build.argument:
        return CriticLoop()
    way, _, critic = build.argument.partition(":")
    if way != ARGUMENT:
        raise UsageError(f"'critic' takes nothing or {ARGUMENT!r}, not {way!r}.",
                         f"Write critic:{ARGUMENT}, or critic:{ARGUMENT}:CRITIC to name who reviews.")
    if critic:
        build.part("critic", *critic.partition(":")[::2])
    return Rewriting(critic)


def _program(build: Build) -> Any:
    from .program import ProgramCritic  # noqa: PLC0415

    build.require_no_argument(ProgramCritic.name)
    return ProgramCritic()


def _tests(build: Build) -> Any:
    from .tests import TestsCritic  # noqa: PLC0415

    build.require_no_argument(TestsCritic.name)
    return TestsCritic()


@hookimpl
def agentfix_register_strategies(register: Any) -> None:
    """Register the strategy."""
    register("critic", _critic, "Check with tools, revise what is refuted, seek support (Gou et al., 2024); "
             "`critic:rewrite` rewrites a text while something speaks against it.")


@hookimpl
def agentfix_register_critics(register: Any) -> None:
    """Register the critics."""
    register("program", _program, "What running the attempt's program shows. It can only refute.")
    register("tests", _tests, "The caller's own checks (contract), or tests that a model writes (agreement).")
