"""What a model's judgement amounts to: a critique with a score, and evidence that never weighs more than an opinion."""

from __future__ import annotations

from agentfix import Attempt, CriticContext, Critique, Evidence, EvidenceClass, Origin, VerdictWord

SURE = 0.6
"""An answer that is right at least so likely is accepted, and one that is wrong so likely is to be revised. What lies
between is no verdict: a coin would say as much."""
DETAIL_CHARS = 2000


def verdict_of(score: float) -> VerdictWord:
    """The verdict that a score stands for.

    Args:
        score: how likely the answer is right, 0 to 1.
    """
    if score >= SURE:
        return "accept"
    return "revise" if score <= 1 - SURE else "abstain"


def opinion(attempt: Attempt, critic: str, context: CriticContext, score: float, says: str, *, feedback: str = "",
            detail: str = "", verdict: VerdictWord | None = None, weight: float | None = None) -> Critique:
    """A critique by a model's judgement.

    Args:
        attempt: what is judged.
        critic: whose critique it is.
        context: names the model that judges.
        score: how likely the answer is right, 0 to 1.
        says: the judgement in one line, for a person.
        feedback: for the reviser.
        detail: the reasons.
        verdict: where it is not the one that the score stands for.
        weight: of the evidence; by how far the score is from a coin's when None.
    """
    word = verdict or verdict_of(score)
    if word == "abstain":
        return Critique(attempt.id, critic, word, feedback, score=score)
    evidence = Evidence(
        EvidenceClass.OPINION, "supports" if word == "accept" else "refutes", says, context.model,
        origin_of(attempt, context), weight=abs(2 * score - 1) if weight is None else weight,
        detail=detail[:DETAIL_CHARS])
    return Critique(attempt.id, critic, word, feedback, (evidence,), score)


def origin_of(attempt: Attempt, context: CriticContext) -> Origin:
    """Whether a model judges another's answer or its own."""
    return "actor" if context.model == attempt.author else "model"
