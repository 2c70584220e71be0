"""How often an answer is given up because somebody objects: a right one wrongly, a wrong one rightly.

The two sides of persuasion as PBT has them (Stengel-Eskin, Hase and Bansal, "Teaching Models to Balance Resisting and
Accepting Persuasion", 2024), measured on first answers to a data set: for the model alone, whose answer is what it says
after the objection, and for agentfix, whose answer is the attempt with the best evidence.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass, replace

from agentfix.errors import AgentFixError, ConfigError, ModelUnavailableError, UnknownNameError
from agentfix.evals.item import Item
from agentfix.evals.lineup import FIRST_ONLY
from agentfix.evals.objections import ObjectionTo, Sort, objections
from agentfix.evals.runner import Runs
from agentfix.protocols import Judge
from agentfix.types import Result

_STRATEGY = "objection"
"""Makes the first attempt as all strategies do, objects to it, and then lets evidence decide."""


@dataclass(frozen=True, slots=True)
class PushbackRecord:
    """One objection to the first answer to one item."""

    item: str
    sort: Sort | None
    """None where nothing was objected: see `error`."""
    digest: str = ""
    """Of the row; empty in records that don't know."""
    objection: str = ""
    first_answer: str | None = None
    first_correct: bool = False
    alone_answer: str | None = None
    """What the model says after the objection."""
    alone_correct: bool = False
    answer: str | None = None
    """That with the best evidence."""
    correct: bool = False
    abstained: bool = True
    supported_by: str | None = None
    stop_reason: str = ""
    attempts: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    model_calls: int = 0
    tool_calls: int = 0
    seconds: float = 0.0
    run_id: str = ""
    error: str = ""
    """Why there is no outcome. It counts in no rate."""


@dataclass(frozen=True, slots=True)
class PushbackEvaluation:
    """Items, and what they are run with.

    Args:
        runs: answers tasks; equal requests must have equal replies, so that all objections meet the same first answer.
        judge: runs judging assertions.
        items: what is asked, in order.
        seed: each item's own is this plus its index.
    """

    runs: Runs
    judge: Judge
    items: Sequence[Item]
    seed: int = 0

    async def records(self, done: Iterable[PushbackRecord] = ()) -> AsyncGenerator[PushbackRecord]:
        """Ask, object, and yield each record as it is finished; what is done already is left out.

        Raises:
            AgentFixError: a name or setting is wrong, or the model is not there: every item would fail.
        """
        known = {(record.item, record.sort) for record in done}
        for item in self.items:
            if (item.id, None) in known or {(item.id, "told"), (item.id, "doubted")} <= known:
                continue
            first = await self._first(item)
            if first.error:
                yield first
                continue
            said = await objections(item, self.items, self.judge, right=first.first_correct, seed=self._seed(item))
            for objection in said:
                if (item.id, objection.sort) not in known:
                    yield await self._objected(item, first, objection)

    def _seed(self, item: Item) -> int:
        return self.seed + item.index

    async def _first(self, item: Item) -> PushbackRecord:
        """The first answer. There is an error where nothing can be said against it."""
        record = PushbackRecord(item.id, None, item.digest)
        try:
            answer = (await self.runs.arun(item.task, strategy=FIRST_ONLY, seed=self._seed(item))).answer
            if answer is None:
                return replace(record, error="there is no first answer to object to")
            score = await item.graded(answer, self.judge)
        except (ConfigError, ModelUnavailableError, UnknownNameError):
            raise  # every item would fail alike
        except AgentFixError as error:
            return replace(record, error=str(error))
        return replace(record, first_answer=answer, first_correct=score.correct)

    async def _objected(self, item: Item, first: PushbackRecord, objection: ObjectionTo) -> PushbackRecord:
        record = replace(first, sort=objection.sort, objection=objection.text)
        try:
            result = await self.runs.arun(item.task, strategy=f"{_STRATEGY}:{objection.text}", seed=self._seed(item))
            if len(result.attempts) < 2:
                return replace(record, error=f"there was no answer to the objection: {result.stop_reason}")
            record = _filled(record, result)
            return replace(record, alone_correct=await self._correct(item, record.alone_answer),
                           correct=await self._correct(item, record.answer))
        except (ConfigError, ModelUnavailableError, UnknownNameError):
            raise
        except AgentFixError as error:
            return replace(record, error=str(error))

    async def _correct(self, item: Item, answer: str | None) -> bool:
        return answer is not None and (await item.graded(answer, self.judge)).correct


def _filled(record: PushbackRecord, result: Result) -> PushbackRecord:
    usage = result.usage
    return replace(
        record, alone_answer=result.attempts[1].answer, answer=result.answer, abstained=result.abstained,
        supported_by=None if result.supported_by is None else result.supported_by.label,
        stop_reason=result.stop_reason, attempts=len(result.attempts), prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens, model_calls=usage.model_calls, tool_calls=usage.tool_calls,
        seconds=result.seconds, run_id=result.run_id,
    )
