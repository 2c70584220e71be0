"""Where an attempt first goes wrong, and how it is written anew whole when that is not known."""

from __future__ import annotations

from agentfix import Attempt, Expand, Tree, steps_of

from .acted import acts


def first_wrong_step(tree: Tree, attempt: Attempt) -> int | None:
    """The first wrong step of an attempt's text, from 0: as a critic says, or else where its program failed.

    Returns:
        None when nobody knows.
    """
    count = len(steps_of(attempt.text))
    located = [c.step for c in tree.critiques_of(attempt.id) if c.step is not None and 0 <= c.step < count]
    return min(located) if located else _failing_step(attempt)


def _failing_step(attempt: Attempt) -> int | None:
    """The step that holds the line at which the attempt's program failed."""
    seen = attempt.observation
    line = seen.data.get("line") if seen is not None and not seen.ok else None
    lines = (attempt.program or "").splitlines()
    if not isinstance(line, int) or not 1 <= line <= len(lines):
        return None
    upto = [each.strip() for each in lines[:line] if each.strip()]
    steps = [step.strip() for step in steps_of(attempt.text)]
    starts = range(len(steps) - len(upto), -1, -1)  # the program is read from the last block
    start = next((start for start in starts if steps[start:start + len(upto)] == upto), None)
    return None if start is None or not upto else start + len(upto) - 1


def whole(tree: Tree, attempt: Attempt, guidance: str, temperature: float = 0.0) -> Expand:
    """A revision of all of an attempt. The kinds' prompts show the reviser what it revises in their first role only;
    in another, what was wrong is said beside the question."""
    if acts(tree) or not tree.roles or attempt.role == tree.roles[0]:
        return Expand(parent=attempt.id, guidance=guidance, role=attempt.role, temperature=temperature)
    return Expand(parent=attempt.id, guidance=guidance, temperature=temperature, keep_steps=0)
