"""A batch as a program uses it: tasks, what they are answered with, and the file of results."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any, Self

from agentfix.batch.driver import Driver
from agentfix.batch.engine import Engine
from agentfix.batch.output import OutputFile
from agentfix.batch.tally import Limits, Tally
from agentfix.batch.tasks import BatchTask, Naming
from agentfix.settings import Settings

ENDING_S = 60.0
"""How long a run may take to end when its time is up."""


class Batch:
    """Answers many tasks, each once, however often it is started and whatever is killed meanwhile.

    A task that an earlier start left in the middle goes on from the journal: no call that ended is made again. One that
    failed is tried again.

    Args:
        tasks: with ids that differ.
        settings: that they are answered with.
        output: a file to which results are added, and whose results need not be made again.
        limits: of the whole batch.

    Use it as a context manager: the file is this process's own until then.

    Raises:
        InputError: two tasks have one id; or the file can't be used, or holds results that were made otherwise.
    """

    def __init__(self, tasks: Collection[BatchTask], settings: Settings, *, output: Path | None = None,
                 limits: Limits = Limits()) -> None:
        naming = Naming(settings)
        jobs = naming.jobs(tasks)
        self.settings = settings
        self.tasks = len(jobs)
        """How many there are."""
        self._file = None if output is None else OutputFile(output, naming.batch, jobs)
        done = set[str]() if self._file is None else self._file.done
        self.tally = Tally() if self._file is None else self._file.tally
        """What has come of it so far, by this start and earlier ones."""
        self._left = [job for job in jobs if job.id not in done]
        self._limits = limits
        self._driver: Driver | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: object) -> None:
        self.close()

    @property
    def left(self) -> int:
        """Tasks without a result."""
        return self.tasks - self.tally.done

    @property
    def stopped(self) -> str:
        """Why tasks are left: `tokens` or `cost` for a limit, or what `stop` was told; empty when none is, or none
        need be."""
        return "" if self._driver is None or not self.left else self._driver.stopped

    @property
    def workers(self) -> int:
        """That are at work."""
        return 0 if self._driver is None else self._driver.workers

    @property
    def under_way(self) -> int:
        """Runs."""
        return 0 if self._driver is None else self._driver.under_way

    async def run(self, engine: Engine,
                  notice: Callable[[str], None] = lambda message: None) -> AsyncGenerator[Mapping[str, Any]]:
        """Answer what is left.

        Args:
            engine: where; it is closed afterwards.
            notice: told of workers that are lost.

        Yields:
            A line for each task, when it is in the file: `id`, `error`, and all that `agentfix run --json` says of a
            result; of a task that failed `id`, `run_id` and `error`. As they are finished, whatever the order.

        Raises:
            AgentFixError: what went wrong would for every task; or the file can't be written.
        """
        self._driver = Driver(self._left, engine, self._limits, self.tally, notice,
                              _overdue_s(self.settings))
        async with aclosing(self._driver.run()) as lines:
            async for line in lines:
                if self._file is not None:
                    self._file.append(line)
                yield line

    def stop(self, why: str = "stopped") -> None:
        """Hand out no more tasks; `run` ends when those under way have. Called in its event loop."""
        if self._driver is not None:
            self._driver.stop(why)

    def close(self) -> None:
        """Let other processes use the file. May be called twice."""
        if self._file is not None:
            self._file.close()


def _overdue_s(settings: Settings) -> float | None:
    """How long a worker may be at work on a task before it is taken for stuck: as long as a task may take, after
    another process that may be at work on the same run, and what ending takes. None for ever."""
    return None if settings.max_seconds is None else 2 * settings.max_seconds + ENDING_S
