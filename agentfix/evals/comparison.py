"""Two columns of records beside each other, item by item. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from agentfix.evals.lineup import Contender
from agentfix.evals.record import Record
from agentfix.evals.statistics import mcnemar, paired_bootstrap, wilson


@dataclass(frozen=True, slots=True)
class Share:
    """A share with its 95% interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """One strategy against another on the items, and the repeats of them, that both have run."""

    strategy: str
    against: str
    items: int
    runs: int
    accuracy: Share
    against_accuracy: Share
    difference: Share
    """Of the first over the second, in shares of all items, with its paired bootstrap interval."""
    only: tuple[tuple[str, int], ...]
    """The item and the repeat that the first has right and the second wrong."""
    only_against: tuple[tuple[str, int], ...]
    """The other way round."""
    mcnemar_p: float
    completion_tokens: float
    """Mean per run."""
    against_completion_tokens: float
    tokens: float
    """All, prompt and completion."""
    against_tokens: float


def share_of(shares: Sequence[float]) -> Share:
    """The mean of shares with Wilson's interval.

    Args:
        shares: one for each item.
    """
    return Share(sum(shares) / len(shares) if shares else 0.0, *wilson(sum(shares), len(shares)))


def by_item(records: Iterable[Record], of: Callable[[Record], float]) -> dict[str, float]:
    """The mean over the repeats of each item.

    Args:
        records: of one strategy.
        of: what is averaged.
    """
    found: dict[str, list[float]] = {}
    for record in records:
        found.setdefault(record.item, []).append(float(of(record)))
    return {item: sum(values) / len(values) for item, values in found.items()}


def compared(left: Iterable[Record], right: Iterable[Record], names: tuple[str, str], *,
             seed: int = 0) -> Comparison | None:
    """Compare two columns by what both have run.

    Args:
        left: records of one strategy.
        right: records of another, or of the same in another evaluation.
        names: what they are called.
        seed: of the bootstrap.

    Returns:
        None when they have nothing in common.
    """
    others = {(record.item, record.repeat): record for record in right}
    own = {(record.item, record.repeat): record for record in left}
    pairs = [(record, others[place]) for place, record in own.items() if place in others]
    if not pairs:
        return None
    firsts, seconds = [a for a, _ in pairs], [b for _, b in pairs]
    mine, other = by_item(firsts, _right), by_item(seconds, _right)
    shares, other_shares = list(mine.values()), [other[item] for item in mine]
    gains = [a - b for a, b in zip(shares, other_shares, strict=True)]
    return Comparison(
        *names, len(mine), len(pairs), share_of(shares), share_of(other_shares),
        Share(sum(gains) / len(gains), *paired_bootstrap(other_shares, shares, seed=seed)),
        tuple((a.item, a.repeat) for a, b in pairs if a.correct and not b.correct),
        tuple((a.item, a.repeat) for a, b in pairs if b.correct and not a.correct),
        mcnemar(sum(gain < 0 for gain in gains), sum(gain > 0 for gain in gains)),
        *(_mean(records, of) for of in (_completion, _all_tokens) for records in (firsts, seconds)),
    )


def comparisons(records: Iterable[Record], contenders: Sequence[Contender], *, seed: int = 0) -> list[Comparison]:
    """What a table compares: each strategy with those that drew answers for its tokens; where none did, the first
    strategy with every other.

    Args:
        records: of the table.
        contenders: those of the table.
        seed: of the bootstrap.
    """
    columns: Mapping[str, list[Record]] = {contender.name: [] for contender in contenders}
    for record in records:
        if record.strategy in columns:
            columns[record.strategy].append(record)
    pairs = [(c.spender, c.name) for c in contenders if c.spender is not None]
    pairs = pairs or [(contenders[0].name, c.name) for c in contenders[1:]]
    made = (compared(columns[one], columns[other], (one, other), seed=seed) for one, other in pairs)
    return [comparison for comparison in made if comparison is not None]


def _right(record: Record) -> float:
    return float(record.correct)


def _completion(record: Record) -> float:
    return record.completion_tokens


def _all_tokens(record: Record) -> float:
    return record.prompt_tokens + record.completion_tokens


def _mean(records: Sequence[Record], of: Callable[[Record], float]) -> float:
    return sum(of(record) for record in records) / len(records)
