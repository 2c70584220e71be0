"""CRITIC: the strategy that revises until evidence supports an answer, and the critics `program` and `tests`."""

from __future__ import annotations

from typing import Any

from agentfix import Build, hookimpl


def _critic(_: Build) -> Any:
    from .strategy import CriticLoop  # noqa: PLC0415

    return CriticLoop()


def _program(_: Build) -> Any:
    from .program import ProgramCritic  # noqa: PLC0415

    return ProgramCritic()


def _tests(_: Build) -> Any:
    from .tests import TestsCritic  # noqa: PLC0415

    return TestsCritic()


@hookimpl
def agentfix_register_strategies(register: Any) -> None:
    """Register the strategy."""
    register("critic", _critic, "Check with tools, revise what is refuted, seek support (Gou et al., 2024).")


@hookimpl
def agentfix_register_critics(register: Any) -> None:
    """Register the critics."""
    register("program", _program, "What running the attempt's program shows. It can only refute.")
    register("tests", _tests, "The caller's own checks (contract), or tests that a model writes (agreement).")
