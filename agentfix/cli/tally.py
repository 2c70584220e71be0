"""What independent attempts say of each other, told once a round and not once an attempt."""

from __future__ import annotations

from dataclasses import dataclass, field

from agentfix.cli.visible import one_line
from agentfix.types import Critique

CRITIC = "agreement"


@dataclass(slots=True)
class Tally:
    """Collects the engine's own critiques until somebody asks for them."""

    votes: dict[int, str] = field(default_factory=dict[int, str])
    """What was last said of each attempt's answer."""
    changed: bool = False

    def hears(self, critique: Critique) -> bool:
        """Take a critique if it is a count of votes; says whether it was."""
        if critique.critic != CRITIC:
            return False
        says = critique.evidence[0].summary.split(";")[0] if critique.evidence else ""
        self.changed = self.changed or self.votes.get(critique.attempt) != says
        self.votes[critique.attempt] = says
        return True

    def take(self) -> str:
        """The count in a line, if it has changed since it was last asked for."""
        if not self.changed:
            return ""
        self.changed = False
        return one_line(f"agreement: {', '.join(dict.fromkeys(self.votes.values()))}")
