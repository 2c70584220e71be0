"""`agentfix repl`: a conversation at a terminal."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from agentfix.cli.plugins.option import plugin_option
from agentfix.cli.visible import visible
from agentfix.errors import InputError
from agentfix.repl.commands.command import Commands
from agentfix.repl.commands.table import own_commands
from agentfix.repl.conversation import Conversation
from agentfix.repl.foot import foot
from agentfix.repl.loop import Loop
from agentfix.repl.reading import Reader
from agentfix.repl.screen import Place, PlainScreen, TerminalScreen, here
from agentfix.repl.store import LATEST, Session, Sessions
from agentfix.settings import load_settings

EDITOR = "prompt_toolkit"
"""The package that edits lines; without it they are read as they come."""
SHOWN_TURNS = 3
"""Of a conversation that is gone on with."""


@click.command(short_help="Talk: ask, object, go back, compare.")
@click.option("--resume", "name", is_flag=False, flag_value=LATEST, metavar="[NAME]",
              help="Go on with an earlier conversation; the latest one when no name is given.")
@click.option("--model", help="The model that answers, as backend:name.")
@click.option("--critic-model", help="The model that criticises; the answering one unless told.")
@click.option("--strategy", help="What to do next, and when to stop.")
@click.option("--kind", help="The sort of the tasks; found out unless told.")
@click.option("--sandbox", help="Where programs run.")
@click.option("--journal", metavar="file|memory|file-or-memory|URL",
              help="Where what happens is kept; `memory` leaves nothing behind.")
@plugin_option
@click.pass_context
def repl(context: click.Context, name: str | None, named: tuple[str, ...], **arguments: Any) -> None:
    """Ask one question after the other, watch the answers being checked, object, go back, compare.

    Everything is kept as it happens: a conversation that was cut off goes on with --resume. At a terminal, `agentfix`
    alone does the same. /help lists the commands. Through a pipe each line is a question or a command; exit status 1
    says that one could not be done.
    """
    settings, folder, where = load_settings(arguments), _folder(), here()
    kept = Sessions(None if settings.journal == "memory" else settings.data_dir / "sessions")
    session = _session(kept, name, folder, where)
    try:
        for option, value in arguments.items():
            if value is not None:  # so that it is gone on with as it was begun
                session.note("given", name=option, value=value)
        screen = TerminalScreen() if where.drawn else PlainScreen()
        conversation = Conversation(named, screen, kept, session, folder, where.typed)
        failed = asyncio.run(_converse(conversation, where))
    finally:
        session.close()
    if failed and not where.typed:
        context.exit(1)


def _session(kept: Sessions, name: str | None, folder: Path, where: Place) -> Session:
    """The conversation to go on with: a new one unless one was named, or one was cut off here and is wanted."""
    if name is not None:
        return kept.open(name)
    cut = kept.cut_off(folder) if where.typed else None
    if cut is not None and click.confirm(f"The conversation {cut} was cut off. Go on with it?", default=True):
        return kept.open(cut)
    return kept.new(folder)


async def _converse(conversation: Conversation, where: Place) -> bool:
    """Returns whether anything that was asked for could not be done."""
    commands = own_commands()
    loop = Loop(conversation, commands)
    if where.drawn and find_spec(EDITOR) is not None:
        conversation.reader = _editor(conversation, commands)
    _greet(conversation, where)
    try:
        conversation.agents.warming.begin(conversation.settings)
        await loop.run()
    finally:
        await conversation.aclose()
    return loop.failed


def _editor(conversation: Conversation, commands: Commands) -> Reader:
    from agentfix.repl.completion import LineCompleter  # noqa: PLC0415 - needs an optional package
    from agentfix.repl.prompt import PromptReader  # noqa: PLC0415 - the same

    settings = conversation.settings
    typed = None if settings.journal == "memory" else settings.data_dir / "typed"
    return PromptReader(typed, LineCompleter(commands, conversation), lambda: foot(conversation),
                        conversation.agents.warming)


def _greet(conversation: Conversation, where: Place) -> None:
    if not where.typed:
        return
    session = conversation.session
    kept = f"Conversation {session.name}" if session.path is not None else "Nothing is kept"
    click.echo(f"{kept}. /help lists the commands, Ctrl-D leaves.")
    if where.drawn and find_spec(EDITOR) is None:
        click.echo("For editing, completion and history: pip install 'agentfix[repl]'")
    for turn in conversation.state.turns[-SHOWN_TURNS:]:
        click.echo(f"> {visible(turn.question)}\n{visible(turn.take.answer or '(no answer)')}")


def _folder() -> Path:
    """The current folder."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise InputError("The current folder is not there any more.", "Change into another.") from None
