"""Strategy `auto`: the strategy that paid best for this kind of task, chosen by the record (after SMART, Liu et al.,
2024, which learns to select a strategy; here from logged runs, without training).

The record holds, for each candidate, how many runs ended with a supported answer, by the class of the evidence, and
what they cost. The choice is Thompson sampling (Thompson, Biometrika 1933): for each candidate a chance of success is
drawn from what its record allows; what a supported answer is worth, times that chance, less what a run costs, decides.
It follows from the record and the seed alone, so that it is the same at each decision of a run. Without a record it is
`critic`.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError

from agentfix import Build, LearningStrategy, Move, Remaining, Strategy, Tree, UnknownNameError, UsageError

from .worth import Count, Value, read_value, supported
from .wrapping import within

NAME = "auto"
UNTAUGHT = "critic"
CANDIDATES = (UNTAUGHT, "none", "self-consistency:5", "best-of-n:5", "mcts", "reflexion", "debate")
"""Those that are not registered are left out."""


@dataclass(frozen=True, slots=True)
class Runs:
    """What is remembered of the runs of a strategy."""

    runs: Count = 0
    supported: Mapping[str, Count] = field(default_factory=dict[str, Count])
    """Those whose answer was supported, by the class of the evidence."""
    tokens: Count = 0
    """Of all of them together."""

    @property
    def won(self) -> int:
        return sum(self.supported.values())


_RUNS = TypeAdapter(Runs)


def make_auto(build: Build) -> Auto:
    """The strategy over all candidates that there are.

    Raises:
        UsageError: the argument is no number of tokens.
    """
    value = read_value(NAME, build.argument)
    if value.unit != "tokens":
        raise UsageError("'auto' knows what runs cost in tokens, not in money.", "Write for example auto:50000.")
    candidates: dict[str, Strategy] = {}
    for spec in CANDIDATES:
        name, _, argument = spec.partition(":")
        try:
            candidates[spec] = build.part("strategy", name, argument)
        except UnknownNameError:
            continue
    return Auto(candidates, value)


class Auto:
    """See the module.

    Args:
        candidates: by name; `critic` among them.
        value: of a supported answer, in tokens.
    """

    name = NAME

    def __init__(self, candidates: Mapping[str, Strategy], value: Value) -> None:
        self._candidates = candidates
        self._value = value
        self._chosen: str | None = None
        """For `learn` alone, which is given a memory that other runs may have changed since. No decision reads it."""

    def decide(self, tree: Tree, budget: Remaining, memory: Mapping[str, Any], seed: int) -> list[Move]:
        chosen = choose(within(memory, "record"), tuple(self._candidates), self._value.amount, seed)
        self._chosen = chosen
        return self._candidates[chosen].decide(tree, budget, within(within(memory, "inner"), chosen), seed)

    def learn(self, tree: Tree, memory: Mapping[str, Any]) -> Mapping[str, Any]:
        if self._chosen is None:
            return memory
        kind = tree.standings[tree.best].kind if tree.best is not None and supported(tree) else None
        record = noted(within(memory, "record"), self._chosen, None if kind is None else kind.label,
                       tree.usage.tokens)
        inner, strategy = dict(within(memory, "inner")), self._candidates[self._chosen]
        if isinstance(strategy, LearningStrategy):
            inner[self._chosen] = dict(strategy.learn(tree, within(inner, self._chosen)))
        return {"record": record, "inner": inner}


def choose(record: Mapping[str, Any], candidates: Sequence[str], value: float, seed: int) -> str:
    """The candidate to run.

    Args:
        record: from `noted`.
        candidates: by name, in an order that does not change.
        value: of a supported answer, in tokens.
        seed: of the run. The number of recorded runs is added, so that one seed does not draw alike for ever.
    """
    known = {name: _runs(record, name) for name in candidates}
    runs = sum(each.runs for each in known.values())
    if not runs:
        return UNTAUGHT if UNTAUGHT in candidates else candidates[0]
    usual = sum(each.tokens for each in known.values()) / runs
    drawing = random.Random(f"{seed} {runs}")

    def worth(name: str) -> float:
        each = known[name]
        cost = each.tokens / each.runs if each.runs else usual
        return value * drawing.betavariate(1 + each.won, 1 + each.runs - each.won) - cost

    worths = [worth(name) for name in candidates]
    return candidates[worths.index(max(worths))]


def noted(record: Mapping[str, Any], name: str, supported_by: str | None, tokens: int) -> dict[str, Any]:
    """The record with one more run.

    Args:
        record: before it.
        name: of the strategy that ran.
        supported_by: the class that supports its answer; None when nothing above opinion does.
        tokens: what it cost.
    """
    before = _runs(record, name)
    counts = dict(before.supported)
    if supported_by is not None:
        counts[supported_by] = counts.get(supported_by, 0) + 1
    return {**record, name: {"runs": before.runs + 1, "supported": counts, "tokens": before.tokens + tokens}}


def _runs(record: Mapping[str, Any], name: str) -> Runs:
    """The runs of a strategy; none where what is remembered of them is of another form."""
    try:
        found = _RUNS.validate_python(record.get(name, {}))
    except ValidationError:
        return Runs()
    return found if found.won <= found.runs else Runs()


def taught(memory: Mapping[str, Any], runs: Iterable[tuple[str, bool, int]]) -> dict[str, Any]:
    """The memory with the runs of an evaluation. A reference answer is a check of the caller's: what it finds right is
    supported by `contract`.

    Args:
        memory: of the strategy.
        runs: the strategy of each, whether its answer was right, and what it cost in tokens.
    """
    record = dict(within(memory, "record"))
    for name, correct, tokens in runs:
        record = noted(record, name, "contract" if correct else None, tokens)
    return {**memory, "record": record}
