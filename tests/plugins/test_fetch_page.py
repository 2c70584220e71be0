from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest

from agentfix import Observation, Response, Tool, ToolContext, ToolError, load_settings
from agentfix.plugins import Plugins
from agentfix.tools.http import HttpClient
from tests.loopback import Asked, Reply, Site

pytest.importorskip("trafilatura")
pytest.importorskip("pypdf")

from agentfix_plugins.fetch_page.reading import read
from agentfix_plugins.fetch_page.recent import Recent

PARAGRAPH = "The lighthouse of Alnes was built in 1852 and is painted in white and red. "


class NoSandbox:
    """These tools run no programs."""


def page(body: str, *, title: str = "Alnes", head: str = "") -> bytes:
    return (f"<!doctype html><html><head><title>{title}</title>{head}</head><body><nav><a href='/'>Home</a></nav>"
            f"<article><h1>{title}</h1>{body}</article><footer>Imprint</footer></body></html>").encode()


def html(content: bytes, content_type: str = "text/html; charset=utf-8") -> Reply:
    return Reply(content, headers={"Content-Type": content_type})


def pdf(*pages: str, title: str = "A report") -> bytes:
    """A PDF file with a line of text on each page."""
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(len(pages)))
    parts = ["<< /Type /Catalog /Pages 2 0 R >>", f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
             "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    for number, text in enumerate(pages):
        stream = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET"
        parts.append(f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {5 + 2 * number} 0 R "
                     "/Resources << /Font << /F1 3 0 R >> >> >>")
        parts.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
    parts.append(f"<< /Title ({title}) >>")
    out, places = "%PDF-1.4\n", []
    for number, part in enumerate(parts, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{part}\nendobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    return (f"{out}xref\n0 {len(parts) + 1}\n0000000000 65535 f \n{table}trailer\n"
            f"<< /Size {len(parts) + 1} /Root 1 0 R /Info {len(parts)} 0 R >>\nstartxref\n{len(out)}\n%%EOF\n").encode()


@pytest.fixture
def site() -> Iterator[Site]:
    with Site({"/": html(page(f"<p>{PARAGRAPH * 3}</p>"))}) as site:
        yield site


@pytest.fixture
async def context(site: Site) -> AsyncIterator[ToolContext]:
    async with HttpClient(["*"], private_hosts=[site.authority]) as http:
        yield ToolContext(NoSandbox(), timeout_s=60, http=http)  # type: ignore[arg-type]


@pytest.fixture
def tool() -> Tool:
    return Plugins(load_settings()).build("tool", "fetch_page")


async def failed(tool: Tool, url: str, context: ToolContext, **arguments) -> tuple[str, str]:
    with pytest.raises(ToolError) as caught:
        await tool.run({"url": url, **arguments}, context)
    return caught.value.status, str(caught.value)


async def test_a_page_is_read_as_its_text(site: Site, tool: Tool, context: ToolContext) -> None:
    seen = await tool.run({"url": site.url()}, context)
    assert seen.text.startswith(f"Alnes\n{site.url()}\n\n")
    assert PARAGRAPH.strip() in seen.text
    assert "Home" not in seen.text
    assert "Imprint" not in seen.text
    assert (seen.data["title"], seen.data["url"], seen.data["start"]) == ("Alnes", site.url(), 0)
    assert seen.data["end"] == seen.data["total"] == len(seen.data["text"])
    assert site.asked[-1].headers["user-agent"] == "agentfix"


async def test_a_long_page_is_read_in_parts_and_asked_for_once(site: Site, tool: Tool, context: ToolContext) -> None:
    facts = [f"Fact number {n} is that lamp {n} was lit for the first time in that year." for n in range(400)]
    site.routes["/long"] = html(page("".join(f"<p>{fact}</p>" for fact in facts)))
    parts: list[Observation] = [await tool.run({"url": site.url("/long")}, context)]
    assert f"[characters 0 to {parts[0].data['end']} of {parts[0].data['total']}; read on with start=" in parts[0].text
    while parts[-1].data["end"] < parts[-1].data["total"]:
        parts.append(await tool.run({"url": site.url("/long"), "start": parts[-1].data["end"]}, context))
    assert "read on" not in parts[-1].text
    assert all(len(part.text) < 8000 for part in parts)
    whole = "".join(part.data["text"] for part in parts)
    assert all(fact in whole for fact in facts)
    assert all(part.data["text"].endswith("\n") for part in parts[:-1])
    assert site.paths() == ["/robots.txt", "/long"]
    status, message = await failed(tool, site.url("/long"), context, start=parts[-1].data["total"])
    assert (status, str(parts[-1].data["total"]) in message) == ("error", True)


async def test_a_pdf_is_read_with_the_numbers_of_its_pages(site: Site, tool: Tool, context: ToolContext) -> None:
    content = pdf("The tower is 25 metres high.", "", "It was rebuilt in 1936.")
    site.routes["/report.pdf"] = Reply(content, headers={"Content-Type": "application/octet-stream"})
    seen = await tool.run({"url": site.url("/report.pdf")}, context)
    assert seen.text == (f"A report\n{site.url('/report.pdf')}\n\n[page 1]\nThe tower is 25 metres high.\n\n"
                         "[page 3]\nIt was rebuilt in 1936.")


@pytest.mark.parametrize(("content", "said"), [
    (b"%PDF-1.4 and then nothing", "can't be read"), (pdf("", ""), "may be a scan"), (pdf("x")[:300], "can't be read"),
])
async def test_a_pdf_without_text(content: bytes, said: str, site: Site, tool: Tool, context: ToolContext) -> None:
    site.routes["/bad.pdf"] = Reply(content, headers={"Content-Type": "application/pdf"})
    status, message = await failed(tool, site.url("/bad.pdf"), context)
    assert status == "error"
    assert said in message
    assert "\n" not in message


def japanese(head: str = "") -> str:
    return page(f"<p>{'灯台は一八五二年に建てられた。' * 9}</p>", head=head).decode()


@pytest.mark.parametrize(("content", "content_type"), [
    (japanese().encode("shift_jis"), "text/html; charset=Shift_JIS"),
    (japanese('<meta charset="shift_jis">').encode("shift_jis"), "text/html"),
    (b"\xff\xfe" + japanese().encode("utf-16-le"), "text/html"),
    (japanese().encode(), "text/html"),
    (japanese('<meta charset="no-such-set">').encode(), "application/xhtml+xml"),
    (japanese('<meta charset="idna">').encode(), "text/html"),
    (japanese('<meta charset="utf-7">').encode(), "text/html"),
    (japanese('<meta charset="undefined">').encode(), "text/html"),
])
async def test_a_page_in_any_encoding(content: bytes, content_type: str, site: Site, tool: Tool,
                                      context: ToolContext) -> None:
    site.routes["/ja"] = html(content, content_type)
    assert "灯台は一八五二年に建てられた。" in (await tool.run({"url": site.url("/ja")}, context)).text


@pytest.mark.parametrize(("content", "content_type"), [
    (b'{"height": 25}', "application/json"), (b"height,25\n", "text/csv"), (b"<a>25</a>", "application/rss+xml"),
    (b"height 25", ""),
])
async def test_other_text_is_shown_as_it_is(content: bytes, content_type: str, site: Site, tool: Tool,
                                            context: ToolContext) -> None:
    site.routes["/data"] = Reply(content, headers={"Content-Type": content_type} if content_type else {})
    assert (await tool.run({"url": site.url("/data")}, context)).data["text"] == content.decode()


@pytest.mark.parametrize(("reply", "status", "said"), [
    (Reply(b"", 404), "error", "404 (Not Found)"), (Reply(b"", 403), "error", "403 (Forbidden)"),
    (Reply(b"", 503), "unavailable", "503 (Service Unavailable)"), (Reply(b"", 429), "unavailable", "429"),
    (Reply(b"", 799), "unavailable", "answered with 799."),
    (Reply(b"\x89PNG\r\n", headers={"Content-Type": "image/png"}), "error", "no text"),
    (Reply(b"abc", headers={"Content-Type": "video/mp4"}), "error", "'video/mp4'"),
    (html(b"<html><body><script>draw()</script></body></html>"), "error", "made by scripts"),
    (html(b""), "error", "can't be read"),
    (Reply(bytes(11_000_000), headers={"Content-Type": "text/plain"}), "too_large", "more than 10000000 bytes"),
])
async def test_what_is_no_page_is_said(reply: Reply, status: str, said: str, site: Site, tool: Tool,
                                       context: ToolContext) -> None:
    site.routes["/none"] = reply
    assert (await failed(tool, site.url("/none"), context))[0] == status
    assert said in (await failed(tool, site.url("/none"), context))[1]


# --- robots.txt -------------------------------------------------------------------------------------------------------


async def test_what_a_site_asks_not_to_be_read_is_not(site: Site, tool: Tool, context: ToolContext) -> None:
    site.routes["/robots.txt"] = Reply(b"User-agent: *\nDisallow: /private\n\nUser-agent: agentfix\nDisallow: /own\n")
    site.routes["/private/a"] = site.routes["/"]
    assert await failed(tool, site.url("/own/a"), context) == (
        "refused", f"{site.authority} asks programs not to read this page (robots.txt).")
    assert (await tool.run({"url": site.url("/private/a")}, context)).ok
    site.routes["/from"] = Reply(status=302, headers={"Location": "/private/a"})
    assert (await tool.run({"url": site.url("/from")}, context)).ok
    assert site.paths() == ["/robots.txt", "/private/a", "/from", "/private/a"]


@pytest.mark.parametrize(("reply", "read"), [
    (Reply(b"", 404), True), (Reply(b"", 401), True), (Reply(b"", 500), False), (Reply(b"", 429), False),
    (Reply(b"\x00\xff\xfe nonsense", headers={"Content-Type": "text/plain"}), True),
    (Reply(b"User-agent: *\nDisallow: /", headers={"Content-Type": "text/html"}), False),
    (Reply(b"User-agent: *\nDisallow: /\n" + b"#" * 600_000), False),
    (Reply(b"User-agent: *\nDisallow: /private\n" + b"# more\n" * 100_000), True),
])
async def test_a_site_with_and_without_rules(reply: Reply, read: bool, site: Site, tool: Tool,
                                             context: ToolContext) -> None:
    site.routes["/robots.txt"] = reply
    if read:
        assert (await tool.run({"url": site.url()}, context)).ok
    else:
        await failed(tool, site.url(), context)
        assert site.paths() == ["/robots.txt"]


async def test_the_rules_of_the_site_that_a_redirect_leads_to_count(site: Site, tool: Tool) -> None:
    with Site({"/robots.txt": Reply(b"User-agent: *\nDisallow: /"), "/": html(page("<p>secret</p>"))}) as other:
        site.routes["/from"] = Reply(status=302, headers={"Location": other.url()})
        async with HttpClient(["*"], private_hosts=["127.0.0.1"]) as http:
            context = ToolContext(NoSandbox(), timeout_s=60, http=http)  # type: ignore[arg-type]
            assert (await failed(tool, site.url("/from"), context))[0] == "refused"


# --- limits -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}/", "http://[::1", "http://169.254.169.254/",
                                 "file:///etc/passwd", "127.1:{port}", "http://a:b@127.0.0.1:{port}/", "",
                                 "javascript:alert(1)"])
