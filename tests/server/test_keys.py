"""Who is let in, how often, and for how much; and what the command says of itself."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys

import httpx2
import openai
import pytest

from agentfix import ConfigError, Expand, JournalError, Stop, Usage, hookimpl
from agentfix.cli.main import main
from agentfix.server.account import Account, Allowance
from agentfix.server.failures import Refusal
from agentfix.server.keys import Keys, load_keys
from agentfix.server.spending import SpendingFile
from agentfix.testing import ScriptedModel
from tests.server.served import MODEL, QUESTION, SOLVED, serving
from tests.server.test_chat import ASKED, client
from tests.server.test_faults import Waiting


async def test_only_who_shows_a_key_is_let_in():
    keys = Keys({"sk-right": Account("alice")})
    async with serving(ScriptedModel(SOLVED), keys=keys) as served:
        for wrong in ("sk-wrong", "sk-righ", "sk-rightx"):
            async with client(served, wrong) as asking:
                with pytest.raises(openai.AuthenticationError) as error:
                    await asking.chat.completions.create(model=MODEL, messages=ASKED)
                assert error.value.code == "invalid_api_key"
        async with httpx2.AsyncClient(base_url=served.url.removesuffix("/v1")) as asking:
            for path in ("/v1/models", "/metrics", "/v1/nothing"):
                for headers in ({}, {"authorization": "sk-right"}, {"authorization": "Basic sk-right"}):
                    assert (await asking.get(path, headers=headers)).status_code == 401, (path, headers)
            assert (await asking.get("/health")).status_code == 200
        async with client(served, "sk-right") as asking:
            said = await asking.chat.completions.create(model=MODEL, messages=ASKED)
            assert said.choices[0].message.content == "60"


async def test_each_key_has_a_rate_and_a_budget_of_its_own():
    keys = Keys({"sk-rate": Account("often", Allowance(key="A", requests_per_minute=1)),
                 "sk-budget": Account("poor", Allowance(key="B", tokens_per_day=1)),
                 "sk-free": Account("rich")})
    async with serving(ScriptedModel([*SOLVED, SOLVED[0], *SOLVED]), keys=keys) as served:
        async with client(served, "sk-rate") as asking:
            await asking.chat.completions.create(model=MODEL, messages=ASKED)
            with pytest.raises(openai.RateLimitError) as error:
                await asking.chat.completions.create(model=MODEL, messages=ASKED)
            assert error.value.code == "rate_limit_exceeded"
            assert 0 < int(error.value.response.headers["retry-after"]) <= 61
        async with client(served, "sk-budget") as asking:
            # what is left of the budget bounds the run itself: no second call is made
            said = await asking.chat.completions.create(model=MODEL, messages=ASKED)
            assert said.agentfix["usage"]["model_calls"] == 1 and said.agentfix["stop_reason"] == "budget: tokens"
            with pytest.raises(openai.RateLimitError) as error:
                await asking.chat.completions.create(model=MODEL, messages=ASKED)
            assert error.value.code == "insufficient_quota"
        async with client(served, "sk-free") as asking:
            said = await asking.chat.completions.create(model=MODEL, messages=ASKED)
            assert said.choices[0].message.content == "60"


async def test_rates_are_of_the_last_minute_and_budgets_of_a_day():
    now = 1_000_000.0
    account = Account("x", Allowance(key="K", requests_per_minute=2, tokens_per_day=10, cost_per_day=1.0), lambda: now)
    await account.admit()
    now += 30
    await account.admit()
    with pytest.raises(Refusal, match="Ask again in 30 seconds"):
        await account.admit()
    now += 31
    await account.admit()
    account.spend(Usage(prompt_tokens=4, cached_prompt_tokens=2, completion_tokens=3, cost=0.25))
    assert account.left() == (5, 0.75)
    account.spend(Usage(completion_tokens=9, cost=0.25))
    now += 100
    with pytest.raises(Refusal, match="spent for today"):
        await account.admit()
    now += 86_400
    await account.admit()
    assert account.left() == (10, 1.0)
    account.spend(Usage(completion_tokens=1, cost=None))  # nobody knows its price
    assert account.left() == (9, 0.0)


class Learning:
    """A strategy that remembers what was answered."""

    name = "learning"

    def decide(self, tree, budget, memory, seed):
        return [Expand()] if not tree.attempts else [Stop("enough", 0)]

    def learn(self, tree, memory):
        return {"answers": [attempt.answer for attempt in tree.attempts]}


@pytest.mark.parametrize("needed", [False, True])
async def test_what_strategies_learn_of_ones_questions_is_nothing_to_others(needed):
    class Plugin:
        @hookimpl
        def agentfix_register_strategies(self, register) -> None:
            register("learning", lambda build: Learning())

    keys = Keys({"sk": Account("alice")} if needed else {})
    async with serving(ScriptedModel(["Hello."]), keys=keys, extra={"learning": Plugin()}, memory=True,
                       journal="memory") as served, client(served, "sk") as asking:
        await asking.chat.completions.create(model=f"learning/{MODEL}", messages=ASKED,
                                             extra_body={"agentfix": {"kind": "text"}})
        learnt = await served.agent.memory.all()
    assert [what for *_, what in learnt] == ([] if needed else [{"answers": ["Hello."]}])


async def test_what_was_spent_outlives_the_server_and_is_shared_with_others(tmp_path):
    file, allowance = tmp_path / "data" / "spending.sqlite", Allowance(key="sk", tokens_per_day=100_000, cost_per_day=9)
    code = ("import asyncio, sys; from pathlib import Path; from agentfix import Usage\n"
            "from agentfix.server.account import Account, Allowance\n"
            "from agentfix.server.spending import SpendingFile\n"
            "async def main():\n"
            "    account = Account('alice', Allowance(key='sk', tokens_per_day=1), lambda: 5.0, spending)\n"
            "    for _ in range(200):\n"
            "        account.spend(Usage(completion_tokens=3, cost=0.01))\n"
            "        await account.settle()\n"
            "spending = SpendingFile(Path(sys.argv[1])); asyncio.run(main()); spending.close()\n")
    servers = [subprocess.Popen([sys.executable, "-c", code, str(file)],  # noqa: ASYNC220 - nothing else runs meanwhile
                                env={"PYTHONPATH": ":".join(sys.path)})
               for _ in range(3)]
    assert [server.wait(60) for server in servers] == [0, 0, 0]

    async def left(name: str, now_s: float, spending: SpendingFile):
        account = Account(name, allowance, lambda: now_s, spending)
        await account.settle()
        return account.left()

    with contextlib.closing(SpendingFile(file)) as spending:
        assert await left("alice", 5.0, spending) == (100_000 - 3 * 200 * 3, pytest.approx(9 - 3 * 200 * 0.01))
        assert await left("bob", 5.0, spending) == (100_000, 9)
        assert await left("alice", 86_405.0, spending) == (100_000, 9)
    for each in file.parent.iterdir():
        each.write_bytes(b"no database" * 100)
    with contextlib.closing(SpendingFile(file)) as spending, pytest.raises(JournalError, match="move the file away"):
        await left("alice", 5.0, spending)


@pytest.mark.parametrize("tools", [{}, {"tools": [{"type": "function", "function": {"name": "clock"}}]}])
async def test_who_leaves_early_pays_for_what_was_written(tools):
    account = Account("alice", Allowance(key="A", tokens_per_day=1000))
    model = Waiting()
    async with serving(model, keys=Keys({"sk": account})) as served, client(served, "sk") as asking:
        stream = await asking.chat.completions.create(model=MODEL, messages=ASKED, stream=True, **tools)
        await model.begun.wait()
        await stream.close()
        async with asyncio.timeout(5):
            await model.cancelled.wait()
            while served.api.desk.under_way:  # noqa: ASYNC110 - nothing tells of its end
                await asyncio.sleep(0)
    # a token was written, and the prompt was read: a token for four characters
    assert 999 - len(QUESTION) // 2 < account.left()[0] < 999 - len(QUESTION) // 5


def test_keys_are_read_from_a_file_that_does_not_hold_them(tmp_path, monkeypatch):
    file = tmp_path / "keys.toml"
    file.write_text('[alice]\nkey = "ALICE_KEY"\nrequests_per_minute = 5\n[bob]\nkey = "BOB_KEY"\n')
    monkeypatch.setenv("ALICE_KEY", "sk-alice")
    with pytest.raises(ConfigError, match="'BOB_KEY' is not set"):
        load_keys((), file)
    monkeypatch.setenv("BOB_KEY", "sk-alice")
    with pytest.raises(ConfigError, match="have the same key"):
        load_keys((), file)
    monkeypatch.setenv("BOB_KEY", "sk-bob")
    keys = load_keys(("ALICE_KEY",), None)
    assert keys.find("Bearer sk-alice").name == "ALICE_KEY"
    assert [load_keys((), file).find(f"bearer {key}").name for key in ("sk-alice", "sk-bob")] == ["alice", "bob"]
    for wrong, said in (("", "names no key"), ("[x]\n", "x.key"), ("[x]\nkey = 'A'\ncost = 1\n", "x.cost"),
                        ("x = 1\n", "wrong"), ("[", "can't be read")):
        file.write_text(wrong)
        with pytest.raises(ConfigError, match=said):
            load_keys((), file)


@pytest.mark.parametrize(("arguments", "said"), [
    (["--host", "0.0.0.0"], "--api-key NAME"),
    (["--host", "no.such.host.invalid"], "is no host of this machine"),
    (["--api-key", "NO_SUCH_KEY"], "'NO_SUCH_KEY' is not set"),
    (["--keys", "nothing.toml"], "can't be read"),
    (["--strategy", "nothing"], "There is no strategy named 'nothing'"),
])
def test_a_mistake_is_said_in_a_sentence(arguments, said, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AGENTFIX_DATA_DIR", str(tmp_path))
    assert main(["serve", "--model", "openai:x", "--port", "0", *arguments]) != 0
    assert said in capfd.readouterr().err


def test_the_command_serves_until_it_is_told_to_end(tmp_path):
    environment = {**os.environ, "AGENTFIX_DATA_DIR": str(tmp_path), "MY_KEY": "sk-mine", "OPENAI_API_KEY": "none"}
    process = subprocess.Popen(
        [sys.executable, "-m", "agentfix", "serve", "--model", "openai:x", "--port", "0", "--api-key", "MY_KEY"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        found = re.search(r"http://127\.0\.0\.1:\d+/v1", process.stdout.readline())
        assert found is not None
        with openai.OpenAI(base_url=found[0], api_key="sk-mine") as asking:
            assert "critic/x" in [model.id for model in asking.models.list()]
        process.send_signal(signal.SIGTERM)
        _, complaints = process.communicate(timeout=20)
        assert (process.returncode, complaints) == (0, "")
    finally:
        process.kill()
        process.communicate()


async def test_the_command_ends_at_the_second_signal_names_its_runs_and_tells_what_went_wrong(tmp_path):
    asked = asyncio.Event()
    connections: list[asyncio.StreamWriter] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        if len(connections) == 1:
            writer.close()  # and the others are never answered
        else:
            asked.set()

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as model:
        name = f"openai:m@http://127.0.0.1:{model.sockets[0].getsockname()[1]}/v1"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "agentfix", "serve", "--model", name, "--port", "0",
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, "AGENTFIX_DATA_DIR": str(tmp_path), "AGENTFIX_SANDBOX": "embedded"})
        try:
            url = re.search(rb"http://127\.0\.0\.1:\d+/v1", await process.stdout.readline())[0].decode()
            async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as asking:
                answering = asyncio.create_task(asking.chat.completions.create(model=name, messages=ASKED))
                await asked.wait()
                process.send_signal(signal.SIGINT)
                async with asyncio.timeout(9):  # the first signal alone would let it go on for ten seconds
                    while await health(url) != 503:  # noqa: ASYNC110 - nothing tells of it
                        await asyncio.sleep(0.05)
                    process.send_signal(signal.SIGINT)
                    said, complaints = await process.communicate()
                with pytest.raises(openai.APIError):
                    await answering
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            for each in connections:
                each.close()
    assert process.returncode == 0 and re.search(rb"agentfix resume \S+\n", said)
    assert b"WARNING agentfix.models" in complaints and b"Traceback" not in complaints


async def health(url: str) -> int:
    async with httpx2.AsyncClient() as asking:
        return (await asking.get(f"{url.removesuffix('/v1')}/health")).status_code


def test_what_is_missing_is_named_with_the_command_that_mends_it(tmp_path):
    hidden = "import sys; sys.modules['uvicorn'] = None; from agentfix.cli.main import main; sys.exit(main(['serve']))"
    done = subprocess.run([sys.executable, "-c", hidden], capture_output=True, text=True, check=False,
                          env={"AGENTFIX_DATA_DIR": str(tmp_path), "PYTHONPATH": ":".join(sys.path)})
    assert done.returncode != 0 and "pip install 'agentfix[serve]'" in done.stderr
