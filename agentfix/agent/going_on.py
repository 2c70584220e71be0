"""How a run begins that has another one before it: the same one taken up again, a copy of it, or an objection to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agentfix.agent.header import LIMITS, changed, read_header, require_no_lower
from agentfix.agent.inheriting import continuing
from agentfix.agent.opening import Opening
from agentfix.agent.parts import Parts
from agentfix.agent.remarks import keep
from agentfix.agent.replaying import calls_of
from agentfix.errors import ConfigError, InputError
from agentfix.graph.sources import Prefix
from agentfix.protocols import Journal
from agentfix.settings import Settings
from agentfix.structured import Output
from agentfix.types import Remark, Task

Begun = tuple[Task, Opening]
"""What is asked, and how the run is opened; the caller adds who is told of it."""


@dataclass(frozen=True)
class Earlier:
    """A run in a journal, and what is to be made of it.

    Args:
        run: its name.
        journal: holds it.
        settings: for what the run does not say itself.
        parts: refuse settings that name what there is not.
        output: what answers are to be parsed into.
    """

    run: str
    journal: Journal
    settings: Settings
    parts: Parts
    output: Output[Any] | None = None

    async def resumed(self, limits: Mapping[str, Any]) -> Begun:
        """The run itself, to be gone on with.

        Raises:
            JournalError: there is no such run.
            ConfigError: what changes is no limit, or one that is lower than before.
            InputError: it was begun with another output.
        """
        changed(self.settings, limits)
        if other := [name for name in limits if name not in LIMITS]:
            raise ConfigError(f"A run can't be resumed with another {other[0]!r}.",
                              "Fork it instead: agentfix run --fork RUN@STEP.")
        header, task, settings = await self._read(limits)
        require_no_lower(self.run, read_header(self.run, header, self.settings, {})[1], settings)
        require_same_output(self.run, task, self.output)
        return task, Opening(settings, goes_on=True, before=header, output=self.output)

    async def forked(self, step: int, changes: Mapping[str, Any]) -> Begun:
        """A new run that begins as it did.

        Raises:
            JournalError: there is no such run.
            InputError: it has no such step.
        """
        header, task, settings = await self._read(changes)
        calls = [call for call in await calls_of(self.run, self.journal) if call.reply is not None]
        if not isinstance(step, int) or not 0 <= step <= len(calls):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InputError(f"Run {self.run!r} has {len(calls)} steps, not {step!r}.",
                             f"See: agentfix runs show {self.run}")
        return self._posed(task), Opening(settings, sources=[Prefix(calls[:step])], before=header, output=self.output)

    async def objected(self, remark: Remark, changes: Mapping[str, Any]) -> Begun:
        """A new run that goes on from its end, with an objection, which is kept beside this one too.

        Raises:
            JournalError: there is no such run.
            InputError: it has no such attempt, or none at all; or the remark is no objection.
        """
        if remark.polarity != "refutes":
            raise InputError("Only an objection is gone on from.",
                             "Say what is wrong, or keep the approval with `remark`.")
        header, task, settings = await self._read(changes)
        before = continuing(header, await keep(self.journal, self.run, remark))
        return self._posed(task), Opening(settings, before=before, output=self.output)

    def _posed(self, task: Task) -> Task:
        return task if self.output is None else self.output.posed(task)

    async def _read(self, changes: Mapping[str, Any]) -> tuple[Mapping[str, Any], Task, Settings]:
        header = await self.journal.header(self.run)
        task, settings = read_header(self.run, header, self.settings, changes)
        self.parts.require(settings)
        return header or {}, task, settings


def require_same_output(run: str, task: Task, output: Output[Any] | None) -> None:
    """Check that an output is the one that a run was begun with.

    Raises:
        InputError: it is another one.
    """
    if output is not None and output.posed(task) != task:
        raise InputError(f"Run {run!r} was begun with another output, or none.", "Give it as the run was begun.")
