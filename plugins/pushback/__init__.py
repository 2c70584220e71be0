"""Pushback: the strategy `objection`, which contradicts the first answer and then lets evidence decide."""

from __future__ import annotations

from typing import Any

from agentfix import Build, hookimpl


def _objection(build: Build) -> Any:
    from .objection import DOUBT, Objection  # noqa: PLC0415

    return Objection(build.argument or DOUBT, build.part("strategy", "critic"))


@hookimpl
def agentfix_register_strategies(register: Any) -> None:
    """Register the strategy."""
    register("objection", _objection,
             "The first answer is contradicted (`objection:TEXT`); evidence decides (Stengel-Eskin et al., 2024).")
