"""What is kept of each item and strategy, and the file that an evaluation is resumed from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agentfix.evals.lines import RecordLines


@dataclass(frozen=True, slots=True)
class Stage:
    """How far a run had come after a round."""

    attempts: int
    """Made so far."""
    correct: bool
    """Whether the best of them is right: the answer, had the run ended here."""
    completion_tokens: int
    """Spent so far."""


@dataclass(frozen=True, slots=True)
class Record:
    """One item under one strategy."""

    item: str
    strategy: str
    """As the table names it."""
    ran: str
    """As it was run: with as many answers as equal terms allow."""
    seed: int
    repeat: int = 0
    """Which of the repeats of the item, from 0."""
    digest: str = ""
    """Of the row; empty in records that don't know."""
    first_answer: str | None = None
    first_correct: bool = False
    answer: str | None = None
    correct: bool = False
    first_f1: float = 0.0
    f1: float = 0.0
    any_correct: bool = False
    """Whether any attempt is right: what an oracle would have chosen."""
    stages: tuple[Stage, ...] = ()
    """After each round; the last one is the result."""
    confidence: float | None = None
    """How much the evidence speaks for the answer, from 0 to 1; None in records that don't know."""
    abstained: bool = True
    supported_by: str | None = None
    stop_reason: str = ""
    attempts: int = 0
    prompt_tokens: int = 0
    cached_prompt_tokens: int = 0
    completion_tokens: int = 0
    model_calls: int = 0
    tool_calls: int = 0
    cost: float | None = None
    """Money, in the unit of the price table; None where no price is known."""
    seconds: float = 0.0
    run_id: str = ""
    note: str = ""
    """What went wrong with the scoring, if anything."""
    error: str = ""
    """Why there is no result. It counts as wrong."""

    @property
    def key(self) -> tuple[str, int, str]:
        """What tells it from all others of an evaluation."""
        return self.item, self.repeat, self.strategy

    @property
    def oracle(self) -> bool:
        """Whether any attempt is known to be right."""
        return self.any_correct or self.correct or self.first_correct


def in_order(records: Iterable[Record], items: Sequence[str], strategies: Sequence[str]) -> list[Record]:
    """The records of some items and strategies, each once, in an order that does not tell which was finished first.

    Args:
        records: in any order.
        items: their ids, in order.
        strategies: by the names in the table, in order.
    """
    row = {item: place for place, item in enumerate(items)}
    column = {strategy: place for place, strategy in enumerate(strategies)}
    known = {record.key: record for record in records if record.item in row and record.strategy in column}
    return sorted(known.values(), key=lambda record: (record.repeat, row[record.item], column[record.strategy]))


@dataclass
class RecordFile(RecordLines[Record]):
    """The file that an evaluation is resumed from: see `RecordLines`."""

    kind: type[Record] = Record
