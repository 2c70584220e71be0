"""A run while it is shown, and where it stops because a person wants a word before it goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agentfix.repl.spending import Spending

if TYPE_CHECKING:
    from agentfix.cli.plain import Watcher
    from agentfix.types import Critique, Event


@dataclass
class Watched:
    """A run that is shown by the task which makes it.

    Args:
        run: its name; empty until the agent has named it.
        watcher: shows it.
        spending: adds up what it spends.
        stops: whether it stops at a critique.
    """

    run: str
    watcher: Watcher
    spending: Spending
    stops: Callable[[Critique], bool]
    stopped_at: Critique | None = None
    begun: bool = False
    _task: asyncio.Task[object] | None = field(default_factory=asyncio.current_task, init=False)

    def show(self, event: Event) -> None:
        """Show what happened."""
        self.run, self.begun = event.run_id, True
        self.spending.hear(event)
        self.watcher.show(event)
        if event.kind == "critique" and self._task is not None and self.stops(event.data["critique"]):
            self.stopped_at = event.data["critique"]
            self._task.cancel()

    def ended(self) -> None:
        """Take the cancellation as done: what comes now is no part of the run."""
        if self._task is not None:
            self._task.uncancel()
