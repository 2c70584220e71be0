"""The tools of a server that behaves, one that fails, and one that means harm."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time

import pytest
from agentfix_plugins.mcp.lazy import LazyServers

from agentfix import Settings, ToolError
from tests.plugins.mcp.conftest import Opened


def called(seen, name):
    return sum(line.get("called") == name for line in seen())


# --- what a result becomes ------------------------------------------------------------------------------------------


async def test_texts_data_pictures_and_resources_become_observations(servers, fake):
    opened = await servers(fake=fake())
    said = await opened.call("fake__echo", text="Grüße\n2")
    assert (said.tool, said.status, said.text, said.data) == ("fake__echo", "ok", "Grüße\n2", {})
    summed = await opened.call("fake__structured")
    assert (summed.text, summed.data) == ('{"sum": 3, "of": [1, 2]}', {"sum": 3, "of": [1, 2]})
    seen = await opened.call("fake__picture")
    assert seen.text.splitlines() == ["[image: image/png, 4 bytes]", "[resource: notes, file:///notes.txt]",
                                      "[resource: memo://1]", "remember the milk", "[resource: memo://2, 4 bytes]"]


async def test_what_a_tool_says_of_its_failure_is_told_to_the_model(servers, fake):
    opened = await servers(fake=fake())
    with pytest.raises(ToolError, match=r"^There is no such city\.$"):
        await opened.call("fake__fail")
    with pytest.raises(ToolError, match="refused, while running 'code': no such row") as refused:
        await opened.call("fake__code")
    assert "\n" not in str(refused.value) and "\x1b" not in str(refused.value)
    assert (await opened.call("fake__echo", text="still there")).ok


async def test_a_huge_text_is_cut_and_hidden_characters_are_left_out(servers, fake):
    opened = await servers(fake=fake())
    assert len((await opened.call("fake__huge")).text) < 60_000
    said = (await opened.call("fake__hint")).text
    assert "\u202e" not in said and "\x1b" not in said


async def test_half_a_utf16_pair_is_replaced_in_both_directions(servers, fake):
    opened = await servers(fake=fake())
    assert (await opened.call("fake__half")).text == "cut in half: ?."
    assert (await opened.call("fake__echo", text="half: \ud83d.")).text == "half: ?."


async def test_a_message_without_end_is_named_with_its_server_and_not_asked_for_again(servers, fake, seen):
    opened = await servers(fake=fake(read_only=True))
    with pytest.raises(ToolError, match="It was left: it sent a message longer than 10,000,000 bytes"):
        await opened.call("fake__endless")
    assert called(seen, "endless") == 1
    assert (await opened.call("fake__echo", text="here again")).text == "here again"


async def test_of_many_parts_the_first_are_read(servers, fake):
    opened = await servers(fake=fake())
    lines = (await opened.call("fake__parts")).text.splitlines()
    assert (lines[0], lines[-2], lines[-1]) == ("<0>", "<999>", " [...]")
    with pytest.raises(ToolError, match="'fake' answered as the protocol does not allow"):
        await opened.call("fake__wrong_parts")


@pytest.mark.parametrize("tool", ["wrong", "invalid"])
async def test_a_result_of_a_wrong_form_is_an_error_and_the_server_goes_on(servers, fake, tool):
    opened = await servers(fake=fake())
    with pytest.raises(ToolError, match="'fake' answered as the protocol does not allow while running"):
        await opened.call(f"fake__{tool}")
    assert (await opened.call("fake__echo", text="still there")).ok


async def test_what_is_no_message_is_passed_over(servers, fake, capfd):
    opened = await servers(fake=fake("chatter"))
    assert (await opened.call("fake__garbage")).text == "after the garbage"
    assert capfd.readouterr() == ("", "")


# --- what it may do -------------------------------------------------------------------------------------------------


async def test_a_tool_has_side_effects_unless_the_user_says_otherwise(servers, fake):
    def acts(opened):
        return [opened.tools[f"fake__{name}"].spec.side_effects for name in ("echo", "write")]

    assert acts(await servers(fake=fake())) == [True, True]  # whatever the server hints
    assert acts(await servers(fake=fake(trust_hints=True))) == [False, True]
    assert acts(await servers(fake=fake(read_only=["write"]))) == [True, False]
    assert acts(await servers(fake=fake(read_only=True))) == [False, False]


async def test_what_a_server_needs_is_declared(servers, fake, monkeypatch):
    monkeypatch.setenv("FAKE_KEY", "sesame-open")
    opened = await servers(fake=fake(secrets=["FAKE_KEY"], hosts=["api.example.org"], tools=["echo", "none"]))
    assert list(opened.tools) == ["fake__echo"]
    spec = opened.tools["fake__echo"].spec
    assert (spec.secrets, spec.hosts, spec.processes, spec.deterministic) == (
        ("FAKE_KEY",), ("api.example.org",), True, False)
    assert opened.notices == ["The MCP server 'fake' has no tool 'none', which the settings name."]


async def test_a_command_gets_the_keys_that_are_named_and_no_other_variable(servers, fake, monkeypatch):
    monkeypatch.setenv("FAKE_KEY", "sesame-open")
    monkeypatch.setenv("OTHER_KEY", "not-for-it")
    opened = await servers(fake=fake(secrets=["FAKE_KEY"]))
    names = (await opened.call("fake__env")).text.splitlines()
    assert "FAKE_KEY" in names and "OTHER_KEY" not in names
    leaked = await opened.call("fake__leak")
    assert leaked.text == "the key is [key]" and leaked.data == {"key": "[key]"}


async def test_a_server_without_its_key_is_not_started(servers, fake, seen, monkeypatch):
    monkeypatch.delenv("FAKE_KEY", raising=False)
    opened = await servers(fake=fake(secrets=["FAKE_KEY"]))
    assert opened.tools == {} and seen() == []
    assert opened.notices == ["The MCP server 'fake' is not used: it needs FAKE_KEY, which is not set."]


async def test_what_a_server_asks_for_is_refused(servers, fake, seen):
    opened = await servers(fake=fake())
    assert (await opened.call("fake__ask")).text == "all were answered"
    answers = {line["answered"]: line for line in seen() if "answered" in line}
    assert sorted(answers) == ["ask0", "ask1", "ask2"]
    assert all(line["error"] and line["result"] is None for line in answers.values())


# --- what is done when a server fails -------------------------------------------------------------------------------


async def test_a_call_that_takes_too_long_is_cancelled_at_the_server(servers, fake, seen):
    opened = await servers(fake=fake())
    with pytest.raises(ToolError, match=r"took longer than 0\.2 s for running 'wait'") as late:
        await opened.call("fake__wait", 0.2)
    assert late.value.status == "timeout"
    assert (await opened.call("fake__echo", text="still there")).ok
    waited = next(line["waiting"] for line in seen() if "waiting" in line)
    assert {"cancelled": waited} in seen()


async def test_a_caller_that_goes_away_cancels_its_call_at_the_server(servers, fake, seen):
    opened = await servers(fake=fake())
    calling = asyncio.create_task(opened.call("fake__wait"))
    await until(lambda: any("waiting" in line for line in seen()))
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    assert (await opened.call("fake__echo", text="still there")).ok
    assert any("cancelled" in line for line in seen())


async def test_a_server_that_dies_in_a_call_is_named_with_its_last_words_and_started_again(servers, fake, seen, capfd):
    opened = await servers(fake=fake())
    with pytest.raises(ToolError) as lost:
        await opened.call("fake__crash")
    assert str(lost.value) == ("The MCP server 'fake' was lost while running 'crash'. Its last words: out of cheese "
                               "Whether it had its effect is not known.")
    assert called(seen, "crash") == 1  # it may have side effects: it is not made again
    assert (await opened.call("fake__echo", text="here again")).text == "here again"
    assert sum("started" in line for line in seen()) == 2
    assert capfd.readouterr() == ("", "")


async def test_a_call_that_changes_nothing_is_made_once_more(servers, fake, seen):
    opened = await servers(fake=fake(read_only=True))
    assert (await opened.call("fake__crash_once")).text == "here again"
    assert called(seen, "crash_once") == 2
    with pytest.raises(ToolError, match="was lost while running 'crash'"):
        await opened.call("fake__crash")
    assert called(seen, "crash") == 2


async def test_a_server_that_ended_between_calls_is_started_again(servers, fake, seen):
    opened = await servers(fake=fake())
    with pytest.raises(ToolError):
        await opened.call("fake__crash")
    assert (await opened.call("fake__write", text="x")).ok
    assert called(seen, "write") == 1


def test_each_event_loop_has_a_server_of_its_own(fake, seen, tmp_path):
    holder = LazyServers(Settings(mcp_servers={"fake": fake()}).mcp_servers, tmp_path)

    async def use(*, close):
        opened = Opened(holder)
        await opened.find()
        assert (await opened.call("fake__echo", text="here")).text == "here"
        if close:
            await holder.aclose()

    asyncio.run(use(close=False))  # the loop's end ends it too
    assert {"ended": True} in seen()
    asyncio.run(use(close=True))
    assert sum("started" in line for line in seen()) == sum("ended" in line for line in seen()) == 2


async def test_what_a_server_writes_to_its_standard_error_is_not_for_the_terminal(servers, fake, capfd):
    opened = await servers(fake=fake())
    assert (await opened.call("fake__stderr")).text == "said"
    assert capfd.readouterr() == ("", "")


async def test_servers_that_can_not_be_used_are_named_and_the_others_are_used(servers, fake):
    opened = await servers(
        good=fake(), gone={"command": ["/no/such/program"]}, ends={"command": ["sh", "-c", "echo why >&2; exit 3"]},
        closed={"url": "http://127.0.0.1:9/mcp"}, fails=fake("list fails"), bad=fake("no list"),
        array=fake("no object"))
    assert "good__echo" in opened.tools
    assert {name.partition("__")[0] for name in opened.tools} == {"good"}
    said = sorted(opened.notices)
    assert len(said) == 6
    assert said[0].startswith("The MCP server 'array' answered as the protocol does not allow while listing its tools")
    assert said[1].startswith("The MCP server 'bad' answered as the protocol does not allow while listing its tools")
    assert said[2] == "The MCP server 'closed' can't be reached: All connection attempts failed."
    assert said[3] == "The MCP server 'ends' can't be reached: it ended before it had answered. Its last words: why"
    assert said[4] == "The MCP server 'fails' refused, while listing its tools: the disk is full"
    assert said[5].startswith("The MCP server 'gone' can't be reached: [Errno 2] No such file")


async def test_a_server_that_never_answers_is_left_and_not_waited_for_again(servers, fake, monkeypatch):
    monkeypatch.setattr("agentfix_plugins.mcp.connection.START_S", 1.0)
    opened = await servers(silent=fake("silent"))
    told = ["The MCP server 'silent' can't be reached: it did not answer within 1 s."]
    assert (opened.tools, opened.notices) == ({}, told)
    monkeypatch.setattr("agentfix_plugins.mcp.connection.START_S", 1000.0)
    assert (await opened.find(), opened.notices) == ({}, told)


# --- what a server offers -------------------------------------------------------------------------------------------


async def test_a_list_that_changes_is_told(servers, fake):
    opened = await servers(fake=fake("changing"))
    assert list(opened.tools) == ["fake__echo"] and opened.notices == []
    await opened.find()
    assert list(opened.tools) == ["fake__echo", "fake__added"]
    assert opened.notices == ["The MCP server 'fake' changed its tools: 'fake__added' is new."]
    await opened.find()
    assert opened.notices == ["The MCP server 'fake' changed its tools: 'fake__added' is gone, 'fake__echo' is "
                              "described in another way."]


async def test_the_word_of_the_user_for_what_tools_say_of_themselves_does_not_hold_when_they_say_another_thing(
        servers, fake):
    def foreign(opened):
        return {name.removeprefix("fake__"): tool.spec.foreign for name, tool in opened.tools.items()}

    opened = await servers(fake=fake("changing", trust_words=True))
    assert foreign(opened) == {"echo": False}
    await opened.find()
    assert foreign(opened) == {"echo": False, "added": True}
    await opened.find()
    assert foreign(opened) == {"echo": True}
    assert set(foreign(await servers(fake=fake())).values()) == {True}


async def test_another_process_knows_what_was_trusted_until_its_file_is_removed(servers, fake, tmp_path):
    async def start():
        opened = await servers(fake=fake("changing", trust_words=True))
        return opened, [tool.spec.foreign for tool in opened.tools.values()]

    assert (await start())[1] == [False]
    opened, foreign = await start()
    assert foreign == [True] and len(opened.notices) == 1
    assert "in spite of trust_words: 'fake__echo' did not say it when they were first trusted" in opened.notices[0]
    [file] = (tmp_path / "trusted").iterdir()
    assert f"remove {file}, to trust it" in opened.notices[0]
    file.write_text("broken", encoding="utf-8")
    assert (await start())[1] == [True]
    file.unlink()
    opened, foreign = await start()
    assert (foreign, opened.notices) == ([False], [])


async def test_hostile_tools_are_tamed_or_left_out(servers, fake):
    began = time.monotonic()
    opened = await servers(fake=fake("hostile"))
    assert time.monotonic() - began < 30  # a doubling schema would take years
    assert list(opened.tools) == ["fake__long", "fake__turns", "fake__no_dots_or_spaces", f"fake__{'n' * 58}",
                                  "fake__pattern", "fake__around"]
    assert len(opened.tools["fake__long"].spec.description) < 1100
    spec = opened.tools["fake__turns"].spec
    for text in (spec.description, spec.parameters["properties"]["text"]["description"]):
        assert "<|im_start|>" not in text and "\u202e" not in text and "\x1b" not in text
    assert opened.tools["fake__pattern"].spec.parameters["properties"] == {"pattern": {"type": "string"}}
    reasons = [notice.removeprefix("The tool ").replace(" of the MCP server 'fake' is left out", "")
               for notice in opened.notices]
    assert reasons == [
        "'no dots.or spaces': it would be called 'fake__no_dots_or_spaces', as 'no.dots or spaces' is.",
        "'wrong_type': its schema is wrong at properties/x/type: 'strin' is not valid under any of the given schemas.",
        "'fetches': its schema refers to another document.",
        "'nowhere': its schema refers to #/$defs/none, which it has not.",
        "'multiplies': its schema's references multiply.",
        "'circle': its schema refers to #/$defs/a in a circle.",
        "'itself': its schema refers to # in a circle.",
        "'deep': its schema is nested too deeply.",
        r"'turn_in_name': its schema holds '<\\|im_start|>', which would pass for a turn in a prompt.",
        r"'turn_in_value': its schema holds '<\\|im_start|>system', which would pass for a turn in a prompt.",
        reasons[-1],
    ]
    assert reasons[-1].startswith("'big': its schema has ") and reasons[-1].endswith("more than 30,000.")


@pytest.mark.parametrize(("mode", "count"), [("many", 256), ("endless", 50)])
async def test_a_list_without_end_is_cut(servers, fake, mode, count):
    opened = await servers(fake=fake(mode))
    assert len(opened.tools) == count


def test_without_servers_nothing_is_loaded():
    code = ("import asyncio, sys; from agentfix import Plugins, Settings; "
            "tools = Plugins(Settings()).build('tool', 'mcp'); asyncio.run(tools.open(print)); "
            "print([name for name in ('mcp', 'httpx2', 'pydantic_monty') if name in sys.modules])")
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


async def test_a_missing_package_is_said(servers, fake, monkeypatch):
    monkeypatch.setitem(sys.modules, "agentfix_plugins.mcp.servers", None)
    opened = await servers(fake=fake())
    assert opened.notices == ["No MCP server is used, which needs the package `mcp`, 2.3 or newer: "
                              "pip install 'agentfix[mcp]'."]


async def until(condition):
    """Wait for what another process does."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - another process can set no event
            await asyncio.sleep(0.01)
