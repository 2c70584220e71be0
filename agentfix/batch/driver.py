"""Hands out jobs to the workers of an engine until each has one answer, whatever becomes of the workers.

Knows nothing about agents, files or Ray.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from typing import Any

from agentfix.batch.answering import failed_line
from agentfix.batch.engine import Answered, Broken, Engine, Job, Lost, News, Ready
from agentfix.batch.tally import Limits, Tally
from agentfix.errors import AgentFixError

ALONE_FROM = 2
"""A job under which so many workers died waits for the end, and has a worker for itself: it may be what kills them."""
MOST_LOSSES = 8
"""Of workers under one job. Then it has failed."""
MOST_IN_A_ROW = 20
"""Workers that die while nothing is answered, at the least, before the batch is given up."""


class Driver:
    """One batch under way.

    Args:
        jobs: to be answered.
        engine: answers them; it is started and closed here.
        limits: of the whole batch.
        tally: what earlier starts came to; each line is added.
        notice: told of workers that are lost.
    """

    def __init__(self, jobs: Iterable[Job], engine: Engine, limits: Limits, tally: Tally,
                 notice: Callable[[str], None]) -> None:
        self._open = {job.id: job for job in jobs}
        """Those without an answer."""
        self._waiting = deque(self._open)
        self._alone = deque[str]()
        self._losses = dict[str, int]()
        self._in_a_row = 0
        self._engine, self._limits, self._tally, self._notice = engine, limits, tally, notice
        self._workers = dict[str, set[str]]()
        """What each is at work on."""
        self._places = deque[str]()
        """Of workers that can take one job more, once for each job; of lost ones too."""
        self._news: asyncio.Queue[News | None] = asyncio.Queue()
        self.stopped = ""
        """Why no task is handed out any more, in a word; empty while they are."""

    @property
    def under_way(self) -> int:
        """Jobs that workers are at work on."""
        return sum(map(len, self._workers.values()))

    @property
    def workers(self) -> int:
        """Those that live."""
        return len(self._workers)

    def stop(self, why: str) -> None:
        """Hand out nothing more. Called in the driver's event loop."""
        self.stopped = self.stopped or why
        self._news.put_nowait(None)

    async def run(self) -> AsyncGenerator[Mapping[str, Any]]:
        """Answer everything.

        Yields:
            The line of each job, once, as it is finished.

        Raises:
            AgentFixError: what went wrong would for every task, or workers die as soon as they are there.
        """
        try:
            self._check_limits()
            if self._open and not self.stopped:
                await self._engine.start(self._news.put_nowait)
            while self._open and (not self.stopped or self.under_way):
                for line in self._heard(await self._news.get()):
                    self._tally.add(line)
                    self._check_limits()
                    yield line
                self._hand_out()
        finally:
            await self._engine.aclose()

    def _heard(self, news: News | None) -> list[Mapping[str, Any]]:
        match news:
            case Ready(worker, places):
                self._workers[worker] = set()
                self._places.extend([worker] * places)
            case Answered(worker, job, line):
                if worker in self._workers and job in self._workers[worker]:
                    self._workers[worker].remove(job)
                    self._places.append(worker)
                self._in_a_row = 0
                return [] if self._open.pop(job, None) is None else [line]
            case Lost(worker, reason):
                return self._lost(worker, reason)
            case Broken(error):
                raise error
            case None:
                pass
        return []

    def _lost(self, worker: str, reason: str) -> list[Mapping[str, Any]]:
        failed: list[Mapping[str, Any]] = []
        self._in_a_row += 1
        if self._in_a_row >= max(MOST_IN_A_ROW, 10 * len(self._workers)):
            raise AgentFixError(f"{self._in_a_row} workers died, and nothing was answered meanwhile; the last one: "
                                f"{reason}", "See whether they have the memory they need, and the same agentfix.")
        jobs = sorted(self._workers.pop(worker, set()) & self._open.keys())
        self._notice(f"{worker} was lost with {len(jobs)} runs, which go on elsewhere: {reason}")
        for job in jobs:
            losses = self._losses[job] = self._losses.get(job, 0) + 1
            if losses >= MOST_LOSSES:
                failed.append(failed_line(self._open.pop(job), f"{losses} workers died under it; the last one: "
                                          f"{reason}"))
            else:
                (self._waiting if losses < ALONE_FROM else self._alone).append(job)
        return failed

    def _hand_out(self) -> None:
        while not self.stopped and (worker := self._free()):
            if (job := self._next(self._waiting)) is None:
                break
            self._places.popleft()
            self._hand(worker, job)
        while not self.stopped and self._alone:
            idle = next((w for w in self._places if w in self._workers and not self._workers[w]), None)
            if idle is None or (job := self._next(self._alone)) is None:
                break
            self._places.remove(idle)
            self._hand(idle, job)

    def _free(self) -> str:
        """A worker with a free place; empty when there is none."""
        while self._places and self._places[0] not in self._workers:
            self._places.popleft()
        return self._places[0] if self._places else ""

    def _next(self, waiting: deque[str]) -> Job | None:
        while waiting:
            if (job := self._open.get(waiting.popleft())) is not None:
                return job
        return None

    def _hand(self, worker: str, job: Job) -> None:
        self._workers[worker].add(job.id)
        self._engine.hand(worker, job)

    def _check_limits(self) -> None:
        self.stopped = self.stopped or self._limits.used_up(self._tally.usage)
