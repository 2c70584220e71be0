"""What strategy `critic` does with attempts that act. They change the world, so a fresh one is dear: what the last one
did must first be taken back. And they can't agree: each found another world. So they are mended for as long as anything
speaks against them, be it no more than an opinion of another model, and begun anew twice. What a model thinks of its
own acts is no reason to act again: small ones that do make right worlds wrong. Who got lost on the way to an answer is
not mended: it would read how it went in circles, and go on so.
"""

from __future__ import annotations

from agentfix import Attempt, Expand, Stop, Tree

MAX_REVISIONS = 2
"""Of one line of attempts; after that a fresh one is worth more."""
MAX_LINES = 3
TEMPERATURE = 0.7
"""Of all lines but the first."""


def mend(tree: Tree) -> Expand | Stop:
    """The next move when attempts have acted and the best of them is not well supported."""
    last = tree.attempts[-1]
    standing = tree.standings[last.id]
    if standing.state not in ("refuted", "contested"):
        return Stop(f"nothing speaks against what was done: {standing.reason}", tree.best)
    if tree.acts[last.id] and _only_itself(tree, last):
        return Stop(f"only its own opinion speaks against what was done: {standing.reason}", tree.best)
    feedback = feedback_on(tree, last)
    if feedback and revisions_of(tree, last) < MAX_REVISIONS and not lost(last):
        return Expand(parent=last.id, guidance=feedback, role=last.role, temperature=last.temperature)
    if sum(attempt.parent is None for attempt in tree.attempts) < MAX_LINES:
        return Expand(role=last.role, temperature=TEMPERATURE)
    return Stop(standing.reason, tree.best)


def lost(attempt: Attempt) -> bool:
    """Whether an attempt acted, or looked, and came to no answer."""
    return bool(attempt.steps) and attempt.answer is None


def _only_itself(tree: Tree, attempt: Attempt) -> bool:
    """Whether all that speaks against an attempt is its author's."""
    against = [e for c in tree.critiques_of(attempt.id) for e in c.evidence if e.polarity == "refutes"]
    return bool(against) and all(evidence.origin == "actor" for evidence in against)


def feedback_on(tree: Tree, attempt: Attempt) -> str:
    """What is to be changed, as the first critic says that wants a revision."""
    return next((c.feedback for c in tree.critiques_of(attempt.id) if c.verdict == "revise" and c.feedback), "")


def revisions_of(tree: Tree, attempt: Attempt) -> int:
    """How many revisions led to an attempt."""
    count, parent = 0, attempt.parent
    while parent is not None:
        count, parent = count + 1, tree.attempts[parent].parent
    return count
