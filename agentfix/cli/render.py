"""Shows a run live on a terminal: the draft as it streams, programs in colour, revisions as diffs, the verdict.

Text from models and tools is only ever put into `Text` and `Syntax` objects, made visible: never read as markup.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.syntax import Syntax
from rich.text import Text

from agentfix.cli import words
from agentfix.cli.diff import diff_of
from agentfix.cli.objections import Objections
from agentfix.cli.tally import Tally
from agentfix.cli.visible import bounded, one_line, visible
from agentfix.types import (
    Attempt,
    Critique,
    Delta,
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

DRAFT_LINES = 12
DRAFT_CHARACTERS = 4000
_STYLE_OF = {"supported": "green", "supports": "green", "refuted": "red", "refutes": "red", "accept": "green",
             "revise": "red"}


@dataclass(slots=True)
class Draft:
    """The end of what a model is writing now; of several that write at once, the one that began first."""

    writer: tuple[str, int] | None = None
    text: str = ""
    waiting: str = ""
    """What happens before the first word."""
    thinking: bool = False
    """What is shown is reasoning."""

    def add(self, role: str, delta: Delta) -> None:
        """Take a piece. Reasoning gives way to the answer, and what a broken connection made void is gone."""
        self.writer = self.writer or (role, delta.index)
        if self.writer != (role, delta.index):
            return
        if delta.restart or delta.reasoning != self.thinking:
            self.text, self.thinking = "", delta.reasoning
        self.text = (self.text + delta.text)[-DRAFT_CHARACTERS:]

    def clear(self) -> None:
        self.writer, self.text, self.waiting, self.thinking = None, "", "", False

    def __rich__(self) -> RenderableType:
        if self.writer is None:
            return Text(self.waiting, "dim")
        tail = "\n".join(visible(self.text).splitlines()[-DRAFT_LINES:])
        doing = "thinking" if self.thinking else "writing"
        return Text.assemble((f"{doing} ({one_line(self.writer[0])})\n", "dim"), (tail, "dim"))


@dataclass(slots=True)
class _Foot:
    """What is drawn below everything while a run goes on: the draft, and a line of the caller's own."""

    draft: Draft
    line: Callable[[], str]

    def __rich__(self) -> RenderableType:
        line = Text(one_line(self.line()), "dim", no_wrap=True, overflow="ellipsis")
        return Group(self.draft, line) if self.draft.writer or self.draft.waiting else line


