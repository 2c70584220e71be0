"""What an answer is made of, whoever gives it and in whatever shape it is sent."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from agentfix.types import ToolCall, Usage


@dataclass(frozen=True, slots=True)
class Piece:
    """Some text, as soon as it is known."""

    text: str
    reasoning: bool = False
    """It leads to the answer, and is no part of it."""
    index: int = 0
    """Of the choice that it belongs to."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer, whole."""

    content: str | None
    reasoning: str = ""
    refusal: str | None = None
    """Why there is no answer."""
    calls: tuple[ToolCall, ...] = ()
    """Of the client's own tools."""
    finish: str = "stop"


@dataclass(frozen=True, slots=True)
class Answer:
    """All that is known in the end."""

    choices: tuple[Choice, ...]
    usage: Usage
    extension: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What stands under `agentfix`."""


Pieces: TypeAlias = AsyncGenerator[Piece | Answer]
"""Pieces, and the answer as the last one."""
