"""Calls about to be made, as hooks see them, and what a hook may answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agentfix.types.messages import ModelRequest, ToolCall, ToolSpec


@dataclass(frozen=True, slots=True)
class PendingModelCall:
    """A model is about to be asked."""

    run_id: str
    place: str
    """Where in the run: `a0.model` for the call that makes attempt 0, `c1.0.facts.m0` for a critic's, ..."""
    model: str
    request: ModelRequest


@dataclass(frozen=True, slots=True)
class PendingToolCall:
    """A tool is about to be run."""

    run_id: str
    place: str
    call: ToolCall
    spec: ToolSpec
    """What the tool says that it may do."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What a run has heard that is not the user's own."""

    tool: str
    """Which tool said it first, or what came with the task."""
    texts: tuple[str, ...]
    """All of it."""


@dataclass(frozen=True, slots=True)
class Deny:
    """The call is not made."""

    reason: str
    """Told to who asked for it."""


@dataclass(frozen=True, slots=True)
class AskPerson:
    """The call is made only if a person says so."""

    reason: str
    """Told to the person."""


@dataclass(frozen=True, slots=True)
class Replace:
    """The call is made with other arguments."""

    arguments: Mapping[str, Any]
