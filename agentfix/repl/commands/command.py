"""What a slash command is, and how one is found."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from agentfix.errors import AgentFixError, PluginError, UnknownNameError
from agentfix.protocols import SlashCommand
from agentfix.repl.conversation import Conversation


def _nothing(conversation: Conversation) -> Iterable[str]:
    return ()


@dataclass(frozen=True, slots=True)
class Command:
    """A slash command.

    Args:
        name: what is typed after the slash.
        usage: what it takes, as help shows it; empty for nothing.
        help: what it does, in a line.
        run: does it; given what was typed after the name.
        complete: what can be typed there.
    """

    name: str
    usage: str
    help: str
    run: Callable[[str, Conversation], Awaitable[object]]
    complete: Callable[[Conversation], Iterable[str]] = _nothing


@dataclass
class Commands:
    """The commands by name: agentfix's own, in groups, and those of plugins."""

    groups: Sequence[tuple[str, Sequence[Command]]]
    """Each group with what it is about."""
    brought: list[Command] = field(default_factory=list[Command])
    """By plugins."""

    def __iter__(self) -> Iterator[Command]:
        for _, group in self.groups:
            yield from group
        yield from self.brought

    def find(self, name: str) -> Command | None:
        """The command of that name; agentfix's own come first."""
        return next((command for command in self if command.name == name), None)

    def take(self, conversation: Conversation) -> None:
        """Learn of the commands that plugins bring."""
        plugins = conversation.plugins
        own = {command.name for _, group in self.groups for command in group}
        self.brought = [Command(entry.name, "...", entry.description, _brought(entry.name))
                        for entry in plugins.names("slash_command") if entry.name not in own]

    async def run(self, line: str, conversation: Conversation) -> None:
        """Do what a line says that begins with a slash.

        Raises:
            UnknownNameError: there is no such command.
            AgentFixError: what the command raises.
        """
        name, _, argument = line.removeprefix("/").partition(" ")
        command = self.find(name)
        if command is None:
            self.take(conversation)
            command = self.find(name)
        if command is None:
            raise UnknownNameError("command", name, {each.name for each in self})
        await command.run(argument.strip(), conversation)


def _brought(name: str) -> Callable[[str, Conversation], Awaitable[object]]:
    async def run(argument: str, conversation: Conversation) -> None:
        plugins = conversation.plugins
        command: SlashCommand = plugins.build("slash_command", name)
        try:
            await command(argument, conversation)
        except AgentFixError:
            raise
        except Exception as error:  # a plugin's code may raise anything; it is named
            raise PluginError(plugins.find("slash_command", name).plugin, f"/{name} failed: {error!r}.",
                              "Write: async def command(argument: str, repl: agentfix.Repl) -> None") from error

    return run
