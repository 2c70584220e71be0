"""Questions of fact: kind `qa`, critic `facts` (CRITIC's second task), tool `citations`, strategy `retrieval`."""

from __future__ import annotations

from typing import Any

from agentfix import Build, hookimpl


def _kind(build: Build) -> Any:
    from .kind import QaKind  # noqa: PLC0415

    return QaKind()


def _facts(_: Build) -> Any:
    from .facts import FactsCritic  # noqa: PLC0415

    return FactsCritic()


def _citations(_: Build) -> Any:
    from .citations import citations  # noqa: PLC0415

    return citations


def _retrieval(build: Build) -> Any:
    from .retrieval import Retrieval, samples  # noqa: PLC0415

    return Retrieval(samples(build.argument))


@hookimpl
def agentfix_register_kinds(register: Any) -> None:
    """Register the kind."""
    register("qa", _kind, "A question of fact, answered briefly and checked against what a search finds.")


@hookimpl
def agentfix_register_critics(register: Any) -> None:
    """Register the critic."""
    register("facts", _facts, "Whether passages that a search finds state the answer, each by an exact quote.")


@hookimpl
def agentfix_register_tools(register: Any) -> None:
    """Register the tool."""
    register("citations", _citations, "Whether a passage holds a quote, word for word, and the quote says so.")


@hookimpl
def agentfix_register_strategies(register: Any) -> None:
    """Register the baseline."""
    register("retrieval", _retrieval, "Search once, answer from what is found: n samples (`retrieval:8`), no critic.")
