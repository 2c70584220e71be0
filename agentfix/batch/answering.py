"""Answers one job through an agent, and puts what came of it into a line of the output."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol

from agentfix.batch.engine import Job
from agentfix.cli.jsonout import result_object
from agentfix.errors import FOR_ALL, AgentFixError, JournalError, RunUnderWayError
from agentfix.types import Result, Task

BETWEEN_LOOKS_S = 0.5
"""At a run that another process is at work on."""


class Runs(Protocol):
    """Answers a task under a name, as an Agent does."""

    async def arun(self, task: Task, *, run_id: str | None = None) -> Result: ...


async def line_of(runs: Runs, job: Job) -> Mapping[str, Any]:
    """Answer a job. A run that was begun before goes on; one that another process is at work on is waited for.

    Args:
        runs: an agent.
        job: to be answered.

    Returns:
        `id`, `error`, and all that `agentfix run --json` says of the result; of a task that failed, what went wrong.

    Raises:
        JournalError: what was done can't be recorded, or what was recorded can't be read.
        AgentFixError: it would go wrong for every other task too.
    """
    while True:
        try:
            result = await runs.arun(job.task, run_id=job.run)
        except RunUnderWayError:
            await asyncio.sleep(BETWEEN_LOOKS_S)
        except (*FOR_ALL, JournalError):
            raise
        except AgentFixError as error:
            return failed_line(job, str(error))
        else:
            return {"id": job.id, "error": None, **result_object(result)}


def failed_line(job: Job, error: str) -> Mapping[str, Any]:
    """The line of a job that can't be answered."""
    return {"id": job.id, "error": error, "run_id": job.run}
