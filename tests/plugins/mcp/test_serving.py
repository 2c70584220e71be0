"""`agentfix mcp` as its clients see it, through the official client and byte by byte."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from mcp import Client, StdioServerParameters
from mcp_types import CallToolResult

from agentfix import Agent, Settings
from agentfix.cli.main import main
from agentfix.journal import SqliteJournal
from tests.plugins.mcp.test_fake import until
from tests.servers.server import stop

SERVED = Path(__file__).with_name("served.py")
JARS = "A crate holds 15 jars. How many jars are in 4 crates?"
RIGHT = "```python\nanswer = 15 * 4\n```"
WRONG = "```python\nanswer = 15 + 4\n```"
DOUBLE = "Write a function double(x)."
TESTS = "def test_double():\n    assert double(4) == 8\n"
KEY = "sesame-open-the-door"


@pytest.fixture
def command(tmp_path, monkeypatch):
    """The command line of a server whose model says these steps."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))

    def line(*steps, arguments=()):
        return [sys.executable, str(SERVED), str(tmp_path), json.dumps(steps), *arguments]

    return line


@pytest.fixture(params=["auto", "legacy"])
def client(request, command):
    """The official client in front of it, as the protocol of 2026 and as that of 2025 have it."""

    def connect(*steps):
        program, *arguments = command(*steps)
        environment = {"PYTHONPATH": os.environ["PYTHONPATH"]}
        return Client(StdioServerParameters(command=program, args=arguments, env=environment), mode=request.param)

    return connect


def data(result: CallToolResult):
    assert not result.is_error, result.content
    return result.structured_content


async def test_a_question_is_solved_and_its_evidence_told_as_data_and_in_words(client):
    told = []

    async def on_progress(progress, total, message):
        told.append((progress, message))

    async with client(WRONG, RIGHT) as connected:
        tools = {tool.name: tool for tool in (await connected.list_tools()).tools}
        assert sorted(tools) == ["solve", "verify"]
        assert {"auto", "code", "math", "text"} <= set(tools["solve"].input_schema["properties"]["kind"]["enum"])
        assert tools["verify"].input_schema["required"] == ["question", "answer"]
        result = await connected.call_tool("solve", {"question": JARS, "tests": "assert answer == 60"},
                                           progress_callback=on_progress)
    answer = data(result)
    assert (answer["answer"], answer["supported"], answer["supported_by"], answer["attempts"]) == (
        "60", True, "contract", 2)
    assert [(piece["kind"], piece["polarity"]) for piece in answer["evidence"]] == [("contract", "supports")]
    assert re.fullmatch(r"\d{8}-\d{6}-\w+", answer["run_id"])
    text = result.content[0].text
    assert text.startswith("60\n\nSupported by contract: 1 of 1") and answer["run_id"] in text
    assert [number for number, _ in told] == list(range(1, len(told) + 1))
    said = [message for _, message in told]
    assert "attempt 1: 19" in said and "attempt 2: 60" in said
    assert any(message.startswith("attempt 1 is refuted: ") for message in said)


async def test_an_answer_is_verified_and_no_model_asked(client):
    async with client() as connected:
        right = data(await connected.call_tool("verify", {
            "question": DOUBLE, "kind": "code", "tests": TESTS, "answer": "def double(x):\n    return x + x"}))
        assert (right["supported"], right["supported_by"]) == (True, "contract")
        result = await connected.call_tool("verify", {
            "question": DOUBLE, "kind": "code", "tests": TESTS, "answer": "def double(x):\n    return x * x"})
        assert (data(result)["supported"], data(result)["evidence"][0]["polarity"]) == (False, "refutes")
        assert "Nothing supports this answer" in result.content[0].text and "16 == 8" in result.content[0].text
        assert "16 == 8" in data(result)["feedback"]
        bare = data(await connected.call_tool("verify", {"question": JARS, "answer": "60"}))
        assert (bare["answer"], bare["supported"], bare["evidence"]) == ("60", False, [])


