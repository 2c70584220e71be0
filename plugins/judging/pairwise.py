"""The pairwise form of critic `judge`: each two answers are compared in both orders, and wins are counted.

That an answer is better than another does not make it right, so a win supports it only in part, and a loss does not
refute it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from agentfix import Attempt, CriticContext, Critique, Evidence, EvidenceClass, Message, Task

from .comparing import Compared, compare
from .opinions import origin_of, verdict_of
from .prompts import prompt
from .shown import answer_of, question_of


async def by_pairs(task: Task, attempts: Sequence[Attempt], context: CriticContext, count: int,
                   critic: str) -> list[Critique]:
    """Judge attempts by comparing them with each other. Those with the same answer are not compared.

    Args:
        task: what was asked.
        attempts: of the review.
        context: of the review.
        count: so many judgements of each pair in each order.
        critic: whose critiques they are.

    Returns:
        One critique for each, in order: `abstain` without a score for what could be compared with nothing.
    """
    by_id = {attempt.id: attempt for attempt in attempts}

    def put(first: int, second: int) -> Sequence[Message]:
        return prompt("judge_pairwise", question=question_of(task), first=answer_of(by_id[first]),
                      second=answer_of(by_id[second]))

    pairs = [(a.id, b.id) for a, b in combinations(by_id.values(), 2) if not _same(a, b, context)]
    compared = await compare(pairs, put, context, count)
    return [_judged(attempt, [c for c in compared if attempt.id in (c.one, c.other)], context, critic)
            for attempt in attempts]


def _same(a: Attempt, b: Attempt, context: CriticContext) -> bool:
    return a.answer is not None and b.answer is not None and context.kind.same(a.answer, b.answer)


def _judged(attempt: Attempt, compared: Sequence[Compared], context: CriticContext, critic: str) -> Critique:
    if not compared:
        return Critique(attempt.id, critic, "abstain", "There is no other answer to compare it with.")
    won = [c for c in compared if c.winner == attempt.id]
    lost = [c for c in compared if c.winner not in (attempt.id, None)]
    score = (len(won) + (len(compared) - len(won) - len(lost)) / 2) / len(compared)
    feedback = _against(attempt, lost[0]) if lost else ""
    if not won:
        return Critique(attempt.id, critic, verdict_of(score), feedback, score=score)
    better = Evidence(
        EvidenceClass.OPINION, "supports", f"{context.model} finds it better than {len(won)} of {len(compared)} other "
        "answers, in both orders", context.model, origin_of(attempt, context), "part", float(len(won)),
        won[0].forth.critique[:2000])
    return Critique(attempt.id, critic, verdict_of(score), feedback, (better,), score)


def _against(attempt: Attempt, lost: Compared) -> str:
    """What was said when it lost, in the order in which it was shown first."""
    said = lost.forth if lost.one == attempt.id else lost.back
    return f"Another answer was found better. Where yours is the first answer and that is the second: {said.critique}"
