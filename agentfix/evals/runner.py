"""Runs items through strategies and scores what comes back.

Every strategy gets the same seed for an item, and the agents' journal serves equal requests from the first reply to
them: so all strategies start from the same first attempt. To share it they run one after the other; items run at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from agentfix.confidence import confidence_of
from agentfix.errors import FOR_ALL, AgentFixError
from agentfix.evals.item import Item
from agentfix.evals.lineup import Contender
from agentfix.evals.record import Record, Stage
from agentfix.evals.seeds import seed_of
from agentfix.protocols import Judge, Score
from agentfix.types import Result, Task, Usage


class Runs(Protocol):
    """Answers a task under a strategy, as an Agent does."""

    async def arun(self, task: Task, *, strategy: str | None = None, seed: int | None = None) -> Result: ...


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Items, strategies and what they are run with.

    Args:
        runs: answers tasks.
        judge: runs judging assertions.
        items: what is asked.
        contenders: what answers, in order; one whose answers another pays for comes after it.
        seed: each item's own is made of this, its row and the repeat.
        repeats: how often each item is run, each time with another seed.
        concurrency: how many items are run at once.
    """

    runs: Runs
    judge: Judge
    items: Sequence[Item]
    contenders: Sequence[Contender]
    seed: int = 0
    repeats: int = 1
    concurrency: int = 1

    async def run(self, keep: Callable[[Record], None], done: Iterable[Record] = ()) -> None:
        """Run everything that is not done yet. An item that fails gets a record that says why.

        Args:
            keep: told of each record as soon as it is finished, whatever the order.
            done: what is finished already.

        Raises:
            AgentFixError: a name or setting is wrong, or the model is not there: every item would fail. Or `keep`
                raised it.
        """
        known = {record.key: record for record in done}
        waiting = iter([(item, repeat) for repeat in range(self.repeats) for item in self.items])

        async def work() -> None:
            for item, repeat in waiting:
                await self._item(item, repeat, known, keep)

        workers = [asyncio.create_task(work()) for _ in range(self.concurrency)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.wait(workers)

    async def _item(self, item: Item, repeat: int, known: dict[tuple[str, int, str], Record],
                    keep: Callable[[Record], None]) -> None:
        scores: dict[str, Score] = {}
        for contender in self.contenders:
            if (item.id, repeat, contender.name) in known:
                continue
            spender = known.get((item.id, repeat, contender.spender)) if contender.spender else None
            record = await self._record(item, repeat, contender, spender, scores)
            known[record.key] = record
            keep(record)

    async def _record(self, item: Item, repeat: int, contender: Contender, spender: Record | None,
                      scores: dict[str, Score]) -> Record:
        seed = seed_of(self.seed, item.index, repeat)
        record = Record(item.id, contender.name, contender.strategy, seed, repeat, item.digest)
        try:
            if spender is not None:
                alone = (await self.runs.arun(item.task, strategy=contender.probe, seed=seed)).usage
                spent = Usage(spender.prompt_tokens, completion_tokens=spender.completion_tokens)
                record = replace(record, ran=contender.paid_by(spent, alone))
            result = await self.runs.arun(item.task, strategy=record.ran, seed=seed)
            for attempt in result.attempts:
                await self._grade(item, attempt.answer, scores)
            await self._grade(item, result.answer, scores)
        except FOR_ALL:
            raise
        except AgentFixError as error:
            return replace(record, error=str(error))
        return _filled(record, result, scores)

    async def _grade(self, item: Item, answer: str | None, scores: dict[str, Score]) -> None:
        """Each answer once: grading a program runs it."""
        if answer is not None and answer not in scores:
            scores[answer] = await item.graded(answer, self.judge)


def _filled(record: Record, result: Result, scores: dict[str, Score]) -> Record:
    def score(answer: str | None) -> Score:
        return Score(False, 0.0) if answer is None else scores[answer]

    usage = result.usage
    first = result.attempts[0].answer if result.attempts else None
    right = [score(attempt.answer).correct for attempt in result.attempts]
    return replace(
        record, first_answer=first, first_correct=score(first).correct, answer=result.answer,
        correct=score(result.answer).correct, first_f1=score(first).f1, f1=score(result.answer).f1,
        any_correct=any(right), confidence=confidence_of(result), abstained=result.abstained,
        stages=tuple(Stage(r.attempts, right[r.best], r.usage.completion_tokens) for r in result.rounds),
        supported_by=None if result.supported_by is None else result.supported_by.label,
        stop_reason=result.stop_reason, attempts=len(result.attempts), prompt_tokens=usage.prompt_tokens,
        cached_prompt_tokens=usage.cached_prompt_tokens, completion_tokens=usage.completion_tokens,
        model_calls=usage.model_calls, tool_calls=usage.tool_calls, cost=usage.cost, seconds=result.seconds,
        run_id=result.run_id, note=score(result.answer).note,
    )