WRONG_CALLS = [
    ("solve", {}, "'question' is wrong: Field required"),
    ("solve", {"question": "  "}, "The question is empty"),
    ("solve", {"question": "Why?", "colour": "red"}, "'colour' is wrong"),
    ("solve", {"question": "Why?", "kind": "poem"}, "no kind named 'poem'"),
    ("solve", {"question": "Why?", "tests": "assert ("}, "`tests` is not valid Python"),
    ("solve", {"question": "Why?", "tests": "x = 1"}, "`tests` checks nothing"),
    ("verify", {"question": "Why?", "answer": " "}, "The answer is empty"),
    ("dissolve", {"question": "Why?"}, "There is no tool 'dissolve'"),
]


async def test_a_wrong_call_is_told_in_a_line(client):
    async with client() as connected:
        for tool, arguments, words in WRONG_CALLS:
            result = await connected.call_tool(tool, arguments)
            assert result.is_error and words in result.content[0].text
            assert "\n" not in result.content[0].text


async def test_a_client_that_cancels_ends_the_run(client, tmp_path):
    waiting = tmp_path / "waiting"
    async with client("wait", RIGHT) as connected:
        asking = asyncio.create_task(connected.call_tool("solve", {"question": JARS}))
        await until(lambda: waiting.exists() and "asked" in waiting.read_text())
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await until(lambda: "given up" in waiting.read_text())
        answer = await connected.call_tool("solve", {"question": JARS, "tests": "assert answer == 60"})
        assert data(answer)["answer"] == "60"  # it serves the next


async def test_what_happened_is_in_the_journal(client, tmp_path):
    async with client(RIGHT) as connected:
        answer = data(await connected.call_tool("solve", {"question": JARS, "tests": "assert answer == 60"}))
    async with Agent(Settings(), journal=SqliteJournal(tmp_path / "journal.sqlite")) as agent:
        assert (await agent.areplay(answer["run_id"])).answer == "60"


def test_standard_output_holds_the_protocol_and_nothing_else(command):
    messages = [
        {"id": 1, "method": "initialize", "params": {"protocolVersion": "2025-06-18", "capabilities": {},
                                                     "clientInfo": {"name": "t", "version": "0"}}},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/call", "params": {"name": "solve", "arguments": {
            "question": JARS, "tests": "assert answer == 60"}}},
    ]
    lines = "".join(json.dumps({"jsonrpc": "2.0", **message}) + "\n" for message in messages)
    with subprocess.Popen(command(RIGHT), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as process:
        process.stdin.write(lines + "no JSON\n")
        process.stdin.flush()
        replies = [json.loads(process.stdout.readline()) for _ in range(2)]
        rest, errors = process.communicate(timeout=60)  # its input ends: so does it
    assert process.returncode == 0 and rest == ""
    assert "what a plugin prints" in errors and "what a library writes" in errors and "Traceback" not in errors
    assert [reply["jsonrpc"] for reply in replies] == ["2.0"] * 2
    assert next(reply for reply in replies if reply.get("id") == 2)["result"]["structuredContent"]["answer"] == "60"


def test_a_client_that_goes_away_in_a_run_ends_it(command, tmp_path):
    messages = [
        {"id": 1, "method": "initialize", "params": {"protocolVersion": "2025-06-18", "capabilities": {},
                                                     "clientInfo": {"name": "t", "version": "0"}}},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/call", "params": {"name": "solve", "arguments": {"question": JARS}}},
    ]
    waiting = tmp_path / "waiting"
    with subprocess.Popen(command("wait"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.DEVNULL) as process:
        for message in messages:
            process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
            process.stdin.flush()
        asyncio.run(until(lambda: waiting.exists() and "asked" in waiting.read_text()))
        process.communicate(timeout=60)
    assert process.returncode == 0 and waiting.read_text() == "asked\ngiven up\n"


def test_ctrl_c_ends_it_while_it_waits_for_its_input(command):
    hello = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "0"}}}
    with subprocess.Popen(command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as process:
        process.stdin.write(json.dumps(hello) + "\n")
        process.stdin.flush()
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130 and process.stderr.read().strip() == "agentfix: stopped."


async def test_our_own_client_speaks_to_it(command, servers):
    opened = await servers(other={"command": ["env", f"PYTHONPATH={os.environ['PYTHONPATH']}", *command(RIGHT)],
                                  "trust_hints": True})
    assert [tool.spec.side_effects for tool in opened.tools.values()] == [False, False]
    solved = await opened.call("other__solve", 60.0, question=JARS, tests="assert answer == 60")
    assert solved.data["supported_by"] == "contract"


# --- streamable HTTP --------------------------------------------------------------------------------------------------


@contextmanager
def served(line):
    """Its address, while it is served."""
    process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                               text=True)
    try:
        said = process.stderr.readline()
        match = re.search(r"serving MCP at (http://127\.0\.0\.1:\d+/mcp)", said)
        assert match, said + process.stderr.read()
        yield match[1]
    finally:
        stop(process)
        process.stderr.close()


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_it_is_served_over_http(command, mode):
    told = []

    async def on_progress(progress, total, message):
        told.append(message)

    with served(command(WRONG, RIGHT, arguments=["--http", "0"])) as address:
        async with Client(address, mode=mode) as connected:
            answer = data(await connected.call_tool("solve", {"question": JARS, "tests": "assert answer == 60"},
                                                    progress_callback=on_progress))
    assert answer["answer"] == "60" and "attempt 2: 60" in told


