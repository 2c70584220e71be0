"""Connects to addresses that were checked: a name is resolved once, and what it resolved to is what is connected to."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from typing import Protocol, cast

import httpcore

from agentfix.errors import ToolError
from agentfix.threads import in_thread
from agentfix.tools.addresses import Reach, why_not_public

MAX_TRIED = 4
"""Addresses of one name that are tried."""
TRY_S = 3.0
"""How long an address may take to answer while another one is left."""


class Resolver(Protocol):
    """Finds the addresses of a name."""

    async def resolve(self, host: str) -> Sequence[str]:
        """All addresses, best first.

        Raises:
            OSError: there are none, or nobody can be asked.
        """
        ...


class SystemResolver:
    """Asks as every program of this machine does, in a thread: a lookup can take long and can't be stopped."""

    async def resolve(self, host: str) -> Sequence[str]:
        """See `Resolver`."""
        found = await in_thread(socket.getaddrinfo, host, None, type=socket.SOCK_STREAM)
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Opens the connections of a client.

    The check is made where the connection is, so that nothing can be resolved again between the two; the name stays
    what the certificate and the `Host` header are about.

    Args:
        reach: whom the client may reach.
        resolver: finds addresses; the system's when None.
        network: connects to an address; the system's when None.
    """

    def __init__(self, reach: Reach, resolver: Resolver | None = None,
                 network: httpcore.AsyncNetworkBackend | None = None) -> None:
        self._reach = reach
        self._resolver = resolver or SystemResolver()
        self._network = network or cast("httpcore.AsyncNetworkBackend", httpcore.AnyIOBackend())

    async def connect_tcp(self, host: str, port: int, timeout: float | None = None,  # noqa: ASYNC109 - httpcore's own
                          local_address: str | None = None,
                          socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
                          ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of a host that answers.

        Raises:
            ToolError: one of its addresses is not public (status `refused`), or it has none (`unavailable`).
        """
        addresses = await self._checked(host, port)
        for address in addresses[:-1]:
            try:
                return await self._network.connect_tcp(address, port, TRY_S, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._network.connect_tcp(addresses[-1], port, timeout, local_address, socket_options)

    async def _checked(self, host: str, port: int) -> Sequence[str]:
        addresses = await self._addresses(host)
        if self._reach.may_be_private(host, port):
            return addresses[:MAX_TRIED]
        for address in addresses:
            # One bad address among good ones is how a name is rebound: none of them is used then.
            if why := why_not_public(address):
                shown = f"[{host}]" if ":" in host else host
                raise ToolError(f"{host} is refused: its address is {why}, not one of the public internet. "
                                f"The user can allow it: private_hosts = [\"{shown}:{port}\"].", status="refused")
        return addresses[:MAX_TRIED]

    async def _addresses(self, host: str) -> Sequence[str]:
        try:
            return [str(ip_address(host))]
        except ValueError:
            pass
        try:
            addresses = await self._resolver.resolve(host)
        except (OSError, UnicodeError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise ToolError(f"{host} can't be reached: its name is not resolved ({reason}).",
                            status="unavailable") from error
        if not addresses:
            raise ToolError(f"{host} can't be reached: its name has no address.", status="unavailable")
        return addresses
