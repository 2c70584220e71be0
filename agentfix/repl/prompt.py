"""Reads what is typed at a terminal that can be drawn on: several lines, history with search, completion, colours."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import Completer
from prompt_toolkit.document import Document
from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import has_focus
from prompt_toolkit.formatted_text import FormattedText, StyleAndTextTuples
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.lexers import Lexer
from prompt_toolkit.styles import Style

from agentfix.cli.visible import one_line
from agentfix.repl.warming import Warming

_STYLE = Style([("command", "ansicyan bold"), ("mention", "ansimagenta"), ("code", "ansiblue"),
                ("prompt", "ansigreen bold"), ("bottom-toolbar", "noreverse ansibrightblack")])
_PIECES = re.compile(r"(?P<mention>(?<!\S)@\S+)|(?P<code>`[^`]+`)")


class PromptReader:
    """Reads with prompt-toolkit. Enter sends; Alt-Enter, or Enter after a backslash or within ``` marks, begins a new
    line; Ctrl-O opens what was folded in the latest run.

    Args:
        history: the file of what was typed before; None to keep nothing.
        completer: offers what fits.
        foot: gives the line at the bottom.
        warming: the line is drawn anew when there is news of it.
    """

    def __init__(self, history: Path | None, completer: Completer, foot: Callable[[], str], warming: Warming) -> None:
        self._foot = foot
        self._session: PromptSession[str] = PromptSession(
            history=_history(history), completer=completer, complete_while_typing=True, complete_in_thread=True,
            lexer=_Colours(), style=_STYLE, multiline=True, key_bindings=_keys(), bottom_toolbar=self._toolbar,
            prompt_continuation=lambda width, line, wrapped: FormattedText([("class:prompt", "· ")]),
            reserve_space_for_menu=6)
        warming.changed = self._session.app.invalidate

    async def read(self, default: str = "") -> str:
        """See `agentfix.repl.reading.Reader`."""
        try:
            return await self._session.prompt_async(FormattedText([("class:prompt", "> ")]), default=default,
                                                    handle_sigint=False, set_exception_handler=False)
        except KeyboardInterrupt:
            return ""

    def _toolbar(self) -> FormattedText:
        width = self._session.app.output.get_size().columns
        line = one_line(self._foot())
        return FormattedText([("", line if len(line) <= width else f"{line[:width - 1]}…")])


def _history(path: Path | None) -> History:
    if path is None:
        return InMemoryHistory()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    except OSError:  # who can't write there is told so by the conversation's own file
        return InMemoryHistory()
    return FileHistory(str(path))


def _keys() -> KeyBindings:
    keys = KeyBindings()

    def enter(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.complete_state and buffer.complete_state.current_completion:
            buffer.complete_state = None
        elif buffer.document.text_before_cursor.endswith("\\"):
            buffer.delete_before_cursor()
            buffer.insert_text("\n")
        elif buffer.text.count("```") % 2:
            buffer.insert_text("\n")
        else:
            buffer.validate_and_handle()

    def new_line(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    def unfold(event: KeyPressEvent) -> None:
        event.current_buffer.text = "/trace calls"
        event.current_buffer.validate_and_handle()

    typing = has_focus(DEFAULT_BUFFER)  # and not searching, where Enter means another thing
    keys.add("enter", filter=typing)(enter)
    keys.add("escape", "enter", filter=typing)(new_line)
    keys.add("c-o", filter=typing)(unfold)
    return keys


class _Colours(Lexer):
    """Commands, mentions and code in colours."""

    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        lines = document.lines

        def coloured(number: int) -> StyleAndTextTuples:
            line = lines[number]
            found: StyleAndTextTuples = []
            end = 0
            if number == 0 and (command := re.match(r"/[\w-]+(?=\s|$)", line)):
                found.append(("class:command", command[0]))
                end = command.end()
            for piece in _PIECES.finditer(line, end):
                found += [("", line[end:piece.start()]), (f"class:{piece.lastgroup}", piece[0])]
                end = piece.end()
            return [*found, ("", line[end:])]

        return coloured
