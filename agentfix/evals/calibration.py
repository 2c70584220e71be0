"""Whether confidence means anything: does it fit how often answers are right, is it worth while to abstain by it? Pure.

All functions take pairs of a confidence from 0 to 1 and whether the answer was right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeAlias

Judged: TypeAlias = Sequence[tuple[float, bool]]
BINS = 10


@dataclass(frozen=True, slots=True)
class Calibration:
    """What the confidence of a strategy is worth."""

    ece: float
    """Expected calibration error, 0 to 1: the lower the better."""
    auroc: float | None
    """How often a right answer has more confidence than a wrong one; 0.5 is chance, None where all are alike."""
    aurc: float
    """Area under the risk-coverage curve, 0 to 1: the lower the better."""
    half_risk: float
    """The share of wrong answers among the surer half, 0 to 1."""
    risk_coverage: tuple[tuple[float, float, float], ...]
    """Coverage, risk and the confidence from which on answers are given."""


def calibration(judged: Judged) -> Calibration | None:
    """All of it; None without answers.

    Args:
        judged: see the module.
    """
    if not judged:
        return None
    return Calibration(ece(judged), auroc(judged), aurc(judged), risk_at(judged, 0.5), risk_coverage(judged))


def ece(judged: Judged, bins: int = BINS) -> float:
    """Expected calibration error (Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, equation 3).

    Args:
        judged: see the module; at least one.
        bins: of equal width; a confidence on an edge belongs to the bin below it.
    """
    gaps = 0.0
    for _, group in groupby(sorted(judged), lambda pair: _bin(pair[0], bins)):
        held = list(group)
        gaps += abs(sum(right for _, right in held) - sum(confidence for confidence, _ in held))
    return gaps / len(judged)


def auroc(judged: Judged) -> float | None:
    """The area under the ROC curve, as the Mann-Whitney statistic; ties count half.

    Args:
        judged: see the module.

    Returns:
        None when all answers are right, or all are wrong.
    """
    right = sum(correct for _, correct in judged)
    wrong = len(judged) - right
    if not right or not wrong:
        return None
    below, won = 0, 0.0
    for _, group in groupby(sorted(judged), lambda pair: pair[0]):
        held = [correct for _, correct in group]
        won += sum(held) * (below + (len(held) - sum(held)) / 2)
        below += len(held) - sum(held)
    return won / (right * wrong)


def risk_coverage(judged: Judged) -> tuple[tuple[float, float, float], ...]:
    """The curve of a reject option (El-Yaniv and Wiener, JMLR 2010): for each confidence from which on answers are
    given, the share of questions that are answered, the share of those answers that are wrong, and that confidence.

    Args:
        judged: see the module.
    """
    curve: list[tuple[float, float, float]] = []
    answered = wrong = 0
    for confidence, group in groupby(sorted(judged, key=lambda pair: -pair[0]), lambda pair: pair[0]):
        held = [correct for _, correct in group]
        answered, wrong = answered + len(held), wrong + len(held) - sum(held)
        curve.append((answered / len(judged), wrong / answered, confidence))
    return tuple(curve)


def aurc(judged: Judged) -> float:
    """The area under the risk-coverage curve: the mean risk over all coverages k / n (Geifman et al., "Bias-Reduced
    Uncertainty Estimation for Deep Neural Classifiers", ICLR 2019, section 2).

    Args:
        judged: see the module; at least one. Of answers with the same confidence each order is as likely, so that
            among them errors count in parts.
    """
    risks, answered, wrong = 0.0, 0, 0.0
    for _, group in groupby(sorted(judged, key=lambda pair: -pair[0]), lambda pair: pair[0]):
        held = [correct for _, correct in group]
        share = 1 - sum(held) / len(held)
        for _ in held:
            answered, wrong = answered + 1, wrong + share
            risks += wrong / answered
    return risks / len(judged)


def risk_at(judged: Judged, coverage: float) -> float:
    """The share of wrong answers where only the surest are given.

    Args:
        judged: see the module; at least one.
        coverage: the share of questions that are answered, above 0 and up to 1. Of answers with the same confidence
            each is as likely to be given, so that errors among them count in parts.
    """
    left = answered = len(judged) * coverage
    wrong = 0.0
    for _, group in groupby(sorted(judged, key=lambda pair: -pair[0]), lambda pair: pair[0]):
        held = [correct for _, correct in group]
        taken = min(left, len(held))
        wrong += taken * (1 - sum(held) / len(held))
        left -= taken
    return wrong / answered


def _bin(confidence: float, bins: int) -> int:
    return next((b for b in range(bins) if confidence <= (b + 1) / bins), bins - 1)
