"""A run that goes on from another one: it begins with that one's tree, and with a revision of what was objected to."""

from __future__ import annotations

from dataclasses import replace

from agentfix.graph.context import RunContext
from agentfix.graph.state import RunState, dump_move, initial
from agentfix.types import Expand

DOUBT = "I think that is wrong. Please check it."
"""What the reviser is told by who objects without a reason."""

OBJECTED = "Of an earlier answer a person said:"


def minding(move: Expand, context: RunContext) -> Expand:
    """A move that begins from the question, with what a person objected before: it belongs to the question now."""
    said = "" if context.inherited is None else context.inherited.remark.text.strip()
    if not said or move.parent is not None:
        return move
    return replace(move, guidance="\n".join(filter(None, (f"{OBJECTED} {said}", move.guidance))))


def opening(context: RunContext) -> RunState:
    """The state in which a run begins.

    The revision is in the actor's default role: a kind's other ways to an answer begin from the question alone.
    """
    state = initial(context.calls.run_id)
    inherited = context.inherited
    if inherited is not None:
        revision = Expand(parent=inherited.remark.attempt, guidance=inherited.remark.text.strip() or DOUBT)
        state.update(moves=[dump_move(revision)], attempts=len(context.attempts), trail=context.trail)
    return state
