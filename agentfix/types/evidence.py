"""What speaks for or against an answer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal, TypeAlias

from agentfix.types.messages import Observation, ToolCall


class EvidenceClass(IntEnum):
    """How much a piece of evidence weighs. A higher class is never overturned by a lower one."""

    OPINION = 1
    """A model said so."""
    AGREEMENT = 2
    """Independent attempts, or checks that a model wrote, agree."""
    RETRIEVAL = 3
    """A quoted passage states it."""
    MEASUREMENT = 4
    """An instrument observed it: a program was run, a computation replayed, a trusted scorer read."""
    PERSON = 5
    """Someone judged it."""
    CONTRACT = 6
    """The caller's own acceptance check: tests, a reference, a validator they say is sufficient."""

    @property
    def label(self) -> str:
        """The lower-case name that users read and write."""
        return self.name.lower()

    def __str__(self) -> str:
        return self.label

    def __format__(self, format_spec: str) -> str:
        return format(self.label, format_spec)

    @classmethod
    def parse(cls, label: str) -> EvidenceClass:
        """Read a label such as `agreement`. Raises KeyError for an unknown one."""
        return cls[label.upper()]


Polarity: TypeAlias = Literal["supports", "refutes"]

Coverage: TypeAlias = Literal["whole", "part", "necessary"]

Origin: TypeAlias = Literal["caller", "person", "instrument", "document", "model", "actor"]

@dataclass(frozen=True, slots=True)
class Evidence:
    """One observation that speaks for or against an attempt."""

    kind: EvidenceClass
    polarity: Polarity
    summary: str
    """One line for a person: what was observed."""
    author: str
    """Who stands for it by name: a tool, a critic, a model, the caller."""
    origin: Origin
    """What sort of author that is. It caps `kind`: see `agentfix.evidence.admit`."""
    coverage: Coverage = "whole"
    """What part of the answer it speaks of. A `necessary` check (it parses, it runs) can only refute."""
    weight: float = 1.0
    """Strength within its class, above zero; for a vote, the margin."""
    detail: str = ""
    """The observation itself, bounded: output, a traceback line, a quoted passage."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Something that is said to hold, for a tool to check."""

    text: str
    """An answer, or what an act is said to have done."""
    call: ToolCall | None = None
    """The act, when that is what is checked: did it have its effect?"""
    observation: Observation | None = None
    """What the act said of itself."""
    question: str = ""
    """What was asked, when an answer is claimed."""


VerdictWord: TypeAlias = Literal["accept", "revise", "abstain"]

@dataclass(frozen=True, slots=True)
class Critique:
    """What a critic says of one attempt. The verdict advises; evidence decides."""

    attempt: int
    critic: str
    verdict: VerdictWord
    feedback: str = ""
    """What to change, for the reviser: the one fault, with its line and values."""
    evidence: tuple[Evidence, ...] = ()
    score: float | None = None
    """How likely the critic takes the answer to be right, 0 to 1, where it can say. It guides a search; it is no
    evidence."""
    step: int | None = None
    """The first step of the attempt that is wrong, from 0, where the critic can say: see `agentfix.steps_of`."""


SupportState: TypeAlias = Literal["supported", "contested", "unsupported", "refuted"]

@dataclass(frozen=True, slots=True)
class Standing:
    """What the evidence for an attempt amounts to."""

    state: SupportState
    kind: EvidenceClass | None
    """The class that decided; None when there is no evidence."""
    weight: float = 0.0
    """Net weight within that class."""
    reason: str = ""
