"""A run: its limits, its events, its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from agentfix.types.attempts import Attempt
from agentfix.types.evidence import Critique, EvidenceClass, Standing
from agentfix.types.messages import Usage
from agentfix.types.shown import as_html


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits of one run; None means no limit. No call starts past one."""

    max_rounds: int | None = 8
    """Calls of the actor (each may ask for n attempts)."""
    max_model_calls: int | None = None
    max_tool_calls: int | None = 64
    max_tokens: int | None = None
    """Completion tokens plus prompt tokens that had to be read."""
    max_cost: float | None = None
    max_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Remaining:
    """What is left of a budget; None means no limit."""

    rounds: int | None = None
    model_calls: int | None = None
    tool_calls: int | None = None
    tokens: int | None = None
    cost: float | None = None
    seconds: float | None = None

    @property
    def exhausted(self) -> str | None:
        """The name of the first limit that is used up, or None."""
        for name in ("model_calls", "tokens", "cost", "seconds", "tool_calls", "rounds"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                return name
        return None


EventKind: TypeAlias = Literal[
    "run_started", "kind_chosen", "model_call", "delta", "plan", "attempt", "tool_call", "observation",
    "critique", "reflection", "move", "notice", "result",
]

@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in a run, for whoever watches."""

    kind: EventKind
    run_id: str
    seconds: float
    """Since the run began."""
    data: Mapping[str, Any]
    """The typed object under the event's own name (`attempt`, `critique`, `delta`, ...), or plain values."""


@dataclass(frozen=True, slots=True)
class Round:
    """What a run had come to when the actor had answered once more and the critics had spoken."""

    attempts: int
    """Made so far."""
    best: int
    """Id of the strongest of them, by the evidence there was: the answer, had the run ended here."""
    usage: Usage
    """Spent so far."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a run returns: the best attempt, and why it can or can't be trusted."""

    run_id: str
    answer: str | None
    """The answer of the best attempt, whatever its standing; None when no attempt has one."""
    supported_by: EvidenceClass | None
    """The class that supports the answer; None when nothing does."""
    abstained: bool
    """True when nothing supports the answer at the required class or above, or when it is `declined`."""
    stop_reason: str
    reason: str
    """Why this attempt was chosen, in a sentence."""
    best: int | None
    """Id of the chosen attempt."""
    kind: str
    attempts: tuple[Attempt, ...]
    critiques: tuple[Critique, ...]
    standings: tuple[Standing, ...]
    usage: Usage
    seconds: float
    rounds: tuple[Round, ...] = ()
    """How it came about."""
    declined: bool = False
    """The strategy would rather give no answer than this one; `stop_reason` says why."""
    heard: bool = False
    """The run has heard what is not the user's own words, such as what tools said of the world."""
    continues: str = ""
    """The run that it goes on from, because a person objected to its answer; empty where it began with the task."""

    @property
    def attempt(self) -> Attempt | None:
        """The chosen attempt."""
        return None if self.best is None else self.attempts[self.best]

    def __str__(self) -> str:
        """The answer and how it stands, in short."""
        stands = "not supported" if self.abstained or self.supported_by is None else f"by {self.supported_by.label}"
        return f"{'no answer' if self.answer is None else self.answer} ({stands}: {self.reason})"

    def _repr_html_(self) -> str:
        """How notebooks show it: the answer, what supports it, and the evidence."""
        return as_html(self)
