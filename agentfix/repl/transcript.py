"""A conversation as Markdown: each question with its answer and the evidence. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from agentfix.cli import words
from agentfix.cli.visible import one_line, visible
from agentfix.repl.state import State, Turn

if TYPE_CHECKING:
    from agentfix.journal import RunStory


def transcript(name: str, state: State, stories: Mapping[str, RunStory]) -> str:
    """A conversation as Markdown. What models and tools said stands between marks that it can't close.

    Args:
        name: of the conversation.
        state: what it has come to.
        stories: its runs that ended, by name.
    """
    lines = [f"# Conversation {name}", ""]
    for number, turn in enumerate(state.turns, 1):
        lines += [f"## {number}", "", *_fenced(turn.question), ""]
        lines += [*_told(turn, stories.get(turn.take.run)), ""]
    return "\n".join(lines)


def _told(turn: Turn, story: RunStory | None) -> Iterator[str]:
    result = None if story is None else story.summary.result
    if result is None or story is None:
        yield f"No answer: the run {turn.take.run} {'failed' if turn.take.state == 'failed' else 'was cut off'}."
        return
    yield from _fenced(words.answer(result))
    yield ""
    yield f"{_plain(words.trust(result))}."
    yield ""
    for critique in result.critiques:
        if critique.attempt == result.best:
            yield from (f"- {_plain(critique.critic)}: {_plain(words.evidence(item))}" for item in critique.evidence)
    settings = story.summary.settings
    yield ""
    yield _plain(f"Run {result.run_id}, model {settings.get('model')}, strategy {settings.get('strategy')}.")


def _fenced(text: str) -> tuple[str, str, str]:
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return fence, visible(text), fence


def _plain(text: str) -> str:
    """A line that Markdown takes for nothing but words."""
    return re.sub(r"([\\`*_\[\]<>#|])", r"\\\1", one_line(text))
