"""All commands of agentfix itself, and the one that lists them."""

from __future__ import annotations

from agentfix.repl.commands import choosing, going_back, keeping, looking, person
from agentfix.repl.commands.command import Command, Commands
from agentfix.repl.conversation import Conversation

WAYS = ("Alt-Enter begins a new line; @file adds a file or a picture; Ctrl-R searches what was typed before; Ctrl-C "
        "stops a run; Ctrl-D leaves.")


def own_commands() -> Commands:
    """Agentfix's own commands, with `/help` for all that there are."""
    commands = Commands(())

    async def show_help(argument: str, conversation: Conversation) -> None:
        commands.take(conversation)
        brought = (("brought by plugins", commands.brought),) if commands.brought else ()
        for about, group in (*commands.groups, *brought):
            wanted = [each for each in group if argument.removeprefix("/") in ("", each.name)]
            if wanted:
                conversation.say(about, "bold")
            for command in wanted:
                conversation.say(f"  {f'/{command.name} {command.usage}':28} {command.help}")
        conversation.say(WAYS, "dim")

    commands.groups = (
        ("how answers come about", choosing.COMMANDS),
        ("what was answered", going_back.COMMANDS),
        ("your own judgement", person.COMMANDS),
        ("look something up", looking.COMMANDS),
        ("keep it", keeping.COMMANDS),
        ("this list", (Command("help", "[COMMAND]", "List the commands.", show_help,
                               lambda conversation: [each.name for each in commands]),)),
    )
    return commands
