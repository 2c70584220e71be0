"""The actor of a kind that does not act: completes prompts, has programs run, settles the answers.

Attempts that one decision asks for in a row are made together, each where and as it would be made alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from agentfix.graph import acting
from agentfix.graph.blame import blaming
from agentfix.graph.context import RunContext
from agentfix.graph.continuing import continued, joined, kept_text
from agentfix.graph.inheriting import minding
from agentfix.graph.meter import BudgetSpent
from agentfix.graph.state import RunState, load_move
from agentfix.graph.together import together
from agentfix.protocols import ActingKind, Asked, Prompt, ReadingKind
from agentfix.types import Attempt, Completion, Delta, Draft, Expand, ModelRequest, Sampling

GIVEN = "given"
"""The role of an answer that came with the task."""
LONGEST_TOLD = 500
"""Characters of an answer that is looked for in what later attempts are told."""
MAX_LOOKS = 8
"""So many calls are made before an attempt at the most."""


@dataclass
class _Batch:
    """The attempts of one move."""

    move: Expand
    role: str
    first: int
    """The id of the first of them."""
    completions: list[Completion] | None = None
    """None before they came, and when the budget did not allow them."""
    spent: str = ""
    """The limit that did not."""


async def actor(state: RunState, context: RunContext) -> dict[str, Any]:
    """Make the attempts of the next move, and of those that expand right after it."""
    move = load_move(state["moves"][0])
    assert isinstance(move, Expand)
    if isinstance(context.kind, ActingKind) and context.given is None:
        return await acting.act(state, move, context)
    batches = _batches(state, context)
    looked_up = _looked_up(batches[0], state, context)
    if wanted := _look_up(batches[0], looked_up, context):
        return {"pending": wanted, "caller": "actor"}
    await together(_complete(batch, looked_up, context) for batch in batches)
    made = _in_a_row(batches)
    if not made:
        return {"stop": f"budget: {batches[0].spent}"}
    drafts = {batch.first + i: _read(batch, completion, context)
              for batch in made for i, completion in enumerate(batch.completions or ())}
    missing = [
        {"place": place, "tool": draft.call.tool, "arguments": dict(draft.call.arguments)}
        for number, draft in drafts.items()
        if draft.call is not None and (place := f"a{number}.run") not in state["observed"]
    ]
    if missing:
        return {"pending": missing, "caller": "actor"}
    for batch in made:
        if batch is not batches[0]:
            context.emit("move", {"move": batch.move})
        attempts = [_settle(batch, number, completion, drafts[number], context)
                    for number, completion in enumerate(batch.completions or (), batch.first)]
        context.calls.meter.rounds += 1
        await context.add_attempts(attempts)
    return {"moves": state["moves"][len(made):], "pending": [], "reviewer": 0,
            "rounds": context.calls.meter.rounds, "attempts": len(context.attempts), "trail": context.trail}


def _batches(state: RunState, context: RunContext) -> list[_Batch]:
    """The moves that are made together: as many as there are rounds left for. A kind that looks things up first makes
    one at a time."""
    left = context.calls.meter.remaining().rounds
    alone = isinstance(context.kind, ReadingKind) or context.given is not None
    batches: list[_Batch] = []
    first = len(context.attempts)
    for data in state["moves"][: 1 if alone else None if left is None else max(1, left)]:
        move = load_move(data)
        if not isinstance(move, Expand):
            break
        move = minding(move, context)
        batches.append(_Batch(move, _role(move, context), first))
        first += move.n
    return batches


def _in_a_row(batches: list[_Batch]) -> list[_Batch]:
    """Those that came, up to the first that did not, or not whole: attempts are numbered without gaps."""
    whole = next((i for i, b in enumerate(batches) if len(b.completions or ()) < b.move.n), len(batches))
    return [batch for batch in batches[: whole + 1] if batch.completions]


def _role(move: Expand, context: RunContext) -> str:
    if context.given is not None:
        return GIVEN
    if move.role == "actor" and move.keep_steps is not None and move.parent is not None:
        return context.attempts[move.parent].role
    return context.kind.roles[0] if move.role == "actor" else move.role


def _read(batch: _Batch, completion: Completion, context: RunContext) -> Draft:
    """What a completion holds. A given answer may be written in any of the kind's ways, or be the bare answer."""
    with blaming("kind", context.kind.name):
        if context.given is None:
            return context.kind.read(context.task, batch.role, completion.text)
        drafts = (context.kind.read(context.task, role, completion.text) for role in context.kind.roles)
        return next((draft for draft in drafts if draft != Draft()), Draft(completion.text.strip()))


