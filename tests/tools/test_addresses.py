from __future__ import annotations

import pytest

from agentfix import ConfigError
from agentfix.tools.addresses import Reach, canonical_host, why_not_public


@pytest.mark.parametrize(("address", "why"), [
    ("93.184.216.34", ""), ("172.32.0.1", ""), ("100.128.0.1", ""), ("2606:2800:220:1::1", ""), ("2a00:1450::8", ""),
    ("64:ff9b::5db8:d822", ""), ("::ffff:93.184.216.34", ""),
    ("10.255.0.1", "private"), ("172.31.255.255", "private"), ("192.168.0.1", "private"), ("100.127.255.255", "shared"),
    ("127.9.9.9", "loopback"), ("169.254.169.254", "link-local"), ("0.1.2.3", "unspecified"), ("192.0.0.8", "reserved"),
    ("198.19.0.1", "reserved"), ("192.88.99.1", "reserved"), ("239.255.255.250", "multicast"),
    ("255.255.255.255", "reserved"), ("::", "unspecified"), ("::1", "loopback"), ("::127.0.0.1", "reserved"),
    ("::ffff:10.0.0.1", "private"), ("::ffff:0:10.0.0.1", "reserved"), ("64:ff9b::a9fe:a9fe", "link-local"),
    ("64:ff9b:1::1", "reserved"), ("fe80::1%eth0", "link-local"), ("fec0::1", "reserved"), ("fd00::1", "private"),
    ("ff02::1", "multicast"), ("2002:7f00:1::", "reserved"), ("2001:0:4136:e378::", "reserved"),
    ("2001:db8::1", "reserved"), ("3fff::1", "reserved"), ("100::1", "reserved"), ("5f00::1", "reserved"),
])
def test_what_keeps_an_address_from_being_public(address: str, why: str) -> None:
    assert why_not_public(address) == why


@pytest.mark.parametrize(("text", "host"), [
    ("Example.ORG.", "example.org"), ("xn--bcher-kva.example", "xn--bcher-kva.example"), ("_a.b", "_a.b"),
    ("127.0.0.1.", "127.0.0.1"), ("0:0:0:0:0:0:0:1", "::1"),
])
def test_one_form_of_a_host(text: str, host: str) -> None:
    assert canonical_host(text) == host


@pytest.mark.parametrize("text", ["", ".", "a..b", "127.1", "0x7f.0.0.1", "1.2.3.0x4", "017700000001", "0177.0.0.1",
                                  "1.2.3.4.5", "fe80::1%eth0", "a b", "a%2eb", "-a.org", "a/b", "ab.9", "a" * 64,
                                  "é.org"])
def test_what_is_no_host(text: str) -> None:
    with pytest.raises(ValueError):
        canonical_host(text)


def test_hosts_as_they_are_declared() -> None:
    reach = Reach.of(["api.example.org", "*.Wiki.example", "[::1]"], [])
    assert [host for host in ("api.example.org", "example.org", "x.api.example.org", "de.wiki.example", "wiki.example",
                              "a.b.wiki.example", "evilwiki.example", "::1") if reach.declared(host)] == [
        "api.example.org", "de.wiki.example", "a.b.wiki.example", "::1"]
    assert Reach.of(["*"], []).declared("anything.at.all")
    assert not Reach.of([], []).declared("example.org")


def test_private_hosts_with_and_without_a_port() -> None:
    reach = Reach.of(["*"], ["127.0.0.1:8080", "intranet.example", "::1", "[fd00::1]:81"])
    asked = [("127.0.0.1", 8080), ("127.0.0.1", 80), ("intranet.example", 80), ("intranet.example", 443), ("::1", 5),
             ("fd00::1", 81), ("fd00::1", 80), ("x.intranet.example", 80)]
    assert [reach.may_be_private(*host) for host in asked] == [True, False, True, True, True, True, False, False]


@pytest.mark.parametrize("entry", ["http://127.0.0.1/", "127.1", "10.0.0.0/8", "*", "a:99999", "a:b", "a:", ""])
def test_a_private_host_that_cant_be_read_is_said_beforehand(entry: str) -> None:
    with pytest.raises(ConfigError, match=r"private_hosts.*Write"):
        Reach.of([], [entry])


@pytest.mark.parametrize("entry", ["*.", "https://a.org", "a.*", "**", ""])
def test_a_declared_host_that_cant_be_read_is_said_beforehand(entry: str) -> None:
    with pytest.raises(ConfigError, match="can declare"):
        Reach.of([entry], [])
