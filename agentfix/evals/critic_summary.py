"""What the records of one critic amount to: how good it is, and at what cost. Pure."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from agentfix.evals.calibration import auroc, ece
from agentfix.evals.criticism import CriticRecord
from agentfix.evals.statistics import FEWEST, wilson
from agentfix.evals.summary import Share

RESAMPLES = 2000
_TAIL = round(0.025 * RESAMPLES)


@dataclass(frozen=True, slots=True)
class Area:
    """An area under a curve, with its 95% interval where there are enough right and wrong answers for one."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class CriticSummary:
    """One critic over all answers. Tokens, calls and seconds are means per answer; intervals are of 95 %."""

    critic: str
    answers: int
    right: int
    """How many of them are right."""
    right_accepted: Share | None
    """Accuracy on right answers; None where there is none."""
    wrong_refused: Share | None
    """Accuracy on wrong answers: that something is wrong."""
    f1: Share | None
    """The harmonic mean of the two; None where one of them is."""
    step_found: Share | None
    """Accuracy on wrong answers: which step is the first that is wrong. None where rows don't say."""
    step_f1: Share | None
    """ProcessBench's F1: the harmonic mean of that and of the accuracy on right answers."""
    steps_named: int
    """Answers of which it said that some step is the first wrong one. A critic that never does judges answers whole."""
    abstained: int
    scored: int
    """Answers that were given a score."""
    auroc: Area | None
    """How often a right answer has a higher score than a wrong one; 0.5 is chance."""
    ece: float | None
    """Expected calibration error of the scores, 0 to 1."""
    prompt_tokens: float
    cached_prompt_tokens: float
    completion_tokens: float
    model_calls: float
    tool_calls: float
    seconds: float
    errors: int


def summarise_critics(records: Iterable[CriticRecord], critics: Sequence[str], *, seed: int = 0) -> list[CriticSummary]:
    """Count what each critic said.

    Args:
        records: of any critics, in any order.
        critics: which to count, in the order of the answer; one without records is left out.
        seed: of what is drawn for intervals.
    """
    by_critic: dict[str, list[CriticRecord]] = {critic: [] for critic in critics}
    for record in records:
        if record.critic in by_critic:
            by_critic[record.critic].append(record)
    return [_summary(critic, found, seed) for critic, found in by_critic.items() if found]


def harmonic(right: float, wrong: float) -> float:
    """The harmonic mean of the accuracies on right and on wrong answers (F1 as in Zheng et al., "ProcessBench", 2024):
    neither a critic that accepts all nor one that refuses all is a good one.

    Args:
        right: accuracy on right answers.
        wrong: accuracy on wrong ones.
    """
    return 2 * right * wrong / (right + wrong) if right + wrong else 0.0


def _summary(critic: str, records: Sequence[CriticRecord], seed: int) -> CriticSummary:
    accepted = [r.told_apart for r in records if r.right]
    refused = [r.told_apart for r in records if not r.right]
    steps = [r.found for r in records if not r.right and r.located]
    kept = [r.found for r in records if r.right and r.located]
    scores = [(r.score, r.right) for r in records if r.score is not None]

    def mean(of: Callable[[CriticRecord], float]) -> float:
        return sum(of(record) for record in records) / len(records)

    return CriticSummary(
        critic, len(records), len(accepted), _share(accepted), _share(refused), _f1(accepted, refused, seed),
        _share(steps), _f1(kept, steps, seed), sum(r.step is not None for r in records),
        sum(r.verdict == "abstain" for r in records), len(scores), _auroc(scores, seed),
        ece(scores) if scores else None, mean(lambda r: r.prompt_tokens), mean(lambda r: r.cached_prompt_tokens),
        mean(lambda r: r.completion_tokens), mean(lambda r: r.model_calls),
        mean(lambda r: r.tool_calls), mean(lambda r: r.seconds), sum(bool(r.error) for r in records),
    )


def _share(hits: Sequence[bool]) -> Share | None:
    return Share(sum(hits) / len(hits), *wilson(sum(hits), len(hits))) if hits else None


def _f1(right: Sequence[bool], wrong: Sequence[bool], seed: int) -> Share | None:
    """F1 with an interval from draws of both accuracies, each with Jeffreys' prior (Brown, Cai and DasGupta, 2001): it
    does not shrink to a point where one of them is 0 or 1, as the bootstrap's does."""
    if not right or not wrong:
        return None
    draw = random.Random(seed)

    def accuracy(hits: Sequence[bool]) -> float:
        return draw.betavariate(sum(hits) + 0.5, len(hits) - sum(hits) + 0.5)

    return _interval(harmonic(sum(right) / len(right), sum(wrong) / len(wrong)),
                     [harmonic(accuracy(right), accuracy(wrong)) for _ in range(RESAMPLES)])


def _auroc(scores: Sequence[tuple[float, bool]], seed: int) -> Area | None:
    """AUROC with its percentile bootstrap interval (Efron, 1979); right and wrong answers are resampled apart."""
    value = auroc(scores)
    if value is None:
        return None
    right, wrong = [s for s in scores if s[1]], [s for s in scores if not s[1]]
    if min(len(right), len(wrong)) < FEWEST:
        return Area(value)
    draw = random.Random(seed)
    drawn = (auroc([*draw.choices(right, k=len(right)), *draw.choices(wrong, k=len(wrong))]) for _ in range(RESAMPLES))
    interval = _interval(value, [again for again in drawn if again is not None])
    return Area(value, interval.low, interval.high)


def _interval(value: float, drawn: Sequence[float]) -> Share:
    ordered = sorted(drawn)
    return Share(value, min(value, ordered[_TAIL]), max(value, ordered[-1 - _TAIL]))
