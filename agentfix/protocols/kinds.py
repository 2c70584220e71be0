"""What is particular to a sort of task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from agentfix.types import (
    Attempt,
    Completion,
    Draft,
    Message,
    Observation,
    Step,
    Task,
    ToolCall,
    ToolSpec,
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A tool call that a critic or a kind wanted, with what came back."""

    call: ToolCall
    observation: Observation


@dataclass(frozen=True, slots=True)
class Prompt:
    """A rendered prompt and how it wants to be sampled."""

    messages: tuple[Message, ...]
    max_tokens: int = 512
    stop: tuple[str, ...] = ()
    tools: tuple[ToolSpec, ...] = ()
    """What the model may call by its own way of calling tools."""
    schema: Mapping[str, Any] | None = None
    """A JSON schema that the completion must satisfy."""


@runtime_checkable
class TaskKind(Protocol):
    """What is particular to a sort of task."""

    name: str
    critics: tuple[str, ...]
    """The critics that check it by default."""
    roles: tuple[str, ...]
    """The prompts it has for the actor; the first is the default, any other is an independent way to the answer."""

    def matches(self, task: Task) -> bool:
        """Whether a task of kind `auto` looks like this one."""
        ...

    def prompt(self, task: Task, role: str, parent: Attempt | None, guidance: str) -> Prompt:
        """Put the task to the actor; with a parent, ask for a revision of it."""
        ...

    def read(self, task: Task, role: str, text: str) -> Draft:
        """Read an answer, or the call that will yield it, from a completion."""
        ...

    def settle(self, task: Task, draft: Draft, observation: Observation) -> str | None:
        """Read the answer from the observation of `draft.call`."""
        ...

    def same(self, a: str, b: str) -> bool:
        """Whether two answers are the same answer."""
        ...


@runtime_checkable
class ReadingKind(TaskKind, Protocol):
    """A kind that has things looked up before its actor answers. What is looked up follows from the task: no model
    decides it."""

    def look_up(self, task: Task, role: str, known: Sequence[Asked]) -> tuple[ToolCall, ...]:
        """The calls to be made before the prompt.

        Args:
            task: what is asked.
            role: one of `roles`.
            known: what was called for this attempt so far, with what came back.

        Returns:
            Nothing when enough is known.
        """
        ...

    def open_prompt(self, task: Task, role: str, known: Sequence[Asked]) -> Prompt | None:
        """Put the task to the actor with what was looked up.

        Returns:
            None when nothing was found: then the model is not asked, and the attempt has no answer.
        """
        ...


@runtime_checkable
class OpenKind(TaskKind, Protocol):
    """A kind whose tasks have many right answers: that two attempts differ speaks against neither of them."""

    many_answers: bool
    """True; a kind that has one right answer need not say so."""


@runtime_checkable
class ActingKind(TaskKind, Protocol):
    """A kind whose actor acts before it answers: each attempt is a chain of steps.

    The engine asks for an `act`, makes the calls of its draft, and asks again with what came back, until a draft holds
    an answer or a limit is reached.
    """

    def act(self, task: Task, role: str, tools: Sequence[ToolSpec], steps: Sequence[Step], parent: Attempt | None,
            guidance: str) -> Prompt:
        """Put the task to the actor after so many steps.

        Args:
            task: what is asked.
            role: one of `roles`.
            tools: what may be called.
            steps: what was done so far in this attempt.
            parent: the attempt that is revised; its steps have had their effects.
            guidance: what the reviser is told about the parent.
        """
        ...

    def read_act(self, task: Task, role: str, tools: Sequence[ToolSpec], completion: Completion) -> Draft:
        """Read what is to be done next, or the answer, from a completion."""
        ...
