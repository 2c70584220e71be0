"""What a slash command of a conversation is, and what it may do."""

from __future__ import annotations

from typing import Protocol

from agentfix.types import Result


class Repl(Protocol):
    """A conversation in which a slash command was typed."""

    @property
    def result(self) -> Result | None:
        """Of the latest run that ended; None before there is one."""
        ...

    def say(self, text: str, style: str = "") -> None:
        """Show a text. Control characters in it are made visible.

        Args:
            text: one line or several.
            style: as rich names it, such as `bold` or `green`, where there are colours.
        """
        ...

    async def ask(self, question: str) -> Result | None:
        """Ask something as if it had been typed, and show what comes of it.

        Returns:
            The result; None when the run was stopped or failed.

        Raises:
            AgentFixError: it can't be asked.
        """
        ...


class SlashCommand(Protocol):
    """A command of a conversation, such as an async function."""

    async def __call__(self, argument: str, repl: Repl) -> None:
        """Do it. Ctrl-C cancels it.

        Args:
            argument: what was typed after the name, without spaces around it.
            repl: the conversation.

        Raises:
            AgentFixError: said to the user; anything else is said too, with the plugin's name.
        """
        ...
