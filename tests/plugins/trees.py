"""Trees as strategies see them, in a line."""

from __future__ import annotations

from agentfix import Attempt, Critique, Evidence, EvidenceClass, Reflection, Task, Tree, Usage
from agentfix.evidence import agreement, best, groups, standing

MEASURED, TOLD = EvidenceClass.MEASUREMENT, EvidenceClass.OPINION


def sample(number, answer, temperature=0.7, parent=None, text=None, role="program"):
    return Attempt(number, parent, role, "model", answer or "" if text is None else text, answer,
                   temperature=temperature)


def said(attempt, polarity=None, *, kind=MEASURED, critic="check", score=None, step=None, verdict="abstain",
         feedback=""):
    """A critique; with evidence where a polarity is given."""
    evidence = (Evidence(kind, polarity, "as the check says", critic, "instrument"),) if polarity else ()
    return Critique(attempt, critic, verdict, feedback, evidence, score, step)


def tree(*attempts, critiques=(), reflections=(), tokens=0, cost=0.0, votes=True, kind="math"):
    """Attempts, or answers of attempts that were drawn.

    Args:
        votes: whether the engine has counted what independent attempts say of each other.
    """
    made = tuple(a if isinstance(a, Attempt) else sample(i, a) for i, a in enumerate(attempts))
    grouped = groups(made, lambda a, b: a == b)
    found = [*critiques, *(agreement(made, grouped).values() if votes else ())]
    standings = [standing([e for c in found if c.attempt == a.id for e in c.evidence]) for a in made]
    notes = tuple(Reflection(name, tuple(*shown), text) for name, text, *shown in reflections)
    return Tree(Task("q", kind), made, tuple(found), tuple(standings), best(made, found, standings), grouped,
                ("program", "derivation"), reflections=notes, usage=Usage(completion_tokens=tokens, cost=cost))
