"""What people say of a run, and what a run begins with that goes on from another one because of it."""

from __future__ import annotations

from dataclasses import dataclass

from agentfix.types.attempts import Attempt
from agentfix.types.evidence import Critique, Polarity


@dataclass(frozen=True, slots=True)
class Remark:
    """What a person says of an attempt: it is right, or it is wrong. It counts as `person` evidence."""

    text: str = ""
    """Why. Of an objection it is what the reviser is told, word for word: a critique that the person edited, too."""
    polarity: Polarity = "refutes"
    """`supports` for approval."""
    attempt: int | None = None
    """Which attempt; None for the one that the run returned, or would return now."""


@dataclass(frozen=True, slots=True)
class Inherited:
    """The tree that a run begins with, and the objection to one of its attempts that it goes on from."""

    run: str
    """Whose tree it was."""
    remark: Remark
    """Its `attempt` is known."""
    attempts: tuple[Attempt, ...]
    critiques: tuple[Critique, ...]
    """But for what attempts say of each other, which is found anew."""
    observed: tuple[tuple[str, str], ...] = ()
    """What tools said in that run: (tool, text). The new run has heard it."""
    undone: tuple[str, ...] = ()
    """The places of that run where acts of its attempts were taken back; a place says which act."""
