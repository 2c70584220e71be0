"""A task, the attempts at it, and the moves that make them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from agentfix.types.evidence import Critique, Standing
from agentfix.types.messages import FinishReason, Image, Observation, ToolCall, Usage


@dataclass(frozen=True, slots=True)
class Check:
    """A caller's own acceptance check: Python source that raises if the answer is wrong, as assertions do. Functions
    named `test_...` in it are called.

    For kind `code` it is run after the program; for other kinds it may read the variable `answer`: a number for kind
    `math`, else a text.
    """

    source: str
    name: str = "check"


@dataclass(frozen=True, slots=True)
class Turn:
    """An earlier question of a conversation, and what was answered."""

    question: str
    answer: str
    heard: bool = False
    """The answer may hold what tools or documents said: it is data, as what they say is."""
    left_out: int = 0
    """So many turns before this one are left out."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is asked."""

    question: str
    kind: str = "auto"
    checks: tuple[Check, ...] = ()
    """The caller's own checks. Passing all of them is `contract` evidence."""
    context: str = ""
    """Material that belongs to the question (a table, a document). Data, never instructions."""
    images: tuple[Image, ...] = ()
    """Shown to the actor with the question; only some models can see."""
    history: tuple[Turn, ...] = ()
    """What was asked and answered before, oldest first: shown to actors and critics before the question."""
    schema: Mapping[str, Any] | None = None
    """A JSON schema that the answer must fit, as JSON. A misfit refutes; a fit supports nothing yet."""
    validator: str = ""
    """Name of the caller's own function that checks the parsed answer; passing it is `contract` evidence. The function
    itself comes with `agentfix.Output`."""


@dataclass(frozen=True, slots=True)
class Step:
    """One turn of an actor that acts: what it wrote, the calls it made, what came back."""

    text: str
    calls: tuple[ToolCall, ...] = ()
    observations: tuple[Observation, ...] = ()
    """One for each call, in order."""
    problem: str = ""
    """Why what it wrote was neither an act nor an answer, as it was told."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a task kind reads from a completion: an answer, or a call whose result will be the answer."""

    answer: str | None = None
    program: str | None = None
    """Source code, when the completion holds any."""
    call: ToolCall | None = None
    """A tool call that must be made to obtain the answer (a program to be run)."""
    calls: tuple[ToolCall, ...] = ()
    """Of a kind that acts: what is to be done next. The actor is asked again with what came back."""
    problem: str = ""
    """Of a kind that acts: why the completion is neither an act nor an answer; the actor is told."""
    plan: tuple[str, ...] = ()
    """Of a kind that acts: what it says it will do, in short lines, for whoever watches."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One proposed answer: a node of the tree."""

    id: int
    parent: int | None
    """The attempt it revises; None when it was made from the question alone."""
    role: str
    """Which prompt made it: `actor`, or a kind's other roles such as `derivation`."""
    author: str
    """The model that wrote it."""
    text: str
    """The completion, whole."""
    answer: str | None
    """The answer read from it; None when there is none."""
    program: str | None = None
    observation: Observation | None = None
    """What running the program said, when that is how the answer is obtained."""
    finish_reason: FinishReason = "stop"
    temperature: float = 0.0
    steps: tuple[Step, ...] = ()
    """What was done on the way to the answer, by a kind that acts."""
    told: bool = False
    """Its prompt held an answer of an earlier attempt, so that it is no independent voice."""
    unfinished: bool = False
    """It is the beginning of a chain of reasoning, and was not meant to reach an answer: see `Expand.one_step`."""


@dataclass(frozen=True, slots=True)
class Reflection:
    """What the critic's model wrote when a strategy had it reflect: a lesson, a hint, a template."""

    name: str
    """What sort of text it is, in the strategy's own words."""
    attempts: tuple[int, ...]
    """Those it was shown."""
    text: str


@dataclass(frozen=True, slots=True)
class Tree:
    """All attempts of a run with what is known about them: all that a strategy may look at."""

    task: Task
    attempts: tuple[Attempt, ...] = ()
    critiques: tuple[Critique, ...] = ()
    standings: tuple[Standing, ...] = ()
    """One for each attempt, in order."""
    best: int | None = None
    """The attempt with the strongest support so far; None before there is one."""
    groups: tuple[int, ...] = ()
    """For each attempt, the id of the first attempt with the same answer (itself, when it is the first)."""
    roles: tuple[str, ...] = ()
    """The kind's ways to an answer, by role; the first is the default."""
    acts: tuple[int, ...] = ()
    """For each attempt, how many of its calls changed something outside the run."""
    reflections: tuple[Reflection, ...] = ()
    """In the order in which they were made."""
    usage: Usage = Usage()
    """What the run has spent so far."""

    def critiques_of(self, attempt: int) -> tuple[Critique, ...]:
        """What critics say of an attempt."""
        return tuple(c for c in self.critiques if c.attempt == attempt)

    def reviewed(self, attempt: int) -> bool:
        """Whether anything is said of an attempt."""
        return any(c.attempt == attempt for c in self.critiques)


@dataclass(frozen=True, slots=True)
class Expand:
    """Ask the actor for `n` attempts."""

    parent: int | None = None
    n: int = 1
    guidance: str = ""
    """What the reviser is told about the parent; without a parent, what helps with the task: lessons, hints."""
    role: str = "actor"
    temperature: float = 0.0
    keep_steps: int | None = None
    """Keep so many steps of the parent's text, as `agentfix.steps_of` counts them, and go on from there; None to write
    all of it anew. A kind that acts revises as a whole: what was done has had its effects."""
    one_step: bool = False
    """Write one more step and stop there: the attempt is `unfinished` unless that step holds the answer."""


@dataclass(frozen=True, slots=True)
class Review:
    """Ask critics about attempts."""

    attempts: tuple[int, ...]
    critics: tuple[str, ...] = ()
    """By name; empty for the kind's own."""


@dataclass(frozen=True, slots=True)
class Reflect:
    """Have the critic's model write something down for later moves. It is no evidence."""

    name: str
    """What sort of text it is: see `Reflection.name`."""
    instruction: str
    """What it is to write, in the strategy's own words."""
    attempts: tuple[int, ...] = ()
    """Those it is shown, with what is known of them."""
    max_tokens: int = 160


@dataclass(frozen=True, slots=True)
class Stop:
    """End the run. The engine returns the attempt with the strongest evidence whatever is proposed here."""

    reason: str
    attempt: int | None = None
    """Which to return of those that evidence holds equal, whatever critics score them; when None, the one that they
    score highest."""
    abstain: bool = False
    """Rather give no answer than this one: the result is `declined`, whatever supports it. When a limit, or
    anything but the strategy, ends a run, the strategy is asked a last time, with nothing left, and this alone is
    heeded."""


Move: TypeAlias = Expand | Review | Reflect | Stop
