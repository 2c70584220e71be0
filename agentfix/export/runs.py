"""What is exported: runs, and which of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from agentfix.errors import InputError
from agentfix.protocols import JournalledCall
from agentfix.types import Attempt, Critique, EvidenceClass


@dataclass(frozen=True, slots=True)
class Run:
    """A run, as a journal tells it."""

    id: str
    strategy: str
    kind: str
    attempts: Sequence[Attempt]
    critiques: Sequence[Critique]
    """The last word of each critic."""
    calls: Sequence[JournalledCall]
    grades: Mapping[str, bool] = field(default_factory=dict[str, bool])
    """Answers that an evaluation graded against its reference, and whether they are right."""
    source: str = ""
    """The data set that the question comes from."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What of a journal is exported, and what its rows say of where they come from.

    Raises:
        InputError: nothing but opinions is required.
    """

    require: EvidenceClass = EvidenceClass.MEASUREMENT
    """The weakest class of evidence that counts as proof; more than `opinion`."""
    kind: str | None = None
    strategy: str | None = None
    """As a run's settings name it, with or without its argument."""
    runs: tuple[str, ...] = ()
    """Beginnings of names; all runs when empty."""
    since: float | None = None
    """Only runs that began then or later, in seconds since the epoch."""
    grades: Mapping[str, Mapping[str, bool]] = field(default_factory=dict[str, Mapping[str, bool]])
    """By run, what an evaluation made of its answers: see `Run.grades`."""
    sources: Mapping[str, str] = field(default_factory=dict[str, str])
    """By run, the data set of its question, where it is known."""
    source: str | None = None
    """The data set of all other questions, as the caller says; so are the next two."""
    licence: str | None = None
    split: str | None = None

    def __post_init__(self) -> None:
        if self.require <= EvidenceClass.OPINION:
            raise InputError("An opinion proves nothing.", "Require agreement, or more.")

    def wants(self, run: str, begun: float, kind: str, strategy: str) -> bool:
        """Whether a run is among those that are exported."""
        return (
            (not self.runs or run.startswith(self.runs))
            and (self.since is None or begun >= self.since)
            and self.kind in (None, kind)
            and self.strategy in (None, strategy, strategy.partition(":")[0])
        )
