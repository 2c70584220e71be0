"""Policy `worth`: another round is made only where what it may bring is worth more than it costs.

What it may bring is the chance that a further round makes a supported answer of none, as earlier runs of the strategy
had it at that round, times what such an answer is worth. What it costs is what the rounds of this run cost so far. So
tokens or money buy answers at one price, whatever the question.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, TypeAdapter, ValidationError

from agentfix import EvidenceClass, Expand, Move, Reflect, Remaining, Stop, Tree, UsageError

from .wrapping import Ask

VALUE = 50_000.0
"""Tokens that a supported answer is worth."""
MONEY = "$"
MOST_ROUNDS = 64
"""Of so many rounds a record is kept."""


Count: TypeAlias = Annotated[int, Field(ge=0, le=10**15)]
"""As it is remembered."""
_ROUNDS = TypeAdapter(Annotated[list[tuple[Count, Count]], Field(max_length=MOST_ROUNDS)])


@dataclass(frozen=True, slots=True)
class Value:
    """What a supported answer is worth."""

    amount: float
    unit: Literal["tokens", "money"] = "tokens"


def read_value(strategy: str, option: str) -> Value:
    """Read `50000`, in tokens, or `0.02$`, in the unit of the price table.

    Raises:
        UsageError: it is no number above zero.
    """
    try:
        amount = float(option.removesuffix(MONEY) or VALUE)
    except ValueError:
        amount = 0.0
    if not (math.isfinite(amount) and amount > 0):
        raise UsageError(f"{strategy!r} takes what a supported answer is worth, not {option[:40]!r}.",
                         f"Write tokens, such as {strategy}:50000, or money, such as {strategy}:0.02$.")
    return Value(amount, "money" if option.endswith(MONEY) else "tokens")


class Worth:
    """See the module.

    Args:
        value: of a supported answer.
    """

    name = "worth"

    def __init__(self, value: Value) -> None:
        self._value = value

    def moves(self, ask: Ask, tree: Tree, budget: Remaining, memory: Mapping[str, Any]) -> list[Move]:
        decided = ask()
        cost = self._cost_of_a_round(tree)
        if cost is None or not any(isinstance(move, Expand | Reflect) for move in decided):
            return decided
        gain = 0.0 if supported(tree) else self._value.amount * chance(memory, rounds_of(tree))
        if gain >= cost:
            return decided
        return [Stop(f"another round may bring {gain:.4g} {self._value.unit} and costs {cost:.4g}", tree.best)]

    def learn(self, tree: Tree, memory: Mapping[str, Any]) -> Mapping[str, Any]:
        """Count each round past the first as tried, and the last one as won if the answer is supported."""
        record = [list(each) for each in _rounds(memory)]
        last = min(rounds_of(tree), MOST_ROUNDS)
        record += [[0, 0] for _ in range(last - 1 - len(record))]
        for number in range(last - 1):
            record[number][0] += 1
            record[number][1] += number == last - 2 and supported(tree)
        return {"rounds": record}

    def _cost_of_a_round(self, tree: Tree) -> float | None:
        """None before the first, and where no price is known."""
        spent = tree.usage.tokens if self._value.unit == "tokens" else tree.usage.cost
        return None if not tree.attempts or spent is None else spent / rounds_of(tree)


def rounds_of(tree: Tree) -> int:
    """How often the actor was asked: attempts in a row that are alike were drawn together, but for those before and
    after what was written of them."""
    written = [max(reflection.attempts) for reflection in tree.reflections if reflection.attempts]
    asked = [(attempt.parent, attempt.role, attempt.temperature, sum(last < attempt.id for last in written))
             for attempt in tree.attempts]
    return sum(after != before for before, after in zip([None, *asked], asked, strict=False))


def chance(memory: Mapping[str, Any], rounds: int) -> float:
    """How often one more round made a supported answer of none: the record with one success and one failure added.

    Args:
        memory: of the policy.
        rounds: how many were made.
    """
    record = _rounds(memory)
    tried, won = record[rounds - 1] if rounds <= len(record) else (0, 0)
    return (won + 1) / (tried + 2)


def _rounds(memory: Mapping[str, Any]) -> list[tuple[int, int]]:
    """The rounds that were tried, and those that won, by their number; none where they are of another form."""
    try:
        record = _ROUNDS.validate_python(memory.get("rounds", ()))
    except ValidationError:
        return []
    return record if all(won <= tried for tried, won in record) else []


def supported(tree: Tree) -> bool:
    """Whether more than an opinion supports the best answer."""
    if tree.best is None:
        return False
    standing = tree.standings[tree.best]
    return standing.state == "supported" and (standing.kind or 0) >= EvidenceClass.AGREEMENT
