"""What each node of the machine does. A node that is run again makes the same calls and finds them in the journal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import count
from typing import Any

from pydantic import TypeAdapter

from agentfix.errors import AgentFixError, PluginError
from agentfix.graph.asking import CriticAsker
from agentfix.graph.blame import blaming
from agentfix.graph.context import RunContext
from agentfix.graph.effects import unasked
from agentfix.graph.meter import BudgetSpent
from agentfix.graph.state import RunState, dump_move, load_move
from agentfix.graph.together import together
from agentfix.protocols import ActingKind, Ask, Asked, CriticContext, Tool, ToolCalls, Verify
from agentfix.types import Attempt, Claim, Critique, Evidence, Expand, Move, Reflect, Remaining, Review, Stop, ToolCall

_CRITIQUE = TypeAdapter(Critique)
_EVIDENCE = TypeAdapter(Evidence)
MAX_SAMPLES = 64
MAX_ROUNDS = 10_000
"""Where a run ends that has no other limit."""
IDLE_DECISIONS = 3
"""A strategy that decides this often without anything new ends the run."""
NOBODY = "nobody"
"""Abstains where there is no critic."""
NOTHING = Remaining(0, 0, 0, 0, 0.0, 0.0)
"""What is left to a strategy that is asked a last time, whatever ended the run."""
MAX_TOOL_ROUNDS = 8
"""A critic that asks for tools more often in one review is told to make up its mind."""


async def strategy(state: RunState, context: RunContext) -> dict[str, Any]:
    """The hub: take the next move, asking the strategy for more when there is none."""
    moves = state["moves"]
    decisions = state["decisions"]
    move_number = state.get("move_number", 0) + 1
    context.calls.require_journal()
    remaining = context.calls.meter.remaining()
    if remaining.exhausted not in (None, "rounds", "tool_calls"):
        return {"stop": f"budget: {remaining.exhausted}"}
    if not moves:
        tree = context.tree()
        known = len(tree.attempts) + len(tree.critiques) + len(tree.reflections)
        if decisions >= IDLE_DECISIONS + 2 * known:
            return {"stop": "no progress"}
        with blaming("strategy", context.strategy.name):
            decided = context.strategy.decide(tree, remaining, context.memory, context.seed)
            moves = [dump_move(_checked(move, context)) for move in decided]
        decisions, move_number = decisions + 1, 0
        if not moves:
            return {"stop": "the strategy had no further move"}
    move = load_move(moves[0])
    if isinstance(move, Expand) and not _may_expand(context):
        return {"stop": "budget: rounds"}
    if isinstance(move, Expand) and context.attempts and (names := unasked(context.attempts[-1], context.tools)):
        return {"stop": f"nobody to ask: every act needed a person's word ({', '.join(names)})"}
    if isinstance(move, Expand):
        await context.end_round(context.best())
    context.emit("move", {"move": move})
    if isinstance(move, Stop):
        return {"stop": move.reason, "decisions": decisions, "proposed": move.attempt, "declined": move.abstain}
    return {"moves": moves, "decisions": decisions, "move_number": move_number, "reviewer": 0, "pending": [],
            "observed": []}


def ending(state: RunState, context: RunContext) -> Stop:
    """How a run ends. Where the strategy did not end it, it may still decline to answer."""
    declined = state.get("declined")
    stop = Stop(state["stop"], state.get("proposed"), bool(declined))
    if declined is not None or not context.attempts:
        return stop
    try:
        with blaming("strategy", context.strategy.name):
            decided = context.strategy.decide(context.tree(), NOTHING, context.memory, context.seed)
            last = decided[0] if decided else None
    except AgentFixError:
        return stop  # that it fails is said already, or does not matter any more
    if isinstance(last, Stop) and last.abstain:
        return replace(last, reason=f"{stop.reason}; {last.reason}")
    return stop


def _may_expand(context: RunContext) -> bool:
    """Whether the actor may be asked once more. What was attempted can still be reviewed when it may not."""
    left = context.calls.meter.remaining().rounds
    return context.calls.meter.rounds < MAX_ROUNDS and (left is None or left > 0)


def _checked(move: Move, context: RunContext) -> Move:
    """Raises PluginError for a move that can't be made."""
    count = len(context.attempts)
    known = range(count)
    name = context.strategy.name
    match move:
        case Expand(parent=parent, n=n, role=role, keep_steps=keep, one_step=one_step):
            if keep is not None and (parent is None or keep < 0):
                raise PluginError(name, f"keeps {keep} steps of {parent}.", "Name a parent, and 0 steps or more.")
            if parent is not None and parent not in known:
                raise PluginError(name, f"expands attempt {parent}, but there are {count}.")
            if not 1 <= n <= MAX_SAMPLES:
                raise PluginError(name, f"asks for {n} attempts at once; 1 to {MAX_SAMPLES} are possible.")
            if role != "actor" and role not in context.kind.roles:
                raise PluginError(name, f"expands in role {role!r}, which kind {context.kind.name!r} has not.")
            if (keep is not None or one_step) and isinstance(context.kind, ActingKind):
                return replace(move, keep_steps=None, one_step=False)  # what was done can't be cut out of the world
        case Review(attempts=attempts):
            if not attempts or any(a not in known for a in attempts):
                raise PluginError(name, f"reviews attempts {attempts}, but there are {count}.")
        case Reflect(attempts=attempts):
            if any(a not in known for a in attempts):
                raise PluginError(name, f"reflects on attempts {attempts}, but there are {count}.")
        case Stop():
            pass
        case _:  # pyright: ignore[reportUnnecessaryComparison] - a plugin may decide anything
            raise PluginError(name, f"decides {move!r}, which is no move.")
    return move


