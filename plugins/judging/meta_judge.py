"""Critic `meta-judge`: an answer is judged several times, the judgements are judged, and the best reasoned one counts
(Wu et al., "Meta-Rewarding Language Models", 2024, section 2.2; RL4F: Akyürek et al., ACL 2023, has critiques judged by
what they are good for).

Judgements are compared in pairs, each pair in both orders, and wins are counted; of equals the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations

from agentfix import Attempt, CriticContext, Critique, Message, Task, ToolCalls, review_each

from .comparing import compare
from .judging import Judgement, judgements
from .opinions import opinion
from .prompts import prompt
from .shown import answer_of, question_of

DEFAULT = 3


@dataclass(frozen=True, slots=True)
class MetaJudge:
    """See the module.

    Args:
        count: so many judgements of each answer.
    """

    count: int = DEFAULT
    name: str = "meta-judge"

    async def review(
        self, task: Task, attempts: Sequence[Attempt], context: CriticContext
    ) -> ToolCalls | list[Critique]:
        return await review_each(attempts, partial(self._judge, task), context)

    async def _judge(self, task: Task, attempt: Attempt, context: CriticContext) -> Critique:
        read = await judgements(task, attempt, context, self.count)
        if not read:
            return Critique(attempt.id, self.name, "abstain")
        best, wins = await _best(task, attempt, read, context)
        says = (f"{context.model} gives it {10 * best.score:.3g} of 10 in the judgement that won {wins} of "
                f"{len(read) - 1} comparisons")
        return opinion(attempt, self.name, context, best.score, says, feedback=best.critique, detail=best.critique)


async def _best(task: Task, attempt: Attempt, read: Sequence[Judgement],
                context: CriticContext) -> tuple[Judgement, int]:
    """The best reasoned of judgements, and how many others it won against."""
    def put(first: int, second: int) -> Sequence[Message]:
        return prompt("meta_judge", question=question_of(task), answer=answer_of(attempt), first=read[first],
                      second=read[second])

    pairs = [(a, b) for a, b in combinations(range(len(read)), 2) if read[a] != read[b]]
    winners = [compared.winner for compared in await compare(pairs, put, context, 1)]
    best = max(range(len(read)), key=lambda number: (winners.count(number), -number))
    return read[best], winners.count(best)
