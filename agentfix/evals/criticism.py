"""Evaluates critics on recorded answers: no actor is asked."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from agentfix.errors import AgentFixError, ConfigError, ModelUnavailableError, UnknownNameError
from agentfix.evals.judged import JudgedAnswer
from agentfix.types import Result, Task, VerdictWord


class Reviews(Protocol):
    """Has a given answer reviewed by critics alone, as an Agent does."""

    async def averify(self, task: Task, answer: str, *, critics: Sequence[str]) -> Result: ...


@dataclass(frozen=True, slots=True)
class CriticRecord:
    """What one critic said of one answer."""

    item: str
    critic: str
    right: bool
    """Whether the answer is right, as the row says."""
    wrong_step: int | None = None
    """The first wrong step, as the row says."""
    located: bool = False
    """Whether the row says which step is wrong, where one is."""
    verdict: VerdictWord | None = None
    """None where there is none: see `error`."""
    step: int | None = None
    """The first wrong step of the row's, as the critic says."""
    score: float | None = None
    """How likely the critic takes the answer to be right."""
    feedback: str = ""
    prompt_tokens: int = 0
    cached_prompt_tokens: int = 0
    completion_tokens: int = 0
    model_calls: int = 0
    tool_calls: int = 0
    seconds: float = 0.0
    run_id: str = ""
    error: str = ""
    """Why there is no verdict. It counts as a wrong one."""
    digest: str = ""
    """Of the row; empty in records that don't know."""

    @property
    def told_apart(self) -> bool:
        """Whether the verdict is that of the row: a right answer is accepted, a wrong one is not."""
        return self.verdict == ("accept" if self.right else "revise")

    @property
    def found(self) -> bool:
        """The same, and of a wrong answer the very step is named."""
        return self.told_apart and (self.right or self.step == self.wrong_step)


@dataclass(frozen=True, slots=True)
class CriticEvaluation:
    """Answers, and the critics that judge each of them alone.

    Args:
        reviews: has answers reviewed.
        answers: in order.
        critics: by name, in order.
    """

    reviews: Reviews
    answers: Sequence[JudgedAnswer]
    critics: Sequence[str]

    async def records(self, done: Iterable[CriticRecord] = ()) -> AsyncGenerator[CriticRecord]:
        """Judge what is not judged yet, answer by answer; yields each record as it is finished.

        An answer that can't be judged gets a record that says why.

        Raises:
            AgentFixError: a name or setting is wrong, or the model is not there: every answer would fail.
        """
        known = {(record.item, record.critic) for record in done}
        for answer in self.answers:
            for critic in self.critics:
                if (answer.id, critic) not in known:
                    yield await self._record(answer, critic)

    async def _record(self, answer: JudgedAnswer, critic: str) -> CriticRecord:
        record = CriticRecord(answer.id, critic, answer.right, answer.wrong_step, answer.located, digest=answer.digest)
        try:
            result = await self.reviews.averify(answer.task, answer.answer, critics=(critic,))
        except (ConfigError, ModelUnavailableError, UnknownNameError):
            raise  # every answer would fail alike
        except AgentFixError as error:
            return replace(record, error=str(error))
        return _filled(record, answer, result)


def _filled(record: CriticRecord, answer: JudgedAnswer, result: Result) -> CriticRecord:
    usage = result.usage
    record = replace(
        record, prompt_tokens=usage.prompt_tokens, cached_prompt_tokens=usage.cached_prompt_tokens,
        completion_tokens=usage.completion_tokens, model_calls=usage.model_calls, tool_calls=usage.tool_calls,
        seconds=result.seconds, run_id=result.run_id)
    said = next((c for c in result.critiques if c.critic == record.critic), None)
    if said is None:
        return replace(record, error=result.stop_reason)
    step = None if said.step is None or not answer.located else answer.row_step(said.step)
    return replace(record, verdict=said.verdict, step=step, score=said.score, feedback=said.feedback)
