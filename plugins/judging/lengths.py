"""Takes the influence of length out of scores: judges favour long answers whatever they say (Dubois et al.,
"Length-Controlled AlpacaEval", 2024).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

from agentfix import Attempt, Critique

LEAST = 3
"""Of fewer answers, a line through their scores leaves nothing over."""


def length_controlled(scores: Sequence[float], lengths: Sequence[int]) -> list[float]:
    """Scores as they would be if all answers were of average length: what a least-squares line over their lengths
    explains is taken out.

    Args:
        scores: of answers that are compared, 0 to 1.
        lengths: of these answers, in any one unit.

    Returns:
        As many scores, from 0 to 1; the same ones for fewer than three answers, or answers of one length.
    """
    mean, middle = (fmean(lengths), fmean(scores)) if scores else (0.0, 0.0)
    spread = sum((length - mean) ** 2 for length in lengths)
    if len(scores) < LEAST or spread == 0:
        return list(scores)
    together = sum((length - mean) * (score - middle) for score, length in zip(scores, lengths, strict=True))
    slope = together / spread
    return [min(1.0, max(0.0, score - slope * (length - mean)))
            for score, length in zip(scores, lengths, strict=True)]


def with_length_told(critiques: Sequence[Critique], attempts: Sequence[Attempt]) -> list[Critique]:
    """Critiques whose evidence says both scores where they differ.

    Args:
        critiques: one for each attempt, in order.
        attempts: that were compared.
    """
    scored = [(c.attempt, c.score, len(a.text)) for c, a in zip(critiques, attempts, strict=True)
              if c.score is not None]
    apart = dict(zip((attempt for attempt, _, _ in scored),
                     length_controlled([s for _, s, _ in scored], [length for _, _, length in scored]), strict=True))
    return [_told(critique, apart.get(critique.attempt, critique.score)) for critique in critiques]


def _told(critique: Critique, apart: float | None) -> Critique:
    if critique.score is None or apart is None or f"{apart:.2f}" == f"{critique.score:.2f}":
        return critique
    says = f" (score {critique.score:.2f}, {apart:.2f} with length taken out)"
    return replace(critique, evidence=tuple(replace(e, summary=e.summary + says) for e in critique.evidence))