# --- tools ----------------------------------------------------------------------------------------------------


async def tools(state: RunState, context: RunContext) -> dict[str, Any]:
    """Make the pending tool calls and return to whoever asked.

    Calls that only look are made together; those with side effects alone, each in its turn.
    """
    observed = list(state["observed"])
    waiting = [ToolCall(p["tool"], p["arguments"], p["place"]) for p in state["pending"]]
    while waiting:
        count = _together(waiting, state, context)
        await together(_make(call, state, context) for call in waiting[:count])
        observed += (call.id for call in waiting[:count])
        waiting = waiting[count:]
    return {"observed": observed, "pending": []}


def _together(waiting: Sequence[ToolCall], state: RunState, context: RunContext) -> int:
    """How many of the next calls may be made at once; never more than are allowed."""
    left = context.calls.meter.remaining().tool_calls
    looking = 0
    while looking < len(waiting) and (left is None or looking < left):
        tool = _callable(waiting[looking], state, context)
        if tool is not None and tool.spec.side_effects:
            break
        looking += 1
    return max(1, looking)


async def _make(call: ToolCall, state: RunState, context: RunContext) -> None:
    context.emit("tool_call", {"call": call, "caller": state["caller"]})
    observation = await context.calls.tool(
        _callable(call, state, context), call, call.id, sandbox=context.sandbox, model=context.critic_model,
        timeout_s=context.tool_timeout_s, seed=context.seed,
    )
    context.emit("observation", {"call": call, "observation": observation, "caller": state["caller"]})


def _callable(call: ToolCall, state: RunState, context: RunContext) -> Tool | None:
    """The tool that is called, if the caller may use it: an actor that acts may use what it is offered."""
    if state["caller"] == "actor" and isinstance(context.kind, ActingKind) and call.tool not in context.actor_tools:
        return None
    return context.tools.get(call.tool)


# --- critic ----------------------------------------------------------------------------------------------------


async def critic(state: RunState, context: RunContext) -> dict[str, Any]:
    """Let one critic of the review speak; it may ask for tools first."""
    move = load_move(state["moves"][0])
    assert isinstance(move, Review)
    names = move.critics or context.reviewers
    attempts = [a for n in move.attempts if _can_be_judged(a := context.attempts[n])]
    done = {"moves": state["moves"][1:], "reviewer": 0, "pending": [], "observed": []}
    if not names:
        await context.add_critiques(_silence(NOBODY, attempts, [], context))
    if state["reviewer"] >= len(names) or not attempts:
        return done
    name = names[state["reviewer"]]
    place = _place(state, name)
    asked = _asked(place, state["observed"], context)
    try:
        with blaming("critic", name):
            asking = context.critics(name)
            async with context.calls.meter.within_time():
                reply = await asking.review(context.task, attempts, _critic_context(place, asked, context))
            if isinstance(reply, ToolCalls):
                return _request_tools(reply, name, place, state, context)
            critiques = [_named(critique, name, attempts) for critique in reply]
            critiques += _silence(name, attempts, critiques, context)
    except BudgetSpent as spent:
        return {"stop": f"budget: {spent.limit}"}
    await context.add_critiques(critiques)
    if state["reviewer"] + 1 == len(names):
        return done
    return {"reviewer": state["reviewer"] + 1, "pending": [], "observed": []}


