"""What the records of one strategy amount to. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from agentfix.evals.calibration import Calibration, calibration
from agentfix.evals.comparison import Share, by_item, share_of
from agentfix.evals.curve import Point, curve, stages_of
from agentfix.evals.record import Record
from agentfix.evals.statistics import mcnemar, paired_bootstrap


@dataclass(frozen=True, slots=True)
class Summary:
    """One strategy over all its items. Tokens, calls, money and seconds are means per run."""

    strategy: str
    items: int
    runs: int
    """Items times repeats."""
    first_accuracy: Share
    accuracy: Share
    oracle: Share
    """Runs in which any attempt is right: what one who knew the answers would have chosen."""
    gain: Share
    """Of the result over the first attempt, in shares of all items."""
    wrong_to_right: int
    right_to_wrong: int
    wrong_to_right_by_round: tuple[int, ...]
    """Whose best attempt was wrong before a round and right after it; the first round follows the first attempt."""
    right_to_wrong_by_round: tuple[int, ...]
    mcnemar_p: float
    f1: float
    prompt_tokens: float
    cached_prompt_tokens: float
    completion_tokens: float
    model_calls: float
    tool_calls: float
    cost: float | None
    """None where the price of any run is unknown."""
    seconds: float
    abstained: int
    errors: int
    calibration: Calibration | None
    """None where no record has a confidence."""
    curve: tuple[Point, ...]
    """Accuracy against completion tokens, had all runs ended after each round."""


def summarise(records: Iterable[Record], strategies: Sequence[str], *, seed: int = 0) -> list[Summary]:
    """Count what each strategy did.

    Args:
        records: of any strategies, in any order.
        strategies: which to count, in the order of the answer; one without records is left out.
        seed: of the bootstrap.
    """
    by_strategy: dict[str, list[Record]] = {strategy: [] for strategy in strategies}
    for record in records:
        if record.strategy in by_strategy:
            by_strategy[record.strategy].append(record)
    return [_summary(strategy, found, seed) for strategy, found in by_strategy.items() if found]


def _summary(strategy: str, records: Sequence[Record], seed: int) -> Summary:
    def mean(of: Callable[[Record], float]) -> float:
        return sum(of(record) for record in records) / len(records)

    first = list(by_item(records, lambda r: r.first_correct).values())
    final = list(by_item(records, lambda r: r.correct).values())
    gains = [b - a for a, b in zip(first, final, strict=True)]
    costs = [record.cost for record in records if record.cost is not None]
    won, lost = _changes(records)
    return Summary(
        strategy, len(first), len(records), share_of(first), share_of(final),
        share_of(list(by_item(records, lambda r: r.oracle).values())),
        Share(sum(gains) / len(gains), *paired_bootstrap(first, final, seed=seed)),
        sum(r.correct and not r.first_correct for r in records),
        sum(r.first_correct and not r.correct for r in records),
        won, lost, mcnemar(sum(gain < 0 for gain in gains), sum(gain > 0 for gain in gains)),
        mean(lambda r: r.f1), mean(lambda r: r.prompt_tokens), mean(lambda r: r.cached_prompt_tokens),
        mean(lambda r: r.completion_tokens), mean(lambda r: r.model_calls), mean(lambda r: r.tool_calls),
        sum(costs) / len(records) if len(costs) == len(records) else None, mean(lambda r: r.seconds),
        sum(r.abstained for r in records), sum(bool(r.error) for r in records),
        calibration([(r.confidence, r.correct) for r in records if r.confidence is not None]), curve(records),
    )


def _changes(records: Sequence[Record]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """How many runs went from wrong to right in each round, and from right to wrong."""
    rights = [[record.first_correct, *(stage.correct for stage in stages_of(record))] for record in records]
    rounds = range(max(len(right) for right in rights) - 1)
    steps = [[(right[k], right[k + 1]) for right in rights if k + 1 < len(right)] for k in rounds]
    return tuple(sum(b and not a for a, b in step) for step in steps), \
        tuple(sum(a and not b for a, b in step) for step in steps)
