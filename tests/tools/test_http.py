from __future__ import annotations

import asyncio
import gzip
import ssl
import threading
import zlib
from collections.abc import AsyncIterator, Iterator
from urllib.parse import quote

import httpcore
import pytest

from agentfix import ConfigError, Http, ToolError
from agentfix.tools.http import HttpClient
from tests.loopback import CERTIFICATE, Asked, Reply, Site, server_tls

PUBLIC = "93.184.216.34"


class Answers:
    """A resolver that says one list of addresses after the other; the last for ever."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def resolve(self, host: str) -> list[str]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Routed(httpcore.AsyncNetworkBackend):
    """Brings every address to this machine, so that a site here can stand for a public one."""

    def __init__(self) -> None:
        self.connected: list[str] = []

    async def connect_tcp(self, host, port, timeout=None, local_address=None,  # noqa: ASYNC109 - httpcore's own
                          socket_options=None):
        self.connected.append(host)
        return await httpcore.AnyIOBackend().connect_tcp("127.0.0.1", port, timeout)


def redirect(location: str, status: int = 302) -> Reply:
    return Reply(status=status, headers={"Location": location.encode().decode("latin-1")})


@pytest.fixture
def site() -> Iterator[Site]:
    with Site({"/": Reply(b"here"), "/to": lambda asked: redirect(asked.query["url"])}) as site:
        yield site


@pytest.fixture
async def client(site: Site) -> AsyncIterator[HttpClient]:
    async with HttpClient(["*"], private_hosts=[site.authority]) as client:
        yield client


@pytest.fixture
async def public() -> AsyncIterator[tuple[HttpClient, Routed]]:
    """A client for which every name is public, and leads here."""
    network = Routed()
    async with HttpClient(["*"], resolver=Answers([PUBLIC]), network=network) as client:
        yield client, network


async def refused(client: HttpClient, url: str, **options) -> str:
    with pytest.raises(ToolError) as caught:
        await client.get(url, **options)
    assert caught.value.status == "refused"
    message = str(caught.value)
    assert "\n" not in message
    return message


async def fails(client: HttpClient, url: str, **options) -> tuple[str, str]:
    with pytest.raises(ToolError) as caught:
        await client.get(url, **options)
    return caught.value.status, str(caught.value)


# --- addresses that are refused ---------------------------------------------------------------------------------------

HOSTS = [
    # this machine, in the forms that programs read as 127.0.0.1
    "127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0x7f.1", "0177.0.0.1", "017700000001",
    "127.0.0.1.", "127.255.255.254", "0.0.0.0", "0", "127.0.0.0x1", "%31%32%37.0.0.1", "127%2e0.0.1",
    "１２７.０.０.１", "①②⑦.⓪.⓪.①", "127。0。0。1", "localhost", "localhost.", "LocalHost", "ⅼocalhost",
    "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]",
    "[::ffff:0:127.0.0.1]", "[64:ff9b::127.0.0.1]", "[2002:7f00:1::]", "[2001:0:7f00:1::]", "[::1%25lo]", "[::1%lo]",
    "[127.0.0.1]", "[::1", "127.0.0.1]",
    # networks nearby
    "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254", "0xa9fea9fe", "2852039166",
    "169.254.43518", "[::ffff:169.254.169.254]", "[fe80::1]", "[fe80::1%25eth0]", "[fc00::1]", "[fd00:ec2::254]",
    "[fec0::1]",
    # nobody's
    "192.0.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "[ff02::1]", "[2001:db8::1]",
    # one host for who checks, another for who asks
    "example.org@127.0.0.1", "example.org:80@127.0.0.1", "127.0.0.1\\@example.org", "example.org\\@127.0.0.1",
    "example.org%00.127.0.0.1", "example.org%2f@127.0.0.1", "a@b@127.0.0.1", "127.0.0.1%20example.org",
    "127.0.0.1\t.example.org", "127.0.0.1\n.example.org",
]


@pytest.mark.parametrize("host", HOSTS)
async def test_a_host_that_is_not_public_is_refused(host: str, site: Site) -> None:
    async with HttpClient(["*"]) as client:
        await refused(client, f"http://{host}:{site.port}/")
        await refused(client, f"http://{host}/")
        await refused(client, f"https://{host}:{site.port}/")
    assert site.asked == []


@pytest.mark.parametrize("url", [
    "file:///etc/passwd", "ftp://example.org/", "gopher://127.0.0.1:70/_x", "data:text/plain,x", "javascript:alert(1)",
    "//example.org/", "example.org", "", "http:", "http://", "http:///127.0.0.1/", "http:127.0.0.1",
    "http:\\\\127.0.0.1", "http://user:password@example.org/", "http://example.org:0/", "http://example.org:99999/",
    "http://example.org:x/", "http+unix://%2fvar%2frun%2fdocker.sock/", "ws://example.org/", "http://#@127.0.0.1/", "http://?@127.0.0.1/",
])
async def test_an_address_of_another_kind_is_refused(url: str, client: HttpClient) -> None:
    await refused(client, url)


REDIRECTS = [
    "http://127.0.0.1:{other}/", "//127.0.0.1:{other}/", "http://127.1:{other}/", "http://2130706433:{other}/",
    "http://localhost:{other}/", "http://[::1]:{other}/", "http://[::ffff:127.0.0.1]:{other}/",
    "http://0.0.0.0:{other}/", "http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/",
    "http://0x7f.1:{other}/", "http://127.0.0.1:{other}@127.0.0.1:{other}/", "https://127.0.0.1:{other}/",
    "file:///etc/passwd", "gopher://127.0.0.1:{other}/", "http:///127.0.0.1:{other}/",
    "http://１２７.0.0.1:{other}/",
]


@pytest.mark.parametrize("hops", [1, 3])
@pytest.mark.parametrize("target", REDIRECTS)
async def test_a_redirect_to_what_is_not_allowed_is_refused(target: str, hops: int, site: Site,
                                                            client: HttpClient) -> None:
    with Site({"/*": Reply(b"secret")}) as other:
        url = target.format(other=other.port)
        for _ in range(hops):
            url = site.url(f"/to?url={quote(url, safe='')}")
        await refused(client, url)
        assert other.asked == []
    assert site.paths() == ["/to"] * hops


@pytest.mark.parametrize("addresses", [
    [PUBLIC, "127.0.0.1"], ["127.0.0.1", PUBLIC], ["::1"], [PUBLIC, "::ffff:127.0.0.1"], ["fe80::1%lo"],
    ["169.254.169.254"], [PUBLIC] * 9 + ["10.0.0.1"],
])
async def test_a_name_with_an_address_that_is_not_public_is_refused(addresses: list[str], site: Site) -> None:
    network = Routed()
    async with HttpClient(["*"], resolver=Answers(addresses), network=network) as client:
        message = await refused(client, site.url(host="mixed.test"))
    assert message.startswith("mixed.test is refused")
    assert f'private_hosts = ["mixed.test:{site.port}"]' in message
    assert (network.connected, site.asked) == ([], [])


async def test_a_name_is_resolved_once_and_connected_to_what_was_checked(site: Site) -> None:
    resolver, network = Answers([PUBLIC], ["127.0.0.1"]), Routed()
    async with HttpClient(["*"], resolver=resolver, network=network) as client:
        answer = await client.get(site.url(host="rebound.test"))
    assert answer.text == "here"
    assert (resolver.asked, network.connected) == (["rebound.test"], [PUBLIC])
    assert site.asked[0].headers["host"] == f"rebound.test:{site.port}"


async def test_a_name_that_is_rebound_is_refused_when_it_is_connected_to_again(site: Site) -> None:
    site.routes["/again"] = Reply(status=302, headers={"Location": "/", "Connection": "close"})
    network = Routed()
    async with HttpClient(["*"], resolver=Answers([PUBLIC], ["127.0.0.1"]), network=network) as client:
        await refused(client, site.url("/again", "rebound.test"))
    assert (network.connected, site.paths()) == ([PUBLIC], ["/again"])


async def test_a_host_that_was_not_declared_is_refused_on_the_way_too(site: Site) -> None:
    async with HttpClient(["127.0.0.1"], private_hosts=["127.0.0.1", "localhost"]) as client:
        assert "not among the hosts" in await refused(client, "https://example.org/")
        there = site.url(host="localhost")
        assert "localhost is not among" in await refused(client, site.url(f"/to?url={quote(there, safe='')}"))
    assert site.paths() == ["/to"]


async def test_a_private_host_is_allowed_by_the_port_only(site: Site, client: HttpClient) -> None:
    with Site({"/": Reply()}) as other:
        await refused(client, other.url())
        assert (await client.get(site.url())).text == "here"
    with pytest.raises(ConfigError):
        HttpClient(["*"], private_hosts=["http://127.0.0.1"])


@pytest.mark.parametrize("header", ["Host", "connection", "Transfer-Encoding", "Content-Length", "Proxy-Authorization"])
async def test_a_header_of_the_connection_cant_be_set(header: str, site: Site, client: HttpClient) -> None:
    assert header.lower() in await refused(client, site.url(), headers={header: "x"})


async def test_a_header_cant_hold_another_one(site: Site, client: HttpClient) -> None:
    status, message = await fails(client, site.url(), headers={"accept": "a\r\nHost: b"})
    assert status == "error"
    assert message.startswith("127.0.0.1 can't be asked that")
    assert site.asked == []


async def test_methods_that_open_tunnels_are_refused(site: Site, client: HttpClient) -> None:
    with pytest.raises(ToolError, match="CONNECT"):
        await client.request("CONNECT", site.url())
    assert site.asked == []


# --- redirects --------------------------------------------------------------------------------------------------------


async def test_redirects_are_followed(site: Site, client: HttpClient) -> None:
    site.routes["/three"] = Reply(b"there", headers={"X-Seen": "1"})
    site.routes["/two"] = redirect("three?a=1#part", 301)
    answer = await client.get(site.url("/to?url=/two"))
    assert (answer.status, answer.text, answer.url) == (200, "there", site.url("/three?a=1"))
    assert answer.headers["x-seen"] == "1"


async def test_a_redirect_in_circles_ends(site: Site, client: HttpClient) -> None:
    site.routes["/round"] = redirect("/round")
    assert await fails(client, site.url("/round")) == ("error", "127.0.0.1 redirects more than 5 times.")
    assert len(site.asked) == 6


async def test_an_address_in_utf8_is_followed(site: Site, client: HttpClient) -> None:
    site.routes["/caf%C3%A9"] = Reply(b"coffee")
    site.routes["/from"] = redirect("/café")
    assert (await client.get(site.url("/from"))).text == "coffee"


async def test_keys_stay_with_the_origin_they_were_meant_for(site: Site, public) -> None:
    client, _ = public
    headers = {"Authorization": "Bearer k", "Cookie": "k", "X-Api-Key": "k", "Accept": "text/html"}
    there = site.url(host="other.test")
    await client.get(site.url(f"/to?url={quote(there, safe='')}", "first.test"), headers=headers)
    first, second = site.asked
    assert {first.headers[name] for name in ("authorization", "cookie", "x-api-key")} == {"Bearer k", "k"}
    assert not {"authorization", "cookie", "x-api-key"} & {*second.headers}
    assert second.headers["accept"] == "text/html"
    await client.get(site.url("/to?url=/", "first.test"), headers=headers)
    assert site.asked[-1].headers["authorization"] == "Bearer k"


async def test_no_cookie_is_kept(site: Site, client: HttpClient) -> None:
    site.routes["/cookie"] = Reply(status=302, headers={"Location": "/", "Set-Cookie": "a=b"})
    await client.get(site.url("/cookie"))
    await client.get(site.url())
    assert [asked.headers.get("cookie") for asked in site.asked] == [None] * 3


@pytest.mark.parametrize(("status", "method", "then"), [
    (301, "POST", "GET"), (302, "POST", "GET"), (303, "PUT", "GET"), (307, "POST", "POST"), (308, "PUT", "PUT"),
    (303, "HEAD", "HEAD"), (301, "PUT", "PUT"),
])
async def test_what_a_redirect_makes_of_a_method(status: int, method: str, then: str, site: Site,
                                                 client: HttpClient) -> None:
    site.routes["/from"] = redirect("/", status)
    content = None if method == "HEAD" else b"body"
    await client.request(method, site.url("/from"), content=content)
    assert site.asked[1].method == then
    assert site.asked[1].body == (b"body" if then not in ("GET", "HEAD") else b"")


async def test_a_body_is_not_sent_on_to_another_origin(site: Site, public) -> None:
    client, _ = public
    site.routes["/from"] = redirect(site.url(host="other.test"), 307)
    with pytest.raises(ToolError) as caught:
        await client.request("POST", site.url("/from", "first.test"), json={"key": "k"})
    assert caught.value.status == "refused"
    assert str(caught.value) == "Refused: first.test wants what was sent to it sent to other.test."
    assert len(site.asked) == 1


# --- what is asked and answered ---------------------------------------------------------------------------------------


async def test_what_is_sent(site: Site, client: HttpClient) -> None:
    site.routes["/ask"] = Reply(b'{"a": [1]}', 418, {"X-Twice": "a"})
    answer = await client.request("post", site.url("/ask?x=1"), params={"q": "a b&c=é"}, headers={"X-Key": "k"},
                                  json={"text": "é\ud800"})
    asked = site.asked[0]
    assert (asked.method, asked.query) == ("POST", {"x": "1", "q": "a b&c=é"})
    assert asked.body == b'{"text": "\\u00e9\\ud800"}'
    assert (asked.headers["content-type"], asked.headers["x-key"]) == ("application/json", "k")
    assert (answer.status, answer.json()) == (418, {"a": [1]})
    assert isinstance(client, Http)


async def test_a_parameter_that_is_no_text(site: Site, client: HttpClient) -> None:
    assert (await fails(client, site.url(), params={"q": "\ud800"}))[0] == "error"


async def test_a_post_without_a_body_says_so(site: Site, client: HttpClient) -> None:
    await client.request("POST", site.url())
    assert site.asked[0].headers["content-length"] == "0"


def compressed(encoding: str, text: bytes) -> bytes:
    wbits = {"gzip": 31, "deflate": 15, "raw": -15}[encoding]
    packer = zlib.compressobj(9, wbits=wbits)
    return packer.compress(text) + packer.flush()


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "raw"])
async def test_compressed_answers(encoding: str, site: Site, client: HttpClient) -> None:
    text = b"".join(b"line %d\n" % n for n in range(50_000))
    site.routes["/packed"] = Reply(compressed(encoding, text),
                                   headers={"Content-Encoding": "deflate" if encoding == "raw" else encoding})
    assert (await client.get(site.url("/packed"))).content == text
    assert site.asked[0].headers["accept-encoding"] == "gzip, deflate"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "raw"])
async def test_a_small_answer_that_becomes_huge_is_cut_off(encoding: str, site: Site, client: HttpClient) -> None:
    packed = compressed(encoding, bytes(50_000_000))
    assert len(packed) < 500_000
    name = "deflate" if encoding == "raw" else encoding
    site.routes["/bomb"] = Reply(packed, headers={"Content-Encoding": name})
    assert await fails(client, site.url("/bomb"), max_bytes=1_000_000) == (
        "too_large", "127.0.0.1 answered with more than 1000000 bytes.")


@pytest.mark.parametrize(("body", "encoding", "said"), [
    (b"no gzip", "gzip", "decompressed"), (gzip.compress(b"text" * 99)[:-9], "gzip", "its end is missing"),
    (b"x", "br", "'br'"), (b"x", "zstd", "'zstd'"), (gzip.compress(b"x"), "gzip, gzip", "'gzip, gzip'"),
])
async def test_an_answer_that_cant_be_decompressed(body: bytes, encoding: str, said: str, site: Site,
                                                   client: HttpClient) -> None:
    site.routes["/broken"] = Reply(body, headers={"Content-Encoding": encoding})
    status, message = await fails(client, site.url("/broken"))
    assert status == "error"
    assert message.startswith("What 127.0.0.1 answered can't be decompressed: ")
    assert said in message


@pytest.mark.parametrize("told", [True, False])
async def test_a_long_answer_is_cut_off(told: bool, site: Site, client: HttpClient) -> None:
    taken: list[int] = []

    def pieces() -> Iterator[bytes]:
        for number in range(100_000):
            taken.append(number)
            yield bytes(10_000)

    site.routes["/long"] = lambda asked: Reply(b"x" * 5001 if told else pieces())
    assert (await fails(client, site.url("/long"), max_bytes=5000))[0] == "too_large"
    site.routes["/just"] = Reply(b"x" * 5000)
    assert len((await client.get(site.url("/just"), max_bytes=5000)).content) == 5000
    assert len(taken) < 100_000


@pytest.mark.parametrize("where", ["before", "within"])
async def test_a_server_that_takes_too_long(where: str, site: Site, client: HttpClient) -> None:
    done = threading.Event()

    def slow(asked: Asked) -> Reply:
        def pieces() -> Iterator[bytes]:
            yield b"first"
            done.wait()

        if where == "before":
            done.wait()
        return Reply(pieces())

    site.routes["/slow"] = slow
    said = await fails(client, site.url("/to?url=/slow"), timeout_s=0.2)
    done.set()
    assert said == ("timeout", "127.0.0.1 did not answer within 0.2 s.")


async def test_a_name_nobody_knows_and_a_port_nobody_listens_at(site: Site) -> None:
    class Nobody:
        async def resolve(self, host: str) -> list[str]:
            raise OSError(-2, "Name or service not known")

    async with HttpClient(["*"], resolver=Nobody()) as client:
        status, message = await fails(client, "http://nowhere.test/")
        assert (status, message) == ("unavailable", "nowhere.test can't be reached: its name is not resolved "
                                                    "(Name or service not known).")
    with Site({}) as closed:
        pass
    async with HttpClient(["*"], private_hosts=["127.0.0.1"]) as client:
        status, message = await fails(client, closed.url())
    assert status == "unavailable"
    assert message.startswith("127.0.0.1 can't be reached")


async def test_the_next_address_is_tried_when_one_does_not_answer(site: Site) -> None:
    class Half(Routed):
        async def connect_tcp(self, host, *args, **kwargs):
            if host != PUBLIC:
                self.connected.append(host)
                raise httpcore.ConnectError("no")
            return await super().connect_tcp(host, *args, **kwargs)

    network = Half()
    resolver = Answers(["2606:2800:220:1::1", PUBLIC])
    async with HttpClient(["*"], resolver=resolver, network=network) as client:
        assert (await client.get(site.url(host="two.test"))).text == "here"
    assert network.connected == ["2606:2800:220:1::1", PUBLIC]


@pytest.mark.parametrize("answer", [
    b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort",
    b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"",
])
async def test_a_server_that_does_not_keep_to_http(answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, HttpClient(["*"], private_hosts=["127.0.0.1"]) as client:
        port = server.sockets[0].getsockname()[1]
        status, message = await fails(client, f"http://127.0.0.1:{port}/")
    assert status in ("error", "too_large")
    assert "127.0.0.1" in message


@pytest.mark.parametrize(("body", "content_type", "text"), [
    ("naïve".encode("latin-1"), "text/plain; charset=ISO-8859-1", "naïve"),
    ("日本".encode("shift_jis"), 'text/html; charset="Shift_JIS"', "日本"),
    ("日本".encode(), "text/html", "日本"),
    ("\ufeffé".encode("utf-16-le"), "text/plain", "é"),
    ("\ufeffé".encode(), "application/json", "é"),
    ("“naïve”".encode("cp1252"), "text/html", "“naïve”"),
    ("é".encode(), "text/plain; charset=base64", "é"),
    ("é".encode(), "text/plain; charset=nonsense", "é"),
    (b"a-b", "text/plain; charset=punycode", "a-b"),
    (b"\xff\xd8\xff\xe0", "image/jpeg", ""),
    (b"a\xffb", "text/plain; charset=utf-8", "a\ufffdb"),
])
async def test_text_is_decoded_as_it_says(body: bytes, content_type: str, text: str, site: Site,
                                          client: HttpClient) -> None:
    site.routes["/text"] = Reply(body, headers={"Content-Type": content_type})
    assert (await client.get(site.url("/text"))).text == text


async def test_many_requests_at_once(site: Site, client: HttpClient) -> None:
    site.routes["/*"] = lambda asked: Reply(asked.path.encode())
    answers = await asyncio.gather(*(client.get(site.url(f"/{n}")) for n in range(60)))
    assert [answer.text for answer in answers] == [f"/{n}" for n in range(60)]


async def test_a_request_that_is_cancelled_leaves_the_client_usable(site: Site, client: HttpClient) -> None:
    begun, done = threading.Event(), threading.Event()

    def slow(asked: Asked) -> Reply:
        begun.set()
        done.wait()
        return Reply()

    site.routes["/slow"] = slow
    task = asyncio.create_task(client.get(site.url("/slow")))
    await asyncio.to_thread(begun.wait)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    done.set()
    assert (await client.get(site.url())).text == "here"
    await client.aclose()
    await client.aclose()
    assert (await client.get(site.url())).text == "here"


async def test_proxies_of_the_environment_are_not_used(site: Site, client: HttpClient, monkeypatch) -> None:
    with Site({}) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url())
        assert (await client.get(site.url())).text == "here"
        assert proxy.asked == []


# --- https ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def secure() -> Iterator[Site]:
    context = server_tls()
    context.sni_callback = lambda _, name, __: names.append(name)
    names: list[str] = []
    with Site({"/": Reply(b"safe")}, tls=context) as site:
        site.names = names  # type: ignore[attr-defined]
        yield site


def trusting() -> HttpClient:
    return HttpClient(["*"], resolver=Answers([PUBLIC]), network=Routed(),
                      ssl_context=ssl.create_default_context(cafile=str(CERTIFICATE)))


async def test_the_certificate_is_checked_for_the_name_though_the_address_is_connected_to(secure: Site) -> None:
    async with trusting() as client:
        assert (await client.get(secure.url(host="pinned.test"))).text == "safe"
        status, message = await fails(client, secure.url(host="other.test"))
    assert secure.names == ["pinned.test", "other.test"]  # type: ignore[attr-defined]
    assert status == "unavailable"
    assert "other.test" in message
    assert "certificate" in message.lower()
    assert [asked.headers["host"] for asked in secure.asked] == [f"pinned.test:{secure.port}"]


async def test_a_certificate_of_an_unknown_authority_is_refused(secure: Site) -> None:
    async with HttpClient(["*"], resolver=Answers([PUBLIC]), network=Routed()) as client:
        assert (await fails(client, secure.url(host="pinned.test")))[0] == "unavailable"
    assert secure.asked == []
