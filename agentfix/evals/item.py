"""One task of a data set."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from agentfix.errors import AgentFixError, PluginError
from agentfix.plugins.contract import described
from agentfix.protocols import Grader, Judge, Score
from agentfix.types import Task


@dataclass(frozen=True, slots=True)
class Item:
    """One task of a data set, and how its answers are graded."""

    id: str
    index: int
    """Row of the file, from 0: it fixes the seed, whatever part of the file is run."""
    task: Task
    grader: Grader
    plugin: str
    """The one that the grader comes from."""
    texts: tuple[str, ...] = field(default=(), repr=False)
    """All that the row says, for the contamination guard; no strategy is ever shown them."""

    digest: str = ""
    """Of the row: see `agentfix.rows.digest_of`."""

    @property
    def wording(self) -> tuple[str, ...]:
        """See `agentfix.evals.contamination.Guarded`."""
        asked = sorted(self.texts, key=lambda text: not self.task.question.strip().startswith(text.strip() or "?"))
        return (*asked,) if asked else (self.task.question, self.task.context)

    async def graded(self, answer: str, judge: Judge) -> Score:
        """Grade an answer.

        Raises:
            SandboxError: what grades can't be run.
            PluginError: the grader failed.
        """
        try:
            score: Any = await self.grader.score(answer, judge)
        except AgentFixError:
            raise
        except Exception as error:
            raise PluginError(self.plugin, f"grading an answer failed: {described(error)}.") from error
        if not isinstance(score, Score):
            raise PluginError(self.plugin, f"grading an answer gave {type(score).__name__}, not a Score.")
        return score
