"""Watchers that write plain text: lines for a pipe or a log, the answer alone, one JSON object."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Protocol

import click

from agentfix.cli import words
from agentfix.cli.jsonout import result_object
from agentfix.cli.objections import Objections
from agentfix.cli.tally import Tally
from agentfix.cli.visible import bounded, one_line, visible
from agentfix.types import (
    Attempt,
    Critique,
    Event,
    EventKind,
    Expand,
    Move,
    Observation,
    Result,
    Standing,
    Task,
    ToolCall,
)


class Watcher(Protocol):
    """Shows a run to somebody, event by event."""

    def show(self, event: Event) -> None: ...

    def watching(self) -> AbstractContextManager[object]:
        """Entered for as long as events come; leaves the terminal as it was."""
        ...

    def paused(self) -> AbstractContextManager[object]:
        """Entered while somebody is asked something: the terminal is theirs."""
        ...


@dataclass(frozen=True, slots=True)
class AnswerWatcher:
    """`--quiet`: the answer on standard output; a word on standard error when nothing vouches for it."""

    def show(self, event: Event) -> None:
        if event.kind == "result":
            result: Result = event.data["result"]
            if result.answer is not None and not result.declined:
                click.echo(visible(result.answer) if sys.stdout.isatty() else result.answer)
            if result.abstained:
                click.echo(f"agentfix: {words.trust(result)}", err=True)

    def watching(self) -> AbstractContextManager[object]:
        return nullcontext()

    def paused(self) -> AbstractContextManager[object]:
        return nullcontext()


@dataclass(frozen=True, slots=True)
class JsonWatcher:
    """`--json`: one object on standard output, notices on standard error."""

    quiet: bool = False

    def show(self, event: Event) -> None:
        if event.kind == "result":
            click.echo(json.dumps(result_object(event.data["result"])))
        elif event.kind == "notice" and not self.quiet:
            click.echo(f"agentfix: {one_line(event.data['message'])}", err=True)

    def watching(self) -> AbstractContextManager[object]:
        return nullcontext()

    def paused(self) -> AbstractContextManager[object]:
        return nullcontext()


@dataclass(frozen=True, slots=True)
class LineWatcher:
    """Plain lines, no escape codes; the answer is the last.

    Args:
        kind_way: by what another kind is chosen.
    """

    kind_way: str = "--kind"
    expansions: list[Expand] = field(default_factory=list[Expand])
    """Rounds so far."""
    tally: Tally = field(default_factory=Tally)
    objections: Objections = field(default_factory=Objections)

    def show(self, event: Event) -> None:
        if event.kind in ("move", "result") and (votes := self.tally.take()):
            click.echo(votes)
        if show := _SHOW.get(event.kind):
            show(self, event)

    def watching(self) -> AbstractContextManager[object]:
        return nullcontext()

    def paused(self) -> AbstractContextManager[object]:
        return nullcontext()

    def run_started(self, event: Event) -> None:
        task: Task = event.data["task"]
        click.echo(f"question: {bounded(one_line(task.question), characters=300)}")
        click.echo(one_line(f"model {event.data['model']}, strategy {event.data['strategy']}, run {event.run_id}"))

    def kind_chosen(self, event: Event) -> None:
        click.echo(words.kind(event.data["kind"], event.data["reason"], self.kind_way))

    def move(self, event: Event) -> None:
        move: Move = event.data["move"]
        if isinstance(move, Expand):
            self.expansions.append(move)

    def plan(self, event: Event) -> None:
        click.echo(words.planned(event.data["plan"]))

    def tool_call(self, event: Event) -> None:
        call: ToolCall = event.data["call"]
        click.echo(words.called(call, event.data["caller"]))
        block(words.program_of(call) or "", lines=60)

    def observation(self, event: Event) -> None:
        seen: Observation = event.data["observation"]
        click.echo(one_line(f"{seen.tool} says {seen.status}"))
        block(seen.text)

    def attempt(self, event: Event) -> None:
        attempt: Attempt = event.data["attempt"]
        click.echo(f"{words.heading(attempt)}: {words.answered(attempt)}")
        if attempt.observation is None:
            block(words.body(attempt), lines=60)

    def critique(self, event: Event) -> None:
        critique: Critique = event.data["critique"]
        standing: Standing = event.data["standing"]
        if self.tally.hears(critique) or words.says_nothing(critique):
            return
        if self.objections.knows(critique):
            click.echo(words.objects_again(critique, standing))
            return
        click.echo(words.verdict(critique))
        for item in words.shown_evidence(critique):
            click.echo(f"    {words.evidence(item)}")
            block(words.detail(item), lines=6)
        click.echo(f"    attempt {critique.attempt} is {words.judged(standing)}")

    def reflection(self, event: Event) -> None:
        click.echo(words.reflected(event.data["reflection"]))

    def notice(self, event: Event) -> None:
        click.echo(f"note: {one_line(event.data['message'])}")

    def result(self, event: Event) -> None:
        result: Result = event.data["result"]
        click.echo(words.cost(result, rounds=len(self.expansions)))
        click.echo(words.trust(result))
        click.echo(visible(words.answer(result)))


_SHOW: Mapping[EventKind, Callable[[LineWatcher, Event], None]] = {
    "run_started": LineWatcher.run_started,
    "kind_chosen": LineWatcher.kind_chosen,
    "move": LineWatcher.move,
    "plan": LineWatcher.plan,
    "reflection": LineWatcher.reflection,
    "tool_call": LineWatcher.tool_call,
    "observation": LineWatcher.observation,
    "attempt": LineWatcher.attempt,
    "critique": LineWatcher.critique,
    "notice": LineWatcher.notice,
    "result": LineWatcher.result,
}


def block(text: str, lines: int = 20, say: Callable[[str], object] = click.echo) -> None:
    """Show a text indented, bounded; nothing for an empty one."""
    for line in bounded(text, lines=lines).splitlines() if text.strip() else []:
        say(f"    {line}".rstrip())
