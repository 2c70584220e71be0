"""Tokens and money that many agents share."""

from __future__ import annotations

import asyncio
import threading

import pytest

from agentfix import Agent, Completion, ConfigError, Pool, Settings, Usage
from agentfix.journal import SqliteJournal
from agentfix.plugins import Plugins
from agentfix.testing import ScriptedModel, script_plugin

QUESTION = "Say what a pool is good for."


def said(tokens: int, cost: float | None = 0.0) -> Completion:
    return Completion("It is shared.", usage=Usage(completion_tokens=tokens, model_calls=1, cost=cost))


def opened(pool: Pool, *steps, **chosen) -> Agent:
    settings = Settings(**{"model": "scripted:", "sandbox": "embedded", "kind": "text",
                           "strategy": "self-consistency:2", **chosen})
    return Agent(settings, Plugins(settings, {"script": script_plugin(ScriptedModel(steps))}),
                 journal=SqliteJournal(None), pool=pool)


async def test_what_one_agent_spends_another_can_not():
    pool = Pool(max_tokens=100)
    async with opened(pool, said(60)) as one, opened(pool, said(40)) as other:
        first = await one.arun(QUESTION, strategy="none")
        second = await other.arun(QUESTION)  # wants two answers, and has the tokens for one
    assert (first.usage.tokens, second.usage.tokens, pool.usage.tokens) == (60, 40, 100)
    assert second.answer == "It is shared."
    assert second.stop_reason == "budget: tokens"


async def test_a_call_is_allowed_what_is_left():
    model = ScriptedModel([said(60), said(40)])
    settings = Settings(model="scripted:", sandbox="embedded", kind="text", strategy="none")
    plugins = Plugins(settings, {"script": script_plugin(model)})
    async with Agent(settings, plugins, journal=SqliteJournal(None), pool=Pool(max_tokens=100)) as agent:
        await agent.arun(QUESTION)
        await agent.arun(QUESTION)
    assert [request.sampling.max_tokens for request in model.requests] == [100, 40]


async def test_a_used_up_pool_lets_no_call_start():
    pool = Pool(max_cost=1.0)
    async with opened(pool, said(1, 0.7), said(1, 0.7), strategy="none") as agent:
        results = [await agent.arun(QUESTION) for _ in range(3)]
    assert [bool(result.attempts) for result in results] == [True, True, False]
    assert (results[2].answer, results[2].stop_reason) == (None, "budget: cost")
    assert pool.usage.cost == pytest.approx(1.4)


async def test_what_comes_from_the_journal_is_not_paid_for_again():
    pool = Pool(max_tokens=100)
    async with opened(pool, said(60), strategy="none") as agent:
        await agent.arun(QUESTION, run_id="r")
        assert (await agent.aresume("r")).usage.tokens == 60
    assert pool.usage.tokens == 60


async def test_runs_at_once_set_aside_what_their_calls_may_come_to():
    pool = Pool(max_tokens=1000)
    waiting = asyncio.Event()

    class Slow(ScriptedModel):
        async def generate(self, request, *, on_delta=None):
            assert pool.remaining.tokens == 1000 - sum(r.sampling.max_tokens for r in (*self.requests, request))
            if self.requests:
                waiting.set()
            self.requests.append(request)
            await waiting.wait()
            return [said(request.sampling.max_tokens)]

    model = Slow([])
    settings = Settings(model="scripted:", sandbox="embedded", kind="text", strategy="none")
    plugins = Plugins(settings, {"script": script_plugin(model)})
    async with Agent(settings, plugins, journal=SqliteJournal(None), pool=pool) as agent:
        results = await asyncio.gather(*(agent.arun(QUESTION) for _ in range(3)))
    assert sum(bool(result.attempts) for result in results) == 2
    assert (pool.usage.tokens, pool.remaining.tokens) == (1000, 0)


def test_threads_never_hold_more_than_there_is():
    pool, most, lock = Pool(max_tokens=50), [], threading.Lock()

    def take() -> None:
        for _ in range(200):
            with pool.holding(10) as held:
                if held:
                    with lock:
                        most.append(50 - (pool.remaining.tokens or 0))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 10 <= max(most) <= 50
    assert pool.remaining.tokens == 50


@pytest.mark.parametrize("limits", [{}, {"max_tokens": -1}, {"max_cost": float("nan")}])
def test_a_pool_without_a_limit_is_refused(limits):
    with pytest.raises(ConfigError):
        Pool(**limits)
