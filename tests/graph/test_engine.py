"""The machine under random strategies and budgets: it always ends, within its limits, with the best attempt."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentfix import (
    Agent,
    Completion,
    Critique,
    Evidence,
    EvidenceClass,
    Expand,
    Observation,
    Review,
    Settings,
    Stop,
    Task,
    ToolCall,
    ToolCalls,
    ToolSpec,
    Usage,
    hookimpl,
)
from agentfix.evidence import rank
from agentfix.journal import SqliteJournal
from agentfix.plugins import Plugins
from agentfix.testing import ScriptedSandbox

PROMPT_TOKENS = 3


class Writer:
    """A model that writes as much as it may, and checks that it may."""

    name = "writer"

    def __init__(self, limits: Settings) -> None:
        self.limits, self.calls, self.tokens = limits, 0, 0

    async def generate(self, request, *, on_delta=None):
        self.calls += 1
        assert self.limits.max_model_calls is None or self.calls <= self.limits.max_model_calls
        if self.limits.max_tokens is not None:
            assert request.sampling.max_tokens >= 1
            assert request.n * request.sampling.max_tokens <= self.limits.max_tokens - self.tokens
        each = min(request.sampling.max_tokens, 20)
        self.tokens += PROMPT_TOKENS + request.n * each
        return [
            Completion(f"{(self.calls + i) % 3 or ''}", usage=Usage(PROMPT_TOKENS if i == 0 else 0, 0, each))
            for i in range(request.n)
        ]

    async def aclose(self) -> None:
        """Nothing to free."""


class Meddler:
    """A tool that counts its calls."""

    spec = ToolSpec("meddle", "", {"type": "object"})

    def __init__(self, limits: Settings) -> None:
        self.limits, self.calls = limits, 0

    async def run(self, arguments, context):
        self.calls += 1
        assert self.limits.max_tool_calls is None or self.calls <= self.limits.max_tool_calls
        return Observation("meddle", "ok", "seen")


class Judge:
    """A critic that asks for a tool and for a model, then says what was drawn for it."""

    name = "drawn-judge"

    def __init__(self, pieces) -> None:
        self.pieces = pieces

    async def review(self, task, attempts, context):
        if len(context.asked) < 2:
            return ToolCalls((ToolCall("meddle", {"time": len(context.asked)}),))
        await context.ask([], max_tokens=9)
        return [Critique(a.id, self.name, "abstain", "", self.pieces[a.id % len(self.pieces)]) for a in attempts]


class Drawn:
    """A strategy that makes the moves that were drawn, over and over or once."""

    name = "drawn"

    def __init__(self, plan, forever: bool) -> None:
        self.plan, self.forever, self.asked = plan, forever, 0

    def decide(self, tree, budget, memory, seed):
        self.asked += 1
        if not self.forever and self.asked > len(self.plan):
            return []
        count = len(tree.attempts)
        moves = []
        for kind, number, n, temperature in self.plan[(self.asked - 1) % len(self.plan)]:
            if kind == "expand":
                moves.append(Expand(number % count if count and number else None, n, "again", "actor", temperature))
            elif kind == "review" and count:
                moves.append(Review((number % count,), ("drawn-judge",)))
            elif kind == "stop":
                moves.append(Stop("enough", number))
        return moves


class Parts:
    def __init__(self, limits, strategy, judge) -> None:
        self.model, self.tool, self.strategy, self.judge = Writer(limits), Meddler(limits), strategy, judge

    @hookimpl
    def agentfix_register_models(self, register):
        register("writer", lambda build: self.model)

    @hookimpl
    def agentfix_register_tools(self, register):
        register("meddle", lambda build: self.tool)

    @hookimpl
    def agentfix_register_strategies(self, register):
        register("drawn", lambda build: self.strategy)

    @hookimpl
    def agentfix_register_critics(self, register):
        register("drawn-judge", lambda build: self.judge)

    @hookimpl
    def agentfix_register_sandboxes(self, register):
        register("none", lambda build: ScriptedSandbox([]))


MOVES = st.tuples(
    st.sampled_from(["expand", "expand", "review", "review", "stop"]),
    st.integers(0, 5),
    st.integers(1, 4),
    st.sampled_from([0.0, 0.7]),
)
PLANS = st.lists(st.lists(MOVES, max_size=4), min_size=1, max_size=5)
LIMIT = st.none() | st.integers(0, 12)
BUDGETS = st.fixed_dictionaries(
    {
        "max_rounds": st.integers(0, 5),
        "max_model_calls": LIMIT,
        "max_tool_calls": LIMIT,
        "max_tokens": st.none() | st.integers(0, 200),
        "max_seconds": st.sampled_from([None, 0, 60]),
    }
)
EVIDENCE = st.builds(
    Evidence,
    st.sampled_from(EvidenceClass),
    st.sampled_from(["supports", "refutes"]),
    st.just("seen"),
    st.just("judge"),
    st.sampled_from(["caller", "instrument", "model", "actor"]),
    st.sampled_from(["whole", "part", "necessary"]),
)
PIECES = st.lists(st.lists(EVIDENCE, max_size=2).map(tuple), min_size=1, max_size=3)


def run(plan, forever, budget, pieces):
    limits = Settings(model="writer:", strategy="drawn", kind="text", sandbox="none", **budget)
    parts = Parts(limits, Drawn(plan, forever), Judge(pieces))

    async def once():
        async with Agent(limits, Plugins(limits, {"parts": parts}), journal=SqliteJournal(None)) as agent:
            return await agent.arun(Task("q"))

    return asyncio.run(once()), parts


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(PLANS, st.booleans(), BUDGETS, PIECES)
def test_every_run_ends_within_its_limits_with_the_best_attempt(plan, forever, budget, pieces):
    result, parts = run(plan, forever, budget, pieces)
    assert not result.stop_reason.startswith("failed"), result.stop_reason
    assert (result.usage.model_calls, result.usage.tool_calls) == (parts.model.calls, parts.tool.calls)
    if 0 in (budget["max_seconds"], budget["max_rounds"], budget["max_model_calls"], budget["max_tokens"]):
        assert result.attempts == ()
    if not result.attempts:
        assert (result.answer, result.best, result.supported_by, result.abstained) == (None, None, None, True)
        return
    ranks = [rank(standing) for standing in result.standings]
    assert result.best == ranks.index(max(ranks))
    assert result.answer == result.attempts[result.best].answer
    counts = [ended.attempts for ended in result.rounds]
    assert counts == sorted(set(counts)) and all(ended.best < ended.attempts for ended in result.rounds)
    last = result.rounds[-1]
    assert (last.attempts, last.best, last.usage) == (len(result.attempts), result.best, result.usage)
    chosen = result.standings[result.best]
    assert result.supported_by == (chosen.kind if chosen.state == "supported" else None)
    assert result.abstained == (result.supported_by is None or result.supported_by < EvidenceClass.AGREEMENT)


def test_a_strategy_that_never_gets_on_is_ended():
    result, _ = run([[("expand", 0, 1, 0.0)], *[[("review", 0, 1, 0.0)]] * 4], True, {"max_rounds": 1}, [()])
    assert result.stop_reason in ("no progress", "budget: rounds")


def test_a_long_list_of_moves_is_no_reason_to_fail():
    plan = [[("expand", 0, 4, 0.7), *[("review", i, 1, 0.0) for i in range(4)] * 20, ("stop", 0, 1, 0.0)]]
    result, _ = run(plan, False, {"max_rounds": 1}, [()])
    assert result.stop_reason == "enough"


@pytest.mark.parametrize("limit", ["max_rounds", "max_tokens", "max_seconds", "max_model_calls"])
def test_a_zero_budget_gives_a_result_that_abstains(limit):
    result, parts = run([[("expand", 0, 1, 0.0)]], True, {limit: 0}, [()])
    assert (result.stop_reason, result.abstained, result.answer) == (f"budget: {limit[4:]}", True, None)
    assert parts.model.calls == 0


def test_without_tool_calls_the_critic_is_told_so():
    result, parts = run([[("expand", 0, 1, 0.0)], [("review", 0, 1, 0.0)]], False, {"max_tool_calls": 0}, [()])
    assert parts.tool.calls == 0
    assert len(result.attempts) == 1
