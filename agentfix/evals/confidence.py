"""How sure a result may be of its answer, as one number. Pure.

Where independent attempts decide, it is the share of them that agree (Wang et al., "Self-Consistency", ICLR 2023,
section 3.5), with one vote for and one against added, as in Laplace's rule of succession: two of two are less than
eight of eight. Otherwise it rises with the class of the evidence and its weight; those numbers put answers in an order,
and what they are worth is what the calibration of an evaluation tells.
"""

from __future__ import annotations

from agentfix.evidence import AGREEMENT
from agentfix.types import EvidenceClass, Result, Standing

_BANDS = {
    EvidenceClass.OPINION: (0.4, 0.5), EvidenceClass.AGREEMENT: (0.5, 0.8), EvidenceClass.RETRIEVAL: (0.8, 0.9),
    EvidenceClass.MEASUREMENT: (0.9, 0.95), EvidenceClass.PERSON: (0.95, 0.98), EvidenceClass.CONTRACT: (0.98, 1.0),
}
"""For an answer that is supported: from the least weight to the most."""
_UNDECIDED = 0.3
_REFUTED = (0.0, 0.2)
"""From the most weight against it to the least."""


def confidence(result: Result) -> float:
    """From 0, for no answer, to 1.

    Args:
        result: of a run.
    """
    if result.best is None or result.answer is None:
        return 0.0
    standing = result.standings[result.best] if result.standings else Standing("unsupported", None)
    agreeing = _agreeing(result)
    decided_by_agreement = standing.kind is EvidenceClass.AGREEMENT and agreeing is not None
    weight = standing.weight / (1 + standing.weight)
    match standing.state:
        case "supported" if not decided_by_agreement and standing.kind is not None:
            return _within(_BANDS[standing.kind], weight)
        case "refuted":
            return _within(_REFUTED, 1 - weight)
        case _:
            return agreeing if decided_by_agreement and agreeing is not None else _UNDECIDED


def _agreeing(result: Result) -> float | None:
    """Of the attempts that give an answer, how many give the leading one; None where there is no vote."""
    said = [critique for critique in result.critiques if critique.critic == AGREEMENT]
    leading = sum(all(e.polarity == "supports" for e in critique.evidence) for critique in said)
    return (leading + 1) / (len(said) + 2) if said else None


def _within(band: tuple[float, float], share: float) -> float:
    return band[0] + (band[1] - band[0]) * share
