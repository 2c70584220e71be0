"""Whom a tool's requests may reach: the hosts it declared, at addresses of the public internet.

Knows nothing about HTTP. Names and addresses are compared in one form only: lower case, no final dot, addresses as
`ipaddress` writes them. Forms that programs read in different ways (`127.1`, `0x7f.0.0.1`, zone ids) are no hosts here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from agentfix.errors import ConfigError

# https://www.iana.org/assignments/iana-ipv4-special-registry and .../iana-ipv6-special-registry. Kept here because
# `is_global` of Python 3.11.7 calls some of these public.
_IPV4 = tuple((IPv4Network(network), kind) for network, kind in (
    ("0.0.0.0/8", "unspecified"), ("10.0.0.0/8", "private"), ("100.64.0.0/10", "shared"), ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link-local"), ("172.16.0.0/12", "private"), ("192.0.0.0/24", "reserved"),
    ("192.0.2.0/24", "reserved"), ("192.88.99.0/24", "reserved"), ("192.168.0.0/16", "private"),
    ("198.18.0.0/15", "reserved"), ("198.51.100.0/24", "reserved"), ("203.0.113.0/24", "reserved"),
    ("224.0.0.0/4", "multicast"), ("240.0.0.0/4", "reserved"),
))
_IPV6 = tuple((IPv6Network(network), kind) for network, kind in (
    ("::1/128", "loopback"), ("::/128", "unspecified"), ("fe80::/10", "link-local"), ("fc00::/7", "private"),
    ("ff00::/8", "multicast"), ("2001::/23", "reserved"), ("2001:db8::/32", "reserved"), ("2002::/16", "reserved"),
    ("3fff::/20", "reserved"),
))
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_CARRIES_IPV4 = (IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96"))
"""Mapped addresses, and those by which IPv6-only networks reach IPv4 (NAT64): as public as the address inside."""
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_MAX_NAME = 253


def canonical_host(text: str) -> str:
    """A host in the one form that is compared: a name, or an address without brackets.

    Args:
        text: ASCII; other alphabets as IDNA writes them.

    Raises:
        ValueError: it is no name of a host, nor an address as `ipaddress` reads it.
    """
    host = text.lower().removesuffix(".")
    if ":" in host:
        if "%" in host:
            raise AddressValueError("zone ids mean interfaces of this machine")
        return str(IPv6Address(host))
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):  # what https://url.spec.whatwg.org/#ends-in-a-number-checker calls an address
        return str(IPv4Address(host))
    if len(host) > _MAX_NAME or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError("it is not the name of a host")
    return host


def why_not_public(address: str) -> str:
    """A word for what keeps an address from being one of the public internet, such as `private`; empty if it is one.

    Raises:
        ValueError: it is no address.
    """
    parsed = ip_address(address)
    if isinstance(parsed, IPv4Address):
        return next((kind for network, kind in _IPV4 if parsed in network), "")
    if parsed.scope_id is not None:
        return "link-local"
    if any(parsed in network for network in _CARRIES_IPV4):
        return why_not_public(str(IPv4Address(int(parsed) & 0xFFFFFFFF)))
    kind = next((kind for network, kind in _IPV6 if parsed in network), "")
    return kind or ("" if parsed in _GLOBAL_UNICAST else "reserved")


@dataclass(frozen=True, slots=True)
class Reach:
    """The hosts a client may reach."""

    patterns: tuple[str, ...]
    """As in `ToolSpec.hosts`, in canonical form."""
    private: frozenset[tuple[str, int | None]]
    """Hosts whose addresses need not be public, each with its port or None for any."""

    @classmethod
    def of(cls, hosts: Iterable[str], private_hosts: Iterable[str]) -> Reach:
        """Read what a tool declared and what the user allows.

        Args:
            hosts: names or addresses; `*.example.org` for the names below one, `*` for any.
            private_hosts: names or addresses, with `:port` where only that one is meant.

        Raises:
            ConfigError: one of them can't be read.
        """
        return cls(tuple(_pattern(host) for host in hosts), frozenset(_with_port(host) for host in private_hosts))

    def declared(self, host: str) -> bool:
        """Whether the tool said that it talks to this host."""
        return any(host == pattern or pattern == "*" or (pattern[0] == "*" and host.endswith(pattern[1:]))
                   for pattern in self.patterns)

    def may_be_private(self, host: str, port: int) -> bool:
        """Whether the user allows this host at any address."""
        return (host, port) in self.private or (host, None) in self.private


def _pattern(text: str) -> str:
    if text == "*":
        return text
    below = text.removeprefix("*.")
    try:
        return text[:len(text) - len(below)] + canonical_host(_unbracketed(below))
    except ValueError as error:
        raise ConfigError(f"{text!r} is not a host that a tool can declare: {error}.",
                          "Write `api.example.org`, `*.example.org` or `*`.") from error


def _with_port(text: str) -> tuple[str, int | None]:
    host, colon, port = text.rpartition(":")
    try:
        if colon and not (":" in host and not host.endswith("]")):
            if not 0 < int(port) < 65536:
                raise ValueError(f"there is no port {port}")
            return canonical_host(_unbracketed(host)), int(port)
        return canonical_host(_unbracketed(text)), None
    except ValueError as error:
        raise ConfigError(f"{text!r} in private_hosts is not a host: {error}.",
                          "Write `intranet.example`, `127.0.0.1:8080` or `[::1]:8080`.") from error


def _unbracketed(host: str) -> str:
    return host[1:-1] if host.startswith("[") and host.endswith("]") and ":" in host else host
