"""Reads what is typed, where there is no more than lines: a pipe, a file, a dumb terminal."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, field
from typing import Protocol

import click

from agentfix.cli.visible import visible
from agentfix.threads import in_thread


class Reader(Protocol):
    """Reads a question or a command."""

    async def read(self, default: str = "") -> str:
        """What is typed next; empty when it was given up.

        Args:
            default: what there is to be changed.

        Raises:
            EOFError: nothing comes any more.
        """
        ...


@dataclass
class PlainReader:
    """Reads lines. One that ends in a backslash goes on in the next.

    Args:
        asks: somebody types, and is shown where.
    """

    asks: bool
    _line: asyncio.Future[str] | None = field(default=None, init=False)
    """A line that is being waited for: a question that was given up does not end the waiting."""

    async def read(self, default: str = "") -> str:
        if default and self.asks:
            click.echo(f"{visible(default)}\nWrite it anew; an empty line leaves it.")
        lines: list[str] = []
        while True:
            if self.asks:
                click.echo("... " if lines else "> ", nl=False)
                sys.stdout.flush()
            line = await self._next()
            if not line and not lines:
                raise EOFError
            lines.append(line.rstrip("\r\n").removesuffix("\\"))
            if not line.endswith(("\\\n", "\\\r\n")):
                return "\n".join(lines) or default

    async def _next(self) -> str:
        if self._line is None:
            self._line = asyncio.ensure_future(in_thread(sys.stdin.readline))
        line = await asyncio.shield(self._line)
        self._line = None
        return line
