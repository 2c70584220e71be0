"""What a key or the server allows is not gone past: by many completions, many requests at once, hanging up, or a disk
that can't be written."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3

import httpx2
import pytest

from agentfix import Completion, Delta, ToolCall, Usage
from agentfix.endpoints import Price
from agentfix.server.account import Account, Allowance
from agentfix.server.keys import Keys
from agentfix.server.spending import SpendingFile
from agentfix.testing import ScriptedModel
from tests.server.served import MODEL, SOLVED, serving
from tests.server.test_chat import ASKED

TOOLS = {"tools": [{"type": "function", "function": {"name": "clock"}}]}
DIRECT = {"model": MODEL, "messages": ASKED, **TOOLS}
CHECKED = {"model": f"none/{MODEL}", "messages": ASKED, "agentfix": {"kind": "text"}}


class Greedy:
    """Writes as much as it may."""

    name = "greedy"

    def __init__(self, price: Price | None = None) -> None:
        self.price = price
        self.begun, self.may_end = asyncio.Event(), asyncio.Event()
        self.may_end.set()
        self.asked: list[tuple[int, int]] = []

    async def generate(self, request, *, on_delta=None):
        self.asked.append((request.n, request.sampling.max_tokens))
        self.begun.set()
        if on_delta is not None:
            on_delta(Delta("Well"))
        await self.may_end.wait()
        cost = None if self.price is None else self.price.of(0, 0, request.sampling.max_tokens)
        return [Completion("Hello.", usage=Usage(0, 0, request.sampling.max_tokens, cost=cost))
                for _ in range(request.n)]

    async def aclose(self) -> None:
        pass


@contextlib.asynccontextmanager
async def asking_of(model, account=None, **chosen):
    async with serving(model, keys=Keys({"sk": account} if account else {}), **chosen) as served, \
            httpx2.AsyncClient(base_url=served.url, headers={"authorization": "Bearer sk"}, timeout=20) as asking:
        yield served, asking


def alice(spending=None, **limits) -> Account:
    return Account("alice", Allowance(key="A", **limits), spending=spending)


async def test_many_completions_share_what_is_left():
    account, model = alice(tokens_per_day=1000), Greedy()
    async with asking_of(model, account) as (_, asking):
        assert (await asking.post("/chat/completions", json={**DIRECT, "n": 128})).status_code == 200
    assert model.asked == [(128, 7)] and account.left()[0] >= 0


@pytest.mark.parametrize("body", [DIRECT, CHECKED])
async def test_requests_at_once_do_not_overdraw_a_budget(body):
    account, model = alice(tokens_per_day=1000), Greedy()
    model.may_end.clear()
    async with asking_of(model, account) as (_, asking):
        waiting = [asyncio.create_task(asking.post("/chat/completions", json=body)) for _ in range(60)]
        await model.begun.wait()
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        refused = next(task for task in waiting if task.done()).result()
        # unlike what is spent, what is set aside comes back
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limit_exceeded")
        assert refused.headers["retry-after"]
        model.may_end.set()
        assert {reply.status_code for reply in await asyncio.gather(*waiting)} == {200, 429}
    assert account.left()[0] >= 0 and sum(n * tokens for n, tokens in model.asked) <= 1000


async def test_money_is_set_aside_where_the_price_is_known():
    account, model = alice(cost_per_day=1.0), Greedy(Price(input=0, output=10_000))
    async with asking_of(model, account) as (_, asking):
        replies = [await asking.post("/chat/completions", json=DIRECT) for _ in range(3)]
    assert [reply.status_code for reply in replies] == [200, 429, 429] and model.asked == [(1, 100)]
    assert account.left()[1] == pytest.approx(0)


@pytest.mark.parametrize("body", [DIRECT, {**DIRECT, "tool_choice": "required"}, CHECKED])
async def test_who_hangs_up_pays_for_the_prompt_and_an_unknown_price_uses_money_up(body):
    account, model = alice(tokens_per_day=100_000, cost_per_day=5.0), Greedy()
    model.may_end.clear()
    long = {**body, "messages": [{"role": "user", "content": "word " * 4_000}]}
    async with asking_of(model, account) as (served, asking):
        asked = asyncio.create_task(asking.post("/chat/completions", json=long))
        await model.begun.wait()
        asked.cancel()
        async with asyncio.timeout(5):
            while served.api.desk.under_way:  # noqa: ASYNC110 - nothing tells of its end
                await asyncio.sleep(0)
        assert 94_000 < account.left()[0] < 95_010
        assert account.left()[1] == 0
        assert (await asking.post("/chat/completions", json=body)).json()["error"]["code"] == "insufficient_quota"


async def test_requests_with_tools_are_held_to_the_servers_own_limits():
    model = Greedy(Price(input=0, output=10_000))
    async with asking_of(model, max_tokens=100, max_cost=0.5) as (_, asking):
        one = await asking.post("/chat/completions", json={**DIRECT, "n": 2, "max_tokens": 100_000})
        many = await asking.post("/chat/completions", json={**DIRECT, "n": 128, "max_tokens": 100_000})
    assert (one.status_code, many.status_code) == (200, 400) and model.asked == [(2, 25)]


@pytest.mark.parametrize("body", [DIRECT, CHECKED])
async def test_where_spending_cannot_be_written_no_model_is_asked(body, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("agentfix.server.spending.BUSY_S", 0.05)
    model = ScriptedModel([*SOLVED])
    spending = SpendingFile(tmp_path / "spending.sqlite")
    with contextlib.closing(spending), contextlib.closing(sqlite3.connect(tmp_path / "spending.sqlite")) as other:
        spending.add("alice", 0, 0, 0.0)
        other.execute("BEGIN IMMEDIATE")
        async with asking_of(model, alice(spending, tokens_per_day=10_000)) as (served, asking):
            refused = await asking.post("/chat/completions", json=body)
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "not_kept")
            health = await asking.get(served.url.removesuffix("/v1") + "/health")
            assert health.status_code == 503 and "can't write" in health.json()["status"]
            other.rollback()
            assert not model.requests and "spending.sqlite" in caplog.text
            assert (await asking.post("/chat/completions", json=body)).status_code == 200


async def test_what_could_not_be_written_is_counted_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr("agentfix.server.spending.BUSY_S", 0.05)
    with contextlib.closing(SpendingFile(tmp_path / "s.sqlite")) as spending, \
            contextlib.closing(sqlite3.connect(tmp_path / "s.sqlite")) as other:
        account = alice(spending, tokens_per_day=100)
        await account.admit()
        other.execute("BEGIN IMMEDIATE")
        with account.holding(40, 1.0) as hold:
            await account.pay(Usage(completion_tokens=30), hold)
            assert account.left()[0] == 60
        assert account.left()[0] == 70
        other.rollback()
        await account.admit()
        another = alice(spending, tokens_per_day=100)
        await another.settle()
        assert (account.left()[0], another.left()[0]) == (70, 70)


async def test_calls_are_counted_by_the_model_where_it_says():
    account = alice(tokens_per_day=1000)
    called = Completion("", "tool_calls", Usage(30, 10, 5), (ToolCall("clock", {}, "c"),))
    async with asking_of(ScriptedModel([called]), account) as (_, asking):
        assert (await asking.post("/chat/completions", json=DIRECT)).status_code == 200
    assert account.left()[0] == 975
