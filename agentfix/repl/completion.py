"""Completes commands, what they take, and the names of files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from agentfix.cli.visible import one_line
from agentfix.errors import AgentFixError
from agentfix.repl.commands.command import Commands
from agentfix.repl.conversation import Conversation

MOST_FILES = 50


@dataclass(frozen=True)
class LineCompleter(Completer):
    """Completes a question or a command.

    Args:
        commands: that there are.
        conversation: knows what there is to choose from.
    """

    commands: Commands
    conversation: Conversation

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """See prompt-toolkit."""
        before = document.text_before_cursor
        word = document.get_word_before_cursor(WORD=True)
        if word.startswith("@"):
            return _files(word[1:], self.conversation.folder)
        if not before.startswith("/") or "\n" in before:
            return ()
        name, space, argument = before[1:].partition(" ")
        if not space:
            return self._commands(name)
        command = self.commands.find(name)
        try:
            words = () if command is None else tuple(command.complete(self.conversation))
        except AgentFixError:  # the command itself says what is wrong
            return ()
        return _fitting(argument.rpartition(" ")[2], words)

    def _commands(self, begins: str) -> Iterator[Completion]:
        for command in self.commands:
            if command.name.startswith(begins):
                yield Completion(f"{command.name} " if command.usage else command.name, -len(begins),
                                 display=f"/{command.name}", display_meta=one_line(command.help))


def _fitting(begins: str, words: Iterable[str]) -> Iterator[Completion]:
    for word in words:
        if word.startswith(begins) and one_line(word) == word:
            yield Completion(word, -len(begins))


def _files(begins: str, folder: Path) -> Iterator[Completion]:
    """Files and folders whose path begins so."""
    quoted = begins.startswith('"')
    begins = begins.removeprefix('"')
    head, slash, tail = begins.rpartition("/")
    try:
        found = sorted((folder / Path(head + slash).expanduser()).iterdir())
    except (OSError, RuntimeError, ValueError):
        return
    fits = [path for path in found if path.name.startswith(tail) and (tail or not path.name.startswith("."))]
    for path in fits[:MOST_FILES]:
        name = f"{head}{slash}{path.name}{'/' if path.is_dir() else ''}"
        if one_line(name) != name:  # a name with what a terminal would obey is not offered
            continue
        whole = f'"{name}"' if quoted or " " in name else name
        yield Completion(whole, -len(begins) - quoted, display=name)