def _looked_up(batch: _Batch, state: RunState, context: RunContext) -> tuple[Asked, ...]:
    place = f"a{batch.first}.look."
    return tuple(context.calls.made[p] for p in state["observed"] if p.startswith(place))


def _look_up(batch: _Batch, known: tuple[Asked, ...], context: RunContext) -> list[dict[str, Any]]:
    """The calls that a kind wants made before its actor is asked; none when it knows enough."""
    if not isinstance(context.kind, ReadingKind) or context.given is not None or len(known) >= MAX_LOOKS:
        return []
    with blaming("kind", context.kind.name):
        calls = context.kind.look_up(context.task, batch.role, known)
    return [{"place": f"a{batch.first}.look.{len(known) + i}", "tool": call.tool, "arguments": dict(call.arguments)}
            for i, call in enumerate(calls)]


async def _complete(batch: _Batch, looked_up: tuple[Asked, ...], context: RunContext) -> None:
    """Have a move's completions written; where the budget does not allow them, note which limit."""
    try:
        batch.completions = await _completions(batch, looked_up, context)
    except BudgetSpent as spent:
        batch.spent = spent.limit


async def _completions(batch: _Batch, looked_up: tuple[Asked, ...], context: RunContext) -> list[Completion]:
    move = batch.move
    if context.given is not None:
        return [Completion(context.given)]
    parent = None if move.parent is None else context.attempts[move.parent]
    prompt = _prompt(batch, parent, looked_up, context)
    if prompt is None:
        return [Completion("")] * move.n
    seed = (context.seed * 1_000_003 + batch.first) % 2**31
    sampling = Sampling(move.temperature, 0.95 if move.temperature > 0 else 1.0, seed, prompt.stop, prompt.max_tokens)
    whole = move.keep_steps is None and not move.one_step  # a part of an answer fits no schema
    request = ModelRequest(acting.shown(prompt.messages, context.task), sampling, move.n,
                           schema=prompt.schema if whole else None)

    def on_delta(delta: Delta) -> None:
        context.emit("delta", {"delta": delta, "role": batch.role, "attempt": batch.first + delta.index})

    given = await context.calls.model(context.actor, f"a{batch.first}.model", request,
                                      on_delta if context.watched else None)
    return [replace(c, text=joined(move, parent, c.text)) for c in given]


def _prompt(batch: _Batch, parent: Attempt | None, looked_up: tuple[Asked, ...], context: RunContext) -> Prompt | None:
    move = batch.move
    with blaming("kind", context.kind.name):
        if looked_up and isinstance(context.kind, ReadingKind):
            prompt = context.kind.open_prompt(context.task, batch.role, looked_up)
        elif move.keep_steps is not None or parent is None:
            prompt = context.kind.prompt(context.task, batch.role, None, "")
        else:
            prompt = context.kind.prompt(context.task, batch.role, parent, move.guidance)
    return None if prompt is None else continued(prompt, move, parent)


def _settle(batch: _Batch, number: int, completion: Completion, draft: Draft, context: RunContext) -> Attempt:
    observation = None
    answer = draft.answer
    if draft.call is not None:
        observation = context.calls.made[f"a{number}.run"].observation
        with blaming("kind", context.kind.name):
            answer = context.kind.settle(context.task, draft, observation)
    author = context.actor.name if context.given is None else "the caller"
    parent = None if batch.move.parent is None else context.attempts[batch.move.parent]
    wrote = len(completion.text) > len(kept_text(batch.move, parent))
    unfinished = batch.move.one_step and draft == Draft() and wrote and completion.finish_reason == "stop"
    return Attempt(number, batch.move.parent, batch.role, author, completion.text, answer, draft.program, observation,
                   completion.finish_reason, batch.move.temperature, told=_told(batch, answer, context),
                   unfinished=unfinished)


def _told(batch: _Batch, answer: str | None, context: RunContext) -> bool:
    """Whether the guidance names an answer: of an attempt that was made before, as a lesson may, or this one, as a
    person may who objects."""
    earlier = [attempt.answer.strip() for attempt in context.attempts[: batch.first] if attempt.answer]
    earlier += [answer.strip()] if answer and context.inherited is not None else []
    return bool(batch.move.guidance) and any(
        re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", batch.move.guidance, re.IGNORECASE)
        for answer in earlier if 0 < len(answer) <= LONGEST_TOLD)


