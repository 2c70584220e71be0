"""How sure a run may be of its answer, as one number: thresholds are fitted to it, calibration is measured of it. Pure.

Where independent attempts decide, it is the share of them that agree (Wang et al., "Self-Consistency", ICLR 2023,
section 3.5), with one vote for and one against added, as in Laplace's rule of succession: two of two are less than
eight of eight. Otherwise it rises with the class of the evidence and, within the class, with its weight. What critics
score the answer counts as that much of one more vote. The numbers put answers in an order; what they are worth is what
an evaluation's calibration tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from agentfix.evidence import AGREEMENT
from agentfix.types import Attempt, Critique, EvidenceClass, Standing

_BANDS = {
    EvidenceClass.OPINION: (0.4, 0.5), EvidenceClass.AGREEMENT: (0.5, 0.8), EvidenceClass.RETRIEVAL: (0.8, 0.9),
    EvidenceClass.MEASUREMENT: (0.9, 0.95), EvidenceClass.PERSON: (0.95, 0.98), EvidenceClass.CONTRACT: (0.98, 1.0),
}
"""For an answer that is supported: from the least weight to the most."""
_UNDECIDED = (0.2, 0.4)
_REFUTED = (0.0, 0.2)
"""From the most weight against it to the least."""


class Judged(Protocol):
    """What was attempted and what is known of it: a `Tree`, or a `Result`."""

    @property
    def best(self) -> int | None: ...
    @property
    def attempts(self) -> Sequence[Attempt]: ...
    @property
    def critiques(self) -> Sequence[Critique]: ...
    @property
    def standings(self) -> Sequence[Standing]: ...


def confidence_of(run: Judged) -> float:
    """How sure one may be of the best answer, from 0, for no answer, to 1.

    Args:
        run: under way, as a strategy sees it, or its result.
    """
    if run.best is None or run.attempts[run.best].answer is None:
        return 0.0
    scores = [c.score for c in run.critiques if c.attempt == run.best and c.score is not None]
    if not run.standings:
        return _within(_UNDECIDED, 0.5, 0.5, scores)
    standing = run.standings[run.best]
    match standing.state:
        case "refuted":
            return _within(_REFUTED, 1.0, standing.weight, scores)
        case "supported" | "unsupported" if standing.kind is EvidenceClass.AGREEMENT and (votes := _votes(run)):
            leading, others = votes
            return _share(leading + 1, others + 1, scores)
        case "supported" if standing.kind is not None:
            return _within(_BANDS[standing.kind], standing.weight, 1.0, scores)
        case _:
            return _within(_UNDECIDED, 0.5, 0.5, scores)


def _votes(run: Judged) -> tuple[int, int] | None:
    """Of the attempts that saw no answer, how many give the leading one, and how many another; None without a vote."""
    said = [c for c in run.critiques if c.critic == AGREEMENT and _unled(run, run.attempts[c.attempt])]
    leading = sum(all(e.polarity == "supports" for e in critique.evidence) for critique in said)
    return (leading, len(said) - leading) if said else None


def _unled(run: Judged, attempt: Attempt) -> bool:
    return attempt.parent is None or run.attempts[attempt.parent].answer is None


def _within(band: tuple[float, float], speaks_for: float, against: float, scores: Sequence[float]) -> float:
    return band[0] + (band[1] - band[0]) * _share(speaks_for, against, scores)


def _share(speaks_for: float, against: float, scores: Sequence[float]) -> float:
    return (speaks_for + sum(scores)) / (speaks_for + against + len(scores))
