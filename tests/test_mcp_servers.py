"""What agentfix.toml may say of MCP servers."""

from __future__ import annotations

import pytest

from agentfix import ConfigError, load_settings


def read(folder, text):
    (folder / "agentfix.toml").write_text(text, encoding="utf-8")
    return load_settings(directory=folder, environment={})


def test_servers_are_read(tmp_path):
    servers = read(tmp_path, """
        [mcp_servers.time]
        command = ["mcp-server-time", "--local-timezone", "UTC"]
        read_only = ["get_current_time"]

        [mcp_servers.issues]
        url = "https://mcp.example.org/mcp?team=blue"
        secrets = ["ISSUES_TOKEN"]
        tools = ["search"]
        read_only = true
    """).mcp_servers
    assert servers["time"].command == ("mcp-server-time", "--local-timezone", "UTC")
    assert servers["time"].read_only == ("get_current_time",)
    assert servers["issues"].sent_headers == {"Authorization": "Bearer {ISSUES_TOKEN}"}
    assert (servers["issues"].tools, servers["issues"].read_only, servers["issues"].trust_hints) == (
        ("search",), True, False)


@pytest.mark.parametrize(("text", "words"), [
    ("[mcp_servers.a__b]\ncommand = ['x']", "a server's name is made of at most 24 letters"),
    (f"[mcp_servers.{'a' * 25}]\ncommand = ['x']", "a server's name is made of at most 24 letters"),
    ("[mcp_servers.a]", "'mcp_servers.a' .* either a `command` or a `url`"),
    ("[mcp_servers.a]\ncommand = ['x']\nurl = 'https://h/mcp'", "either a `command` or a `url`"),
    ("[mcp_servers.a]\ncomand = ['x']", "'mcp_servers.a.comand' .* not permitted"),
    ("[mcp_servers.a]\nurl = 'file:///etc/passwd'", "looks like https://host/mcp"),
    ("[mcp_servers.a]\nurl = 'https://me:secret@h/mcp'", "holds no password"),
    ("[mcp_servers.a]\ncommand = ['x']\nsecrets = ['sk-1234']", "never the key itself"),
    ("[mcp_servers.a]\ncommand = ['x']\nheaders = {X = 'y'}", "has no `headers`"),
    ("[mcp_servers.a]\nurl = 'https://h/mcp'\nsecrets = ['A', 'B']", "say in `headers` how the keys are sent"),
    ("[mcp_servers.a]\nurl = 'https://h/mcp'\nsecrets = ['A']\nheaders = {X = 'y'}", "the key A is sent in none"),
    ("[mcp_servers.a]\nurl = 'https://h/mcp'\nheaders = {\"X Y\" = 'y'}", "no header of a request"),
    ("[mcp_servers.a]\nurl = 'https://h/mcp'\nheaders = {X = \"y\\nZ: z\"}", "no header of a request"),
])
def test_a_wrong_server_is_named_and_no_key_is_repeated(text, words, tmp_path):
    with pytest.raises(ConfigError, match=words) as wrong:
        read(tmp_path, text)
    assert "secret@" not in str(wrong.value) and "sk-1234" not in str(wrong.value)
