"""Runs items through strategies and scores what comes back.

Every strategy gets the same seed for an item, and the agents' journal serves equal requests from the first reply to
them: so all strategies start from the same first attempt.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from agentfix.errors import AgentFixError, ConfigError, ModelUnavailableError, UnknownNameError
from agentfix.evals.item import Item
from agentfix.evals.record import Record
from agentfix.protocols import Judge, Score
from agentfix.types import Result, Task

_SAMPLING = ("self-consistency", "best-of-n")
"""The strategies whose argument is how many answers are drawn."""
_READING = ("retrieval",)
"""Those of them whose prompt is long: what they read counts too."""
_MOST_SAMPLES = 64
"""More answers than this are not drawn at once."""
_FIRST_ONLY = "none"
"""The strategy that stops at the first attempt."""


class Runs(Protocol):
    """Answers a task under a strategy, as an Agent does."""

    async def arun(self, task: Task, *, strategy: str | None = None, seed: int | None = None) -> Result: ...


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Items, strategies and what they are run with.

    Args:
        runs: answers tasks.
        judge: runs judging assertions.
        items: what is asked, in order.
        strategies: as settings name them, in order.
        seed: each item's own is this plus its index.
        equal_tokens: sampling strategies draw as many answers as the first strategy's completion tokens pay for, those
            that read passages as many as all its tokens do.
    """

    runs: Runs
    judge: Judge
    items: Sequence[Item]
    strategies: Sequence[str]
    seed: int = 0
    equal_tokens: bool = False

    async def records(self, done: Iterable[Record] = ()) -> AsyncGenerator[Record]:
        """Run everything that is not done yet, item by item; yields each record as it is finished.

        An item that fails gets a record that says why.

        Raises:
            AgentFixError: a name or setting is wrong, or the model is not there: every item would fail.
        """
        known = {(record.item, record.strategy): record for record in done}
        for item in self.items:
            for strategy in self.strategies:
                if (item.id, strategy) in known:
                    continue
                spender = known.get((item.id, self.strategies[0]))
                record = await self._record(item, strategy, spender)
                known[item.id, strategy] = record
                yield record

    async def _record(self, item: Item, strategy: str, spender: Record | None) -> Record:
        record = Record(item.id, strategy, strategy, self.seed + item.index)
        try:
            if spender is not None and self.equal_tokens and strategy in (*_SAMPLING, *_READING):
                samples = await self._affordable(item, strategy, record.seed, spender)
                record = replace(record, ran=f"{strategy}:{samples}")
            result = await self.runs.arun(item.task, strategy=record.ran, seed=record.seed)
            first = result.attempts[0].answer if result.attempts else None
            first_score = await self._score(item, first)
            score = first_score if result.answer == first else await self._score(item, result.answer)
        except (ConfigError, ModelUnavailableError, UnknownNameError):
            raise  # every item would fail alike
        except AgentFixError as error:
            return replace(record, error=str(error))
        return _filled(record, result, first, first_score, score)

    async def _affordable(self, item: Item, strategy: str, seed: int, spender: Record) -> int:
        """How many answers cost what the first strategy spent on this item.

        Of strategies whose prompt is the question, what is written counts. Of those that read, all tokens count: those
        of the prompt, read once for all samples, and then so many answers as the rest pays for.
        """
        reading = strategy in _READING
        alone = (await self.runs.arun(item.task, strategy=f"{strategy}:1" if reading else _FIRST_ONLY, seed=seed)).usage
        read = alone.prompt_tokens if reading else 0
        budget = spender.completion_tokens + (spender.prompt_tokens - read if reading else 0)
        return min(max(1, round(budget / max(1, alone.completion_tokens))), _MOST_SAMPLES)

    async def _score(self, item: Item, answer: str | None) -> Score:
        return Score(False, 0.0) if answer is None else await item.graded(answer, self.judge)


def _filled(record: Record, result: Result, first: str | None, first_score: Score, score: Score) -> Record:
    usage = result.usage
    return replace(
        record, first_answer=first, first_correct=first_score.correct, answer=result.answer, correct=score.correct,
        first_f1=first_score.f1, f1=score.f1, abstained=result.abstained,
        supported_by=None if result.supported_by is None else result.supported_by.label,
        stop_reason=result.stop_reason, attempts=len(result.attempts), prompt_tokens=usage.prompt_tokens,
        cached_prompt_tokens=usage.cached_prompt_tokens, completion_tokens=usage.completion_tokens,
        model_calls=usage.model_calls, tool_calls=usage.tool_calls, seconds=result.seconds, run_id=result.run_id,
        note=score.note,
    )
