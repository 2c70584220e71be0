"""Where a conversation is shown: a terminal that can draw, or plain lines for a pipe and a dumb terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import click

from agentfix.cli.visible import visible

if TYPE_CHECKING:
    from rich.console import Console

    from agentfix.cli.plain import Watcher

KIND = "/kind"
"""The command that chooses the kind of the questions."""


class Screen(Protocol):
    """Shows what happens. Whatever it is given is made visible first."""

    def say(self, text: str, style: str = "") -> None:
        """Show a text.

        Args:
            text: one line or several.
            style: as rich names it, where there are colours.
        """
        ...

    def complain(self, text: str) -> None:
        """Say what went wrong."""
        ...

    def source(self, text: str, language: str) -> None:
        """Show a source text: a diff, a program."""
        ...

    def watcher(self, foot: Callable[[], str]) -> Watcher:
        """Who shows a run; `foot` gives a line that stays at the bottom meanwhile."""
        ...

    def busy(self, line: Callable[[], str]) -> AbstractContextManager[object]:
        """Entered while something takes a while; `line` says how far it is."""
        ...


class PlainScreen:
    """Lines, without escape codes."""

    def say(self, text: str, style: str = "") -> None:
        click.echo(visible(text))

    def complain(self, text: str) -> None:
        click.echo(visible(text), err=True)

    def source(self, text: str, language: str) -> None:
        click.echo(visible(text))

    def watcher(self, foot: Callable[[], str]) -> Watcher:
        from agentfix.cli.plain import LineWatcher  # noqa: PLC0415 - the first prompt comes first

        return LineWatcher(KIND)

    def busy(self, line: Callable[[], str]) -> AbstractContextManager[object]:
        return nullcontext()


class TerminalScreen:
    """A terminal, drawn with rich."""

    @cached_property
    def _console(self) -> Console:
        from rich.console import Console  # noqa: PLC0415 - the first prompt comes first

        return Console(markup=False, highlight=False, emoji=False)

    def say(self, text: str, style: str = "") -> None:
        from rich.padding import Padding  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        shown = visible(text)
        plain = shown.lstrip(" ")  # what is indented stays so where it is broken into lines
        columns = min(len(shown) - len(plain), self._console.width // 2)  # there is room left for the text
        self._console.print(Padding(Text(plain or " ", style), (0, 0, 0, columns), expand=False))

    def complain(self, text: str) -> None:
        self.say(text, "red")

    def source(self, text: str, language: str) -> None:
        from rich.syntax import Syntax  # noqa: PLC0415

        self._console.print(Syntax(visible(text), language, theme="ansi_dark", background_color="default",
                                   word_wrap=True))

    def watcher(self, foot: Callable[[], str]) -> Watcher:
        from agentfix.cli.render import TerminalWatcher  # noqa: PLC0415

        return TerminalWatcher(self._console, foot, echo=False, kind_way=KIND)

    @contextmanager
    def busy(self, line: Callable[[], str]) -> Generator[None]:
        from rich.live import Live  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        with Live(get_renderable=lambda: Text(visible(line()), "dim"), console=self._console, transient=True):
            yield


@dataclass(frozen=True, slots=True)
class Place:
    """Where agentfix was started.

    Args:
        typed: somebody types: standard input is a terminal.
        drawn: the terminal can be drawn on.
    """

    typed: bool
    drawn: bool


def here() -> Place:
    """Where this process was started. A terminal that can move no cursor is not drawn on."""
    typed = sys.stdin.isatty()
    return Place(typed, typed and sys.stdout.isatty() and not _is_dumb())


def _is_dumb() -> bool:
    try:
        from prompt_toolkit.utils import is_dumb_terminal  # noqa: PLC0415 - an optional package

        return is_dumb_terminal()
    except ModuleNotFoundError:
        from rich.console import Console  # noqa: PLC0415 - the first prompt comes first

        return Console().is_dumb_terminal
