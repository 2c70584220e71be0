"""The reflector: has the critic's model write down what a strategy wants to know. It is no evidence."""

from __future__ import annotations

from itertools import count
from typing import Any

from agentfix.graph.asking import CriticAsker
from agentfix.graph.context import RunContext
from agentfix.graph.meter import BudgetSpent
from agentfix.graph.state import RunState, load_move
from agentfix.types import Attempt, Message, Reflect, Reflection

LONGEST = 2_000
"""Characters of an attempt that are shown."""


async def reflector(state: RunState, context: RunContext) -> dict[str, Any]:
    """Make one reflection."""
    move = load_move(state["moves"][0])
    assert isinstance(move, Reflect)
    place = f"r{state['decisions']}-{state.get('move_number', 0)}-{len(state['moves'])}.{move.name}"
    seed = context.seed * 1_000_003 + len(context.attempts)
    ask = CriticAsker(context.calls.model, context.critic_model, context.task, place, seed, count())
    try:
        replies = await ask([Message("user", _prompt(move, context))], max_tokens=move.max_tokens)
    except BudgetSpent as spent:
        return {"stop": f"budget: {spent.limit}"}
    await context.add_reflection(place, Reflection(move.name, move.attempts, replies[0].text.strip()))
    return {"moves": state["moves"][1:], "reviewer": 0, "pending": [], "observed": []}


def _prompt(move: Reflect, context: RunContext) -> str:
    question = f"{context.task.question}\n\n{context.task.context}".strip()
    shown = [_shown(context.attempts[number], context) for number in move.attempts]
    return "\n\n".join([f"Question:\n{question}", *shown, move.instruction])


def _shown(attempt: Attempt, context: RunContext) -> str:
    """An attempt with what checks said of it."""
    text = attempt.text if len(attempt.text) <= LONGEST else f"{attempt.text[:LONGEST]} ..."
    said = [critique.feedback or (critique.evidence[0].summary if critique.evidence else "")
            for critique in context.critiques() if critique.attempt == attempt.id]
    checks = "\n".join(f"- {each}" for each in said if each)
    return f"Attempt:\n{text}" + (f"\n\nWhat checks said of it:\n{checks}" if checks else "")
