"""Servers at an address: keys in headers, and what a stranger's web site may say instead of MCP."""

from __future__ import annotations

import gzip
import json
import ssl

import pytest

from agentfix import ToolError
from tests.loopback import CERTIFICATE, Reply, Site

KEY = "sesame-open-the-door"
JSON = {"Content-Type": "application/json"}


def speaking(say):
    """A route that speaks MCP: `say(arguments)` is what its one tool replies."""

    def route(asked):
        if asked.method != "POST":
            return Reply(status=405)
        message = json.loads(asked.body)
        match message["method"]:
            case "initialize":
                result = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}},
                          "serverInfo": {"name": "site", "version": "0"}}
            case "tools/list":
                result = {"tools": [{"name": "say", "inputSchema": {"type": "object"}}]}
            case "tools/call":
                said = say(asked)
                if isinstance(said, Reply):
                    return said
                result = {"content": [{"type": "text", "text": said}]}
            case "server/discover":
                error = {"code": -32601, "message": "Method not found"}
                return Reply(json.dumps({"jsonrpc": "2.0", "id": message["id"], "error": error}).encode(), 200, JSON)
            case _:
                return Reply(status=202)
        return Reply(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}).encode(), 200, JSON)

    return route


@pytest.mark.parametrize(("headers", "name", "value"), [
    ({}, "authorization", f"Bearer {KEY}"),
    ({"X-Api-Key": "{SITE_KEY}"}, "x-api-key", KEY),
    ({"Authorization": "Token {SITE_KEY}", "X-Team": "blue"}, "authorization", f"Token {KEY}"),
])
async def test_keys_are_sent_in_headers_and_not_repeated(servers, monkeypatch, headers, name, value):
    monkeypatch.setenv("SITE_KEY", KEY)
    with Site({"/mcp": speaking(lambda asked: f"you sent {asked.headers[name]}")}) as site:
        opened = await servers(site={"url": site.url("/mcp"), "secrets": ["SITE_KEY"], "headers": headers})
        assert opened.notices == []
        said = await opened.call("site__say")
        assert said.text == f"you sent {value.replace(KEY, '[key]')}"
        assert all(asked.headers[name] == value for asked in site.asked)
        assert opened.tools["site__say"].spec.hosts == ("127.0.0.1",)
        await opened.holder.aclose()


@pytest.mark.parametrize("reply", [
    Reply(status=401), Reply(status=500), Reply(b"<html>Welcome</html>", 200, {"Content-Type": "text/html"}),
    Reply(b"{", 200, JSON), Reply(b"[]", 200, JSON), Reply(status=202),
    Reply(b"data: {\n\n", 200, {"Content-Type": "text/event-stream"}),
])
async def test_a_site_that_does_not_speak_mcp_is_named(servers, reply):
    with Site({"/*": reply}) as site:
        opened = await servers(site={"url": site.url("/mcp")})
        assert opened.tools == {}
        (notice,) = opened.notices
        assert notice.startswith("The MCP server 'site' ")


async def test_keys_do_not_follow_a_redirect_to_another_host(servers, monkeypatch):
    monkeypatch.setenv("SITE_KEY", KEY)
    with Site({"/*": Reply()}) as other:
        with Site({"/*": Reply(status=307, headers={"Location": other.url("/mcp", "localhost")})}) as site:
            opened = await servers(site={"url": site.url("/mcp"), "secrets": ["SITE_KEY"]})
            assert opened.tools == {} and "not followed" in opened.notices[0]
        assert other.asked == []


async def test_an_answer_without_end_is_not_read_to_its_end(servers):
    def flood(_):
        return Reply((b" " * 1_000_000 for _ in range(10_000)), 200, JSON)

    with Site({"/mcp": speaking(flood)}) as site:
        opened = await servers(site={"url": site.url("/mcp")})
        with pytest.raises(ToolError, match="longer than 10,000,000 bytes"):
            await opened.call("site__say")
        await opened.holder.aclose()


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream"])
async def test_an_answer_that_is_compressed_unasked_is_not_unpacked(servers, kind):
    packed = gzip.compress(b" " * 1_000_000)
    reply = Reply((packed for _ in range(1000)), 200, {"Content-Type": kind, "Content-Encoding": "gzip"})
    with Site({"/mcp": speaking(lambda _: reply)}) as site:
        opened = await servers(site={"url": site.url("/mcp")})
        assert {asked.headers["accept-encoding"] for asked in site.asked} == {"identity"}
        with pytest.raises(ToolError, match=r"compressed|lost"):
            await opened.call("site__say")
        await opened.holder.aclose()


async def test_no_proxy_of_the_environment_is_told_the_keys(servers, monkeypatch):
    monkeypatch.setenv("SITE_KEY", KEY)
    with Site({"/*": Reply(status=502)}) as proxy, Site({"/mcp": speaking(lambda _: "good morning")}) as site:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url(""))
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        opened = await servers(site={"url": site.url("/mcp"), "secrets": ["SITE_KEY"]})
        assert (await opened.call("site__say")).text == "good morning" and proxy.asked == []
        await opened.holder.aclose()


async def test_a_certificate_that_nobody_signed_is_refused(servers):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    with Site({"/*": Reply()}, tls=context) as site:
        opened = await servers(site={"url": site.url("/mcp")})
        assert "certificate" in opened.notices[0].lower() and site.asked == []
