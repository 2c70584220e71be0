"""Fits the threshold of `abstain` to logged runs by conformal risk control (Angelopoulos, Bates, Fisch, Lei and
Schuster, "Conformal Risk Control", ICLR 2024, theorem 1).

The loss of a question is 1 when it is answered and the answer is wrong, else 0. It never grows with the threshold, as
the theorem demands, and so its guarantee holds exactly. The share of wrong answers among those that are given can grow
with the threshold: for it there is no such guarantee, and none is claimed.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from agentfix import InputError, UsageError

NEVER = 1.0
"""The threshold above which there is no confidence."""


def fit_threshold(confidences: Sequence[float], correct: Sequence[bool], alpha: float) -> float:
    """The lowest threshold that keeps the risk of answering wrongly at or below alpha.

    Answers are to be given where confidence is above it. For a new run that is exchangeable with the given ones, the
    probability that it is answered and wrong is at most alpha, over the draw of all of them; whatever the confidences
    are worth, and however few runs there are. With n runs it needs an alpha of at least 1 / (n + 1) to answer at all.

    Args:
        confidences: of the runs, 0 to 1.
        correct: whether the answer of each was right.
        alpha: the risk that is accepted, above 0 and below 1.

    Returns:
        The threshold; 1.0 when no answer may be given.

    Raises:
        UsageError: alpha is out of range.
        InputError: a confidence is, or there are not as many verdicts as confidences.
    """
    if not 0 < alpha < 1:
        raise UsageError(f"A share of errors must be above 0 and below 1, not {alpha!r}.", "Write for example 0.1.")
    if len(confidences) != len(correct) or not all(0 <= confidence <= 1 for confidence in confidences):
        raise InputError("Each run needs a confidence from 0 to 1, and whether its answer was right.")
    allowed = Fraction(str(alpha)) * (len(confidences) + 1) - 1
    wrong = sorted((c for c, right in zip(confidences, correct, strict=True) if not right), reverse=True)
    if allowed < 0:
        return NEVER
    # So many wrong answers may lie above the threshold; it is where the next one lies.
    return wrong[int(allowed)] if int(allowed) < len(wrong) else 0.0