async def test_a_client_over_http_that_cancels_ends_the_run(command, tmp_path):
    waiting = tmp_path / "waiting"
    with served(command("wait", arguments=["--http", "127.0.0.1:0"])) as address:
        async with Client(address) as connected:
            asking = asyncio.create_task(connected.call_tool("solve", {"question": JARS}))
            await until(lambda: waiting.exists() and "asked" in waiting.read_text())
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            await until(lambda: "given up" in waiting.read_text())


PING = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
    "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "0"}}}
ACCEPTS = {"Accept": "application/json, text/event-stream"}


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}])
def test_a_page_in_a_browser_can_not_ask_it(command, headers):
    with served(command(arguments=["--http", "0"])) as address, httpx.Client(trust_env=False) as browser:
        assert browser.post(address, json=PING, headers={**ACCEPTS, **headers}).status_code in (403, 421)
        assert browser.post(address, json=PING, headers=ACCEPTS).status_code == 200


def test_who_does_not_show_the_key_is_turned_away(command, monkeypatch):
    monkeypatch.setenv("DOOR_KEY", KEY)
    line = command(arguments=["--http", "0", "--key", "DOOR_KEY"])
    with served(line) as address, httpx.Client(trust_env=False, headers=ACCEPTS) as client:
        for shown in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": KEY}):
            assert client.post(address, json=PING, headers=shown).status_code == 401
        assert client.post(address, json=PING, headers={"Authorization": f"Bearer {KEY}"}).status_code == 200


@pytest.mark.parametrize(("arguments", "words"), [
    (["--http", "0.0.0.0:0"], "Others could reach 0.0.0.0:0"),
    (["--http", "[::]:0"], "Others could reach [::]:0"),
    (["--http", "somewhere"], "'somewhere' is no HOST:PORT"),
    (["--http", "127.0.0.1:99999"], "is no HOST:PORT"),
    (["--http", "no.such.host.invalid:8000"], "is no host of this machine"),
    (["--http", "0", "--key", "NO_SUCH_KEY"], "The key 'NO_SUCH_KEY' is not set"),
    (["--key", "NO_SUCH_KEY"], "A key is for --http"),
])
def test_a_place_that_can_not_be_served_is_misuse(arguments, words, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    assert main(["mcp", *arguments]) == 2
    out, err = capfd.readouterr()
    assert out == "" and words in err and err.count("\n") == 1


def test_a_port_that_is_taken_is_said(capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["mcp", "--http", str(taken.getsockname()[1])]) == 2
    assert "can't be served: Address already in use. Choose another port." in capfd.readouterr().err


def test_a_missing_package_is_said(capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "agentfix_plugins.mcp.serving", None)
    assert main(["mcp"]) == 2
    assert "This needs the package `mcp`, 2.3 or newer: pip install 'agentfix[mcp]'." in capfd.readouterr().err
