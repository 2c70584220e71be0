"""A kind of task whose answers are plain texts: stands where a test needs any kind."""

from __future__ import annotations

from agentfix.protocols import Prompt
from agentfix.types import Attempt, Draft, Message, Observation, Task


class PlainKind:
    """A `TaskKind`: the question is the prompt, and the completion is the answer."""

    name = "plain"
    critics: tuple[str, ...] = ()
    roles: tuple[str, ...] = ("answer",)

    def matches(self, task: Task) -> bool:
        """Never: it must be named."""
        return False

    def prompt(self, task: Task, role: str, parent: Attempt | None, guidance: str) -> Prompt:
        """See `agentfix.TaskKind`."""
        return Prompt((Message("user", f"{task.question}\n{guidance}".strip()),))

    def read(self, task: Task, role: str, text: str) -> Draft:
        """See `agentfix.TaskKind`."""
        return Draft(text.strip() or None)

    def settle(self, task: Task, draft: Draft, observation: Observation) -> str | None:
        """See `agentfix.TaskKind`."""
        return observation.text if observation.ok else None

    def same(self, a: str, b: str) -> bool:
        """See `agentfix.TaskKind`."""
        return a.split() == b.split()
