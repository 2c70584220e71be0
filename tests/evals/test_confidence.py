from __future__ import annotations

import pytest

from agentfix import evidence
from agentfix.evals.confidence import confidence
from agentfix.types import Attempt, EvidenceClass, Result, Standing, Usage


def voted(*answers: str) -> Result:
    """A result of independent attempts, as the engine nets their vote."""
    attempts = tuple(Attempt(n, None, "actor", "fake", "", answer, temperature=0.7) for n, answer in enumerate(answers))
    groups = evidence.groups(attempts, lambda a, b: a == b)
    critiques = tuple(evidence.agreement(attempts, groups).values())
    standings = tuple(evidence.standing([e for c in critiques if c.attempt == a.id for e in c.evidence])
                      for a in attempts)
    best = evidence.best(standings)
    assert best is not None
    return Result("run", attempts[best].answer, standings[best].kind, False, "", "", best, "math", attempts, critiques,
                  standings, Usage(), 1.0)


def judged(state: str, kind: EvidenceClass | None, weight: float = 1.0, answer: str | None = "1") -> float:
    attempt = Attempt(0, None, "actor", "fake", "", answer)
    standing = Standing(state, kind, weight)  # type: ignore[arg-type]
    return confidence(Result("run", answer, kind, False, "", "", 0, "math", (attempt,), (), (standing,), Usage(), 1.0))


@pytest.mark.parametrize(("answers", "share"), [
    (("7", "7"), 3 / 4), (("7",) * 8, 9 / 10), (("7", "7", "7", "5", "4"), 4 / 7), (("7", "7", "5", "4", "3"), 3 / 7),
    (("7", "5"), 1 / 4),
])
def test_where_attempts_vote_it_is_the_share_that_agrees(answers: tuple[str, ...], share: float) -> None:
    assert confidence(voted(*answers)) == pytest.approx(share)


def test_it_rises_with_the_class_of_the_evidence_and_with_its_weight() -> None:
    steps = [
        judged("unsupported", None, answer=None), judged("refuted", EvidenceClass.MEASUREMENT, 3.0),
        judged("refuted", EvidenceClass.OPINION, 1.0), judged("unsupported", None),
        judged("supported", EvidenceClass.OPINION), judged("supported", EvidenceClass.AGREEMENT),
        judged("supported", EvidenceClass.RETRIEVAL), judged("supported", EvidenceClass.MEASUREMENT),
        judged("supported", EvidenceClass.MEASUREMENT, 5.0), judged("supported", EvidenceClass.PERSON),
        judged("supported", EvidenceClass.CONTRACT),
    ]
    assert steps == sorted(set(steps)) and steps[0] == 0 and steps[-1] <= 1