@dataclass(slots=True)
class TerminalWatcher:
    """Shows a run on a terminal.

    Args:
        console: the terminal.
        foot: gives a line that stays at the bottom while the run goes on.
        echo: show the question too.
        kind_way: by what another kind is chosen.
    """

    console: Console
    foot: Callable[[], str] | None = None
    echo: bool = True
    kind_way: str = "--kind"
    attempts: dict[int, Attempt] = field(default_factory=dict[int, Attempt])
    programs: set[str] = field(default_factory=set[str])
    """Those shown already."""
    expansions: list[Expand] = field(default_factory=list[Expand])
    """Rounds so far."""
    draft: Draft = field(default_factory=Draft)
    tally: Tally = field(default_factory=Tally)
    objections: Objections = field(default_factory=Objections)
    live: Live = field(init=False)

    def __post_init__(self) -> None:
        drawn = self.draft if self.foot is None else _Foot(self.draft, self.foot)
        self.live = Live(drawn, console=self.console, transient=True, refresh_per_second=10)

    @contextmanager
    def watching(self) -> Generator[None]:
        with self.live:
            yield
            self.draft.clear()

    @contextmanager
    def paused(self) -> Generator[None]:
        self.draft.clear()
        self.live.stop()
        yield
        self.live.start()

    def show(self, event: Event) -> None:
        if event.kind != "delta":
            self.draft.clear()
        if event.kind in ("move", "result") and (votes := self.tally.take()):
            self._say(votes, "magenta")
        if show := _SHOW.get(event.kind):
            show(self, event)

    def run_started(self, event: Event) -> None:
        task: Task = event.data["task"]
        if self.echo:
            self.console.print(Text(bounded(task.question), "bold"))
        self._say(f"model {event.data['model']}, strategy {event.data['strategy']}, run {event.run_id}", "dim")

    def kind_chosen(self, event: Event) -> None:
        self._say(words.kind(event.data["kind"], event.data["reason"], self.kind_way), "dim")

    def move(self, event: Event) -> None:
        move: Move = event.data["move"]
        if isinstance(move, Expand):
            self.expansions.append(move)
            self.console.print(Rule(f"round {len(self.expansions)}", style="dim", align="left"))
            first = len(self.expansions) == 1
            self.draft.waiting = "loading the model and reading the question" if first else "reading"

    def delta(self, event: Event) -> None:
        delta: Delta = event.data["delta"]
        self.draft.add(event.data["role"], replace(delta, index=event.data["attempt"]))

    def plan(self, event: Event) -> None:
        self._say(words.planned(event.data["plan"]), "bold")

    def tool_call(self, event: Event) -> None:
        call: ToolCall = event.data["call"]
        self._say(words.called(call, event.data["caller"]), "cyan")
        self._program(words.program_of(call))

    def observation(self, event: Event) -> None:
        seen: Observation = event.data["observation"]
        self._say(f"{seen.tool} says {seen.status}", "cyan" if seen.ok else "red")
        if seen.text.strip():
            self._indented(Text(bounded(seen.text)))

    def attempt(self, event: Event) -> None:
        attempt: Attempt = event.data["attempt"]
        self.attempts[attempt.id] = attempt
        self._say(f"{words.heading(attempt)}: {words.answered(attempt)}", "bold")
        parent = None if attempt.parent is None else self.attempts.get(attempt.parent)
        if attempt.steps:
            return
        if parent is not None:
            self._diff(parent, attempt)
        elif attempt.program is not None:
            self._program(attempt.program)
        else:
            self._indented(Text(bounded(attempt.text, lines=60)))

    def critique(self, event: Event) -> None:
        critique: Critique = event.data["critique"]
        standing: Standing = event.data["standing"]
        if self.tally.hears(critique) or words.says_nothing(critique):
            return
        if self.objections.knows(critique):
            self._say(words.objects_again(critique, standing), "red")
            return
        self._say(words.verdict(critique), _STYLE_OF.get(critique.verdict, "yellow"))
        for item in words.shown_evidence(critique):
            self._indented(Text(words.evidence(item), _STYLE_OF[item.polarity]))
            if words.detail(item).strip():
                self._indented(Text(bounded(item.detail, lines=6), "dim"), 8)
        self._indented(Text(f"attempt {critique.attempt} is {words.judged(standing)}",
                            _STYLE_OF.get(standing.state, "yellow")))

    def reflection(self, event: Event) -> None:
        self._say(words.reflected(event.data["reflection"]), "magenta")

    def notice(self, event: Event) -> None:
        self._say(f"note: {event.data['message']}", "yellow")

    def result(self, event: Event) -> None:
        result: Result = event.data["result"]
        answer = visible(words.answer(result))
        chosen = result.attempt
        is_program = chosen is not None and chosen.program is not None and chosen.program == result.answer
        style = "yellow" if result.abstained else "green"
        self.console.print(Panel(_python(answer) if is_program else Text(answer), title="answer", border_style=style))
        self._say(words.trust(result), style)
        self._say(words.cost(result, rounds=len(self.expansions)), "dim")

    def _say(self, line: str, style: str) -> None:
        self.console.print(Text(one_line(line), style))

    def _indented(self, content: RenderableType, columns: int = 4) -> None:
        self.console.print(Padding(content, (0, 0, 0, columns)))

    def _program(self, source: str | None) -> None:
        if source is not None and source not in self.programs:
            self.programs.add(source)
            self._indented(_python(bounded(source, lines=60, characters=6000)))

    def _diff(self, parent: Attempt, attempt: Attempt) -> None:
        diff = diff_of(parent, attempt)
        self._indented(Syntax(diff or "unchanged", "diff" if diff else "text", theme="ansi_dark",
                              background_color="default", word_wrap=True))


_SHOW: Mapping[EventKind, Callable[[TerminalWatcher, Event], None]] = {
    "run_started": TerminalWatcher.run_started,
    "kind_chosen": TerminalWatcher.kind_chosen,
    "move": TerminalWatcher.move,
    "delta": TerminalWatcher.delta,
    "plan": TerminalWatcher.plan,
    "reflection": TerminalWatcher.reflection,
    "tool_call": TerminalWatcher.tool_call,
    "observation": TerminalWatcher.observation,
    "attempt": TerminalWatcher.attempt,
    "critique": TerminalWatcher.critique,
    "notice": TerminalWatcher.notice,
    "result": TerminalWatcher.result,
}


def _python(source: str) -> Syntax:
    return Syntax(source, "python", theme="ansi_dark", background_color="default", word_wrap=True)
