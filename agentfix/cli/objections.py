"""What a person objects to, told whole once and not with each attempt that gives the same answer again."""

from __future__ import annotations

from dataclasses import dataclass

from agentfix.evidence import PERSON
from agentfix.types import Critique


@dataclass(slots=True)
class Objections:
    """Knows what was told."""

    told: str | None = None
    """The latest objection; None before there was one."""

    def knows(self, critique: Critique) -> bool:
        """Take a critique; says whether it is the objection that was told last."""
        if critique.critic != PERSON or critique.verdict != "revise":
            return False
        known, self.told = self.told == critique.feedback, critique.feedback
        return known
