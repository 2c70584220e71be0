"""What the records of one strategy amount to. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from agentfix.evals.record import Record
from agentfix.evals.statistics import mcnemar, paired_bootstrap, wilson


@dataclass(frozen=True, slots=True)
class Share:
    """A share with its 95% interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Summary:
    """One strategy over all its items. Tokens, calls and seconds are means per item."""

    strategy: str
    items: int
    first_accuracy: Share
    accuracy: Share
    gain: Share
    """Of the result over the first attempt, in shares of all items."""
    wrong_to_right: int
    right_to_wrong: int
    mcnemar_p: float
    f1: float
    prompt_tokens: float
    cached_prompt_tokens: float
    completion_tokens: float
    model_calls: float
    tool_calls: float
    seconds: float
    abstained: int
    errors: int


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
    first = [record.first_correct for record in records]
    final = [record.correct for record in records]
    won = sum(b and not a for a, b in zip(first, final, strict=True))
    lost = sum(a and not b for a, b in zip(first, final, strict=True))

    def mean(of: Callable[[Record], float]) -> float:
        return sum(of(record) for record in records) / len(records)

    return Summary(
        strategy, len(records), _share(first), _share(final),
        Share((won - lost) / len(records), *paired_bootstrap(first, final, seed=seed)), won, lost, mcnemar(lost, won),
        mean(lambda r: r.f1), mean(lambda r: r.prompt_tokens), mean(lambda r: r.cached_prompt_tokens),
        mean(lambda r: r.completion_tokens), mean(lambda r: r.model_calls), mean(lambda r: r.tool_calls),
        mean(lambda r: r.seconds), sum(r.abstained for r in records), sum(bool(r.error) for r in records),
    )


def _share(right: Sequence[bool]) -> Share:
    return Share(sum(right) / len(right), *wilson(sum(right), len(right)))