def _silence(name: str, attempts: Sequence[Attempt], said: Sequence[Critique], context: RunContext) -> list[Critique]:
    """What is noted of attempts of which a critic has never said anything: else strategies would ask it for ever."""
    heard = {c.attempt for c in (*said, *context.critiques()) if c.critic == name}
    return [Critique(attempt.id, name, "abstain") for attempt in attempts if attempt.id not in heard]


def _can_be_judged(attempt: Attempt) -> bool:
    return attempt.answer is not None or attempt.program is not None or attempt.unfinished


def _place(state: RunState, critic: str) -> str:
    """Where in the run a critic speaks: one decision may hold several reviews."""
    number = state.get("move_number", 0)
    return f"c{state['decisions']}{f'-{number}' if number else ''}.{state['reviewer']}.{critic}"


def _request_tools(reply: ToolCalls, name: str, place: str, state: RunState, context: RunContext) -> dict[str, Any]:
    """Note the tool calls a critic wants; one that repeats itself or never ends is a fault."""
    made = len(state["observed"])
    if not reply.calls or made >= MAX_TOOL_ROUNDS * max(1, len(context.attempts)):
        raise PluginError(name, f"asked for tools {made} times in one review without a verdict.")
    told = [(a.call.tool, dict(a.call.arguments)) for a in _asked(place, state["observed"], context)]
    if all((call.tool, dict(call.arguments)) in told for call in reply.calls):
        raise PluginError(name, "asked again for what it had been told in the same review.")
    pending = [
        {"place": f"{place}.{made + i}", "tool": call.tool, "arguments": dict(call.arguments)}
        for i, call in enumerate(reply.calls)
    ]
    return {"pending": pending, "caller": "critic"}


def _asked(place: str, observed: Sequence[str], context: RunContext) -> tuple[Asked, ...]:
    return tuple(context.calls.made[p] for p in observed if p.startswith(f"{place}."))


def _critic_context(place: str, asked: tuple[Asked, ...], context: RunContext) -> CriticContext:
    seed = context.seed * 1_000_003 + len(context.attempts)

    def asking_at(place: str) -> tuple[Ask, Verify]:
        counter = count()

        async def verify(tool: str, claim: Claim) -> Evidence | None:
            return await _verified(tool, claim, f"{place}.v{next(counter)}", context)

        return CriticAsker(context.calls.model, context.critic_model, context.task, place, seed, counter), verify

    ask, verify = asking_at(place)
    return CriticContext(ask, context.kind, context.tree(), asked, context.seed, context.critic_model.name,
                         context.at_hand, verify, lambda label: asking_at(f"{place}.{label}"))


async def _verified(name: str, claim: Claim, place: str, context: RunContext) -> Evidence | None:
    """What a tool observes of a claim, as evidence that the tool stands for."""
    tool = context.tools.get(name)
    if tool is None or not tool.spec.verifies:
        return None
    call = ToolCall(f"{name}.verify", {"claim": claim.text}, place)
    known = place in context.calls.made
    if not known:
        context.emit("tool_call", {"call": call, "caller": "critic"})
    observation = await context.calls.verify(tool, claim, place, sandbox=context.sandbox, model=context.critic_model,
                                             timeout_s=context.tool_timeout_s, seed=context.seed)
    context.calls.made[place] = Asked(call, observation)
    if not known:
        context.emit("observation", {"call": call, "observation": observation, "caller": "critic"})
    found = observation.data.get("evidence")
    if not observation.ok or found is None:
        return None
    with blaming("tool", name):
        evidence = _EVIDENCE.validate_python(found)
    origin = "instrument" if evidence.origin in ("caller", "person") else evidence.origin
    return replace(evidence, author=name, origin=origin)


def _named(critique: Critique, name: str, attempts: Sequence[Attempt]) -> Critique:
    """The critique as checked data, under the critic's name. Raises ValueError when it is of no valid form."""
    critique = _CRITIQUE.validate_python(asdict(critique))
    if critique.attempt not in {a.id for a in attempts}:
        raise PluginError(name, f"judged attempt {critique.attempt}, which it was not asked about.")
    if critique.score is not None and not 0 <= critique.score <= 1:
        raise PluginError(name, f"gives the score {critique.score}: from 0 to 1 is possible.")
    return replace(critique, critic=name)
