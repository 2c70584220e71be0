"""`agentfix mcp`: answers and checks for programs that speak MCP."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import click

from agentfix import Agent, ConfigError, Settings, load_settings, read_key

from .lazy import MISSING

if TYPE_CHECKING:
    from mcp.server.lowlevel import Server


@click.command("mcp", short_help="Serve `solve` and `verify` to programs that speak MCP.")
@click.option("--http", "place", metavar="HOST:PORT", help="Speak streamable HTTP there, under /mcp, instead of "
              "standard input and output. PORT alone is one of this machine, for it alone.")
@click.option("--key", "key_name", metavar="NAME", help="Name of the environment variable, or of the keyring's entry, "
              "that holds the key which clients of --http must show.")
@click.pass_context
def mcp(context: click.Context, place: str | None, key_name: str | None) -> None:
    """Serve the tools `solve` (answer a question and check the answer) and `verify` (check a given answer).

    Models, limits and everything else are read from agentfix.toml and AGENTFIX_... variables.
    """
    try:
        from .listening import listen, serve_http, serve_streams  # noqa: PLC0415 - loads an optional package
        from .serving import make_server  # noqa: PLC0415
    except ImportError as error:
        raise ConfigError(f"This {MISSING}.") from error

    settings = load_settings()
    key = _key(key_name, place)
    listener = None if place is None else listen(place, key)

    async def serve() -> None:
        agent: Any = (context.obj or _agent)(settings)
        async with agent:
            server: Server[Any] = make_server(agent)
            if listener is None:
                return await serve_streams(server)
            click.echo(f"agentfix: serving MCP at {_address(listener)}", err=True)
            return await serve_http(server, listener, key)

    asyncio.run(serve())


def _agent(settings: Settings) -> Agent:
    return Agent(settings)


def _key(name: str | None, place: str | None) -> str | None:
    if name is None:
        return None
    if place is None:
        raise ConfigError("A key is for --http: who starts a program needs none to speak to it.", "Leave out --key.")
    key = read_key(name)
    if key is None:
        raise ConfigError(f"The key {name!r} is not set.", "Set it in the environment.")
    return key


def _address(listener: socket.socket) -> str:
    from .listening import PATH  # noqa: PLC0415 - loads an optional package

    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}{PATH}"