async def test_what_is_not_public_is_refused(url: str, site: Site, tool: Tool) -> None:
    async with HttpClient(tool.spec.hosts) as http:
        context = ToolContext(NoSandbox(), timeout_s=60, http=http)  # type: ignore[arg-type]
        assert (await failed(tool, url.format(port=site.port), context))[0] == "refused"
    assert site.asked == []


async def test_a_page_that_takes_too_long_to_read_is_given_up() -> None:
    answer = Response("https://example.org/", 200, {"content-type": "text/html"}, page(PARAGRAPH), "")
    with pytest.raises(ToolError, match=r"example\.org/ can't be read in the time there is") as caught:
        await read(answer, 0.001)
    assert caught.value.status == "timeout"


async def test_a_server_that_takes_too_long_is_given_up(site: Site, tool: Tool, context: ToolContext) -> None:
    release = threading.Event()

    def slow(asked: Asked) -> Reply:
        release.wait()
        return Reply()

    site.routes["/slow"] = slow
    assert (await failed(tool, site.url("/slow"), replace(context, timeout_s=0.3)))[0] == "timeout"
    release.set()


def test_what_was_fetched_is_kept_for_a_while_only() -> None:
    now = [1000.0]
    kept: Recent[int] = Recent(2, 60.0, lambda: now[0])
    for key, value in (("a", 1), ("b", 2), ("a", 3), ("c", 4)):
        kept.put(key, value)
    assert [kept.get(key) for key in "abc"] == [3, None, 4]
    now[0] += 60.0
    assert [kept.get(key) for key in "abc"] == [None, None, None]


def test_the_tool_says_what_it_does(tool: Tool) -> None:
    assert tool.spec.name == "fetch_page"
    assert tool.spec.hosts == ("*",)
    assert not tool.spec.side_effects
    assert tool.spec.parameters["required"] == ["url"]
    assert tool.spec.parameters["properties"]["start"]["minimum"] == 0
