"""Tools in worker processes: what they break is theirs."""

from __future__ import annotations

import json
import os

import pytest

from agentfix import Claim, Settings, ToolContext, ToolError
from agentfix.isolation import IsolatedTool
from agentfix.plugins import Plugins
from agentfix.testing import ScriptedSandbox

PLUGIN = '''
import gc, json, os, sys, time
from pathlib import Path
from agentfix import Claim, Evidence, EvidenceClass, Observation, Secrets, ToolCall, ToolError, hookimpl, tool

count = 0

@tool(isolate=True, secrets=("DOOR_KEY",), side_effects=True)
def odd(what: str, *, secrets: Secrets) -> str:
    """Do odd things."""
    global count
    count += 1
    match what:
        case "count": return str(count)
        case "environment": return json.dumps(sorted(os.environ))
        case "key": return str(secrets.get("DOOR_KEY"))
        case "journal": return str({o.journal for o in gc.get_objects() if type(o).__name__ == "Settings"})
        case "pid": return str(os.getpid())
        case "print": print("{}"); os.write(1, b"{}\\n"); return "printed"
        case "die": os._exit(1)
        case "hang": time.sleep(3600)
        case "eat": return str(len(bytearray(8 * 2**30)))
        case "refuse": raise ToolError("not today", status="refused")
        case "raise": raise ValueError("broken inside")
        case "read": return Path.home().joinpath(".profile").read_text()

@odd.verifier
def done(claim: Claim) -> Evidence | None:
    return Evidence(EvidenceClass.MEASUREMENT, "supports", f"seen {claim.text}", "odd", "instrument")

@odd.undoer
def back(call: ToolCall, observation: Observation) -> str:
    return f"took back {call.arguments['what']}"

@hookimpl
def agentfix_register_tools(register):
    register(odd)
'''


@pytest.fixture
async def odd(tmp_path):
    file = tmp_path / "odd.py"
    file.write_text(PLUGIN)
    settings = Settings(plugins=(str(file),), journal="postgresql://me:s3cr3t@host/db")
    spec = Plugins(settings).build("tool", "odd").spec
    isolated = IsolatedTool(spec, "odd", settings, {"DOOR_KEY": "k1", "OTHER": "k2"}.get)
    yield isolated
    await isolated.aclose()


async def context(timeout_s=20.0):
    return ToolContext(await ScriptedSandbox([]).open(), timeout_s)


async def do(isolated, what):
    return await isolated.run({"what": what}, await context())


async def test_it_runs_elsewhere_keeps_its_state_and_has_no_environment_of_ours(odd, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    assert [(await do(odd, "count")).text for _ in range(3)] == ["1", "2", "3"]
    assert (await do(odd, "journal")).text == "{'file'}", "a database's URL may hold a password"
    assert (await do(odd, "pid")).text != str(os.getpid())
    assert set(json.loads((await do(odd, "environment")).text)) <= {"LANG", "LC_CTYPE", "PATH", "PYTHONPATH"}
    assert (await do(odd, "key")).text == "k1"
    assert (await do(odd, "print")).text == "printed"


async def test_a_message_to_the_model_stays_one_and_a_fault_says_what_it_was(odd):
    assert (await do(odd, "refuse")).status == "refused"
    with pytest.raises(ToolError, match=r"ValueError\('broken inside'\)"):
        await do(odd, "raise")


@pytest.mark.parametrize("what", ["die", "eat"])
async def test_a_worker_that_ends_is_followed_by_another(odd, what):
    with pytest.raises(ToolError, match=r"died|MemoryError"):
        await do(odd, what)
    assert (await do(odd, "count")).status == "ok"


async def test_a_worker_that_hangs_is_killed_with_its_call(odd):
    import asyncio

    first = int((await do(odd, "pid")).text)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await do(odd, "hang")
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)
    assert (await do(odd, "count")).text == "1"


async def test_claims_and_undoing_go_there_too(odd):
    found = await odd.verify(Claim("it"), await context())
    assert found is not None and found.summary == "seen it"
    act = await do(odd, "count")
    from agentfix import ToolCall

    assert (await odd.undo(ToolCall("odd", {"what": "count"}), act, await context())).text == "took back count"


async def test_a_plugin_that_no_worker_can_find_is_told_so(odd):
    lost = IsolatedTool(odd.spec, "nowhere", Settings(), {}.get)
    with pytest.raises(ToolError, match="can't be had in a worker process"):
        await lost.run({"what": "count"}, await context())
    await lost.aclose()
