"""Kind `json` and critic `schema`: answers that have to fit a JSON schema."""

from __future__ import annotations

from typing import Any

from agentfix import Build, hookimpl


def _kind(_: Build) -> Any:
    from .kind import JsonKind  # noqa: PLC0415 - nothing is imported before the name is used

    return JsonKind()


def _critic(_: Build) -> Any:
    from .critic import SchemaCritic  # noqa: PLC0415 - the same

    return SchemaCritic()


@hookimpl
def agentfix_register_kinds(register: Any) -> None:
    """Register the kind."""
    register("json", _kind, "A JSON value that fits the task's schema; values are compared as values.")


@hookimpl
def agentfix_register_critics(register: Any) -> None:
    """Register the critic."""
    register("schema", _critic, "Whether an answer is JSON that fits the task's schema; it can only refute.")
