"""The tools of servers that other people wrote, over both ways to speak and two generations of the protocol."""

from __future__ import annotations

import sqlite3
import subprocess
from contextlib import contextmanager

import httpx
import pytest

from agentfix import ToolError
from tests.plugins.mcp.real import NEW, OLD
from tests.servers.server import free_port, stop

BERLIN = {"timezone": "Europe/Berlin"}


@pytest.mark.parametrize("home", [OLD, NEW], ids=lambda home: home.name)
async def test_the_time_is_told(servers, program, home):
    opened = await servers(time={"command": [program(home, "mcp-server-time"), "--local-timezone", "UTC"],
                                 "read_only": ["get_current_time", "convert_time"]})
    assert sorted(opened.tools) == ["time__convert_time", "time__get_current_time"] and opened.notices == []
    spec = opened.tools["time__get_current_time"].spec
    assert spec.parameters["required"] == ["timezone"] and not spec.side_effects
    told = await opened.call("time__get_current_time", **BERLIN)
    assert told.ok and '"timezone": "Europe/Berlin"' in told.text
    converted = await opened.call("time__convert_time", source_timezone="Asia/Tokyo", time="12:00",
                                  target_timezone="Asia/Kolkata")
    assert "08:30" in converted.text
    with pytest.raises(ToolError):
        await opened.call("time__get_current_time", timezone="Mars/Olympus")
    assert (await opened.call("time__get_current_time", **BERLIN)).ok


async def test_a_repository_is_read_and_committed_to(servers, program, tmp_path):
    def git(*arguments: str) -> str:
        return subprocess.run(["git", "-C", str(tmp_path), *arguments], capture_output=True, text=True,
                              check=True).stdout

    git("init", "-q")
    git("config", "user.name", "A")
    git("config", "user.email", "a@example.org")
    (tmp_path / "notes.txt").write_text("remember the milk\n")
    opened = await servers(git={"command": [program(NEW, "mcp-server-git")], "trust_hints": True,
                                "tools": ["git_status", "git_add", "git_commit", "git_log"]})
    assert {name: tool.spec.side_effects for name, tool in opened.tools.items()} == {
        "git__git_status": False, "git__git_add": True, "git__git_commit": True, "git__git_log": False}
    where = {"repo_path": str(tmp_path)}
    assert "notes.txt" in (await opened.call("git__git_status", **where)).text
    await opened.call("git__git_add", files=["notes.txt"], **where)
    await opened.call("git__git_commit", message="Notes", **where)
    assert git("log", "--format=%s").strip() == "Notes"
    assert "Notes" in (await opened.call("git__git_log", **where)).text
    with pytest.raises(ToolError):
        await opened.call("git__git_log", repo_path="/nowhere")


async def test_a_database_is_written_and_read(servers, program, tmp_path):
    file = tmp_path / "shop.db"
    opened = await servers(shop={"command": [program(OLD, "mcp-server-sqlite"), "--db-path", str(file)]})
    assert opened.tools["shop__write_query"].spec.side_effects
    await opened.call("shop__create_table", query="CREATE TABLE wares (name TEXT, price INTEGER)")
    await opened.call("shop__write_query", query="INSERT INTO wares VALUES ('jam', 4)")
    assert "jam" in (await opened.call("shop__read_query", query="SELECT * FROM wares")).text
    with sqlite3.connect(file) as database:
        assert database.execute("SELECT * FROM wares").fetchall() == [("jam", 4)]


@contextmanager
def proxy(program, port):
    """The server of the time behind streamable HTTP, as soon as it answers."""
    command = [program(OLD, "mcp-proxy"), "--host", "127.0.0.1", "--port", str(port), program(OLD, "mcp-server-time")]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        transport = httpx.HTTPTransport(retries=12)  # with growing pauses: two minutes
        with httpx.Client(transport=transport, trust_env=False) as client:
            client.get(f"http://127.0.0.1:{port}/status").raise_for_status()
        yield
    finally:
        stop(process)


async def test_tools_are_called_over_http_and_found_again_when_the_server_was_restarted(servers, program):
    port = free_port()
    settings = {"url": f"http://127.0.0.1:{port}/mcp", "read_only": True}
    with proxy(program, port):
        opened = await servers(time=settings)
        spec = opened.tools["time__get_current_time"].spec
        assert (spec.hosts, spec.processes) == (("127.0.0.1",), False)
        assert '"timezone": "Europe/Berlin"' in (await opened.call("time__get_current_time", **BERLIN)).text
        with pytest.raises(ToolError):
            await opened.call("time__get_current_time", timezone="Mars/Olympus")
    with pytest.raises(ToolError, match=r"The MCP server 'time' (can't be reached|was lost)") as lost:
        await opened.call("time__get_current_time", **BERLIN)
    assert lost.value.status == "unavailable"
    with proxy(program, port):
        assert (await opened.call("time__get_current_time", **BERLIN)).ok
    with proxy(program, port):  # which knows nothing of the session
        assert (await opened.call("time__get_current_time", **BERLIN)).ok
