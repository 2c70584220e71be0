"""Hands out jobs to the workers of an engine until each has one answer, whatever becomes of the workers.

Knows nothing about agents, files or Ray.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

from agentfix.batch.answering import failed_line
from agentfix.batch.engine import Answered, Broken, Engine, Job, Lost, News, Noticed, Ready, Unrecorded
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
        overdue_s: how long a worker may be at work on a job before it is given up; None for ever.
    """

    def __init__(self, jobs: Iterable[Job], engine: Engine, limits: Limits, tally: Tally,
                 notice: Callable[[str], None], overdue_s: float | None = None) -> None:
        self._open = {job.id: job for job in jobs}
        """Those without an answer."""
        self._waiting = deque(self._open)
        self._alone = deque[str]()
        self._losses = dict[str, int]()
        self._in_a_row = 0
        self._engine, self._limits, self._tally, self._notice = engine, limits, tally, notice
        self._workers = dict[str, set[str]]()
        """What each is at work on."""
        self._free = dict[str, int]()
        """How many jobs more each of them can take, where it is any."""
        self._turns = deque[str]()
        """Those that can, the next one first, so that jobs go round; lost ones too."""
        self._handed = dict[tuple[str, str], float]()
        """When each worker began with each job, the oldest first."""
        self._overdue_s = overdue_s
        self._fault: BaseException | None = None
        """What is raised when the runs under way have ended."""
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
                for news in await self._all_news():
                    for line in self._heard(news):
                        self._tally.add(line)
                        self._check_limits()
                        yield line
                self._hand_out()
            if self._fault is not None:
                raise self._fault
        finally:
            await self._engine.aclose()

    async def _all_news(self) -> list[News | None]:
        """All that has come, or comes next. Workers are given up meanwhile whose jobs are overdue."""
        while self._news.empty():
            due_s = self._give_up_overdue()
            with suppress(TimeoutError):
                async with asyncio.timeout(due_s):
                    return [await self._news.get()]
        return [self._news.get_nowait() for _ in range(self._news.qsize())]

    def _give_up_overdue(self) -> float | None:
        """Returns in how many seconds the next job will be; None for never."""
        while self._overdue_s is not None and self._handed:
            (worker, job), began_s = next(iter(self._handed.items()))
            left_s = began_s + self._overdue_s - asyncio.get_running_loop().time()
            if left_s > 0:
                return left_s
            self._handed.pop((worker, job))
            if worker in self._workers:
                self._engine.give_up(worker, f"no answer to {job!r} after {self._overdue_s:.0f} s")
        return None

    def _heard(self, news: News | None) -> list[Mapping[str, Any]]:
        match news:
            case Ready(worker, places):
                self._workers[worker] = set()
                self._free[worker] = places
                self._turns.append(worker)
            case Answered(worker, job, line):
                self._done_with(worker, job)
                self._in_a_row = 0
                return [] if self._open.pop(job, None) is None else [line]
            case Lost(worker, reason):
                return self._lost(worker, reason)
            case Unrecorded(worker, job, error):
                self._done_with(worker, job)
                self._fault = self._fault or error
                self.stopped = self.stopped or "fault"
            case Broken(error):
                raise error
            case Noticed(message):
                self._notice(message)
            case None:
                pass
        return []

    def _done_with(self, worker: str, job: str) -> None:
        self._handed.pop((worker, job), None)
        if worker not in self._workers or job not in self._workers[worker]:
            return
        self._workers[worker].remove(job)
        self._free[worker] += 1
        if self._free[worker] == 1:
            self._turns.append(worker)

    def _lost(self, worker: str, reason: str) -> list[Mapping[str, Any]]:
        failed: list[Mapping[str, Any]] = []
        self._in_a_row += 1
        if self._in_a_row >= max(MOST_IN_A_ROW, 10 * len(self._workers)):
            raise AgentFixError(f"{self._in_a_row} workers died, and nothing was answered meanwhile; the last one: "
                                f"{reason}", "See whether they have the memory they need, and the same agentfix.")
        held = self._workers.pop(worker, set[str]())
        self._free.pop(worker, None)
        for job in held:
            self._handed.pop((worker, job), None)
        jobs = sorted(held & self._open.keys())
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
        while not self.stopped and self._whose_turn() and (job := self._next(self._waiting)) is not None:
            self._hand(self._turns.popleft(), job)
        while not self.stopped and self._alone:
            idle = next((w for w in self._turns if w in self._workers and not self._workers[w]), None)
            if idle is None or (job := self._next(self._alone)) is None:
                break
            self._turns.remove(idle)
            self._hand(idle, job)

    def _whose_turn(self) -> str:
        """A worker that can take a job; empty when there is none."""
        while self._turns and self._turns[0] not in self._workers:
            self._turns.popleft()
        return self._turns[0] if self._turns else ""

    def _next(self, waiting: deque[str]) -> Job | None:
        while waiting:
            if (job := self._open.get(waiting.popleft())) is not None:
                return job
        return None

    def _hand(self, worker: str, job: Job) -> None:
        self._workers[worker].add(job.id)
        self._handed[worker, job.id] = asyncio.get_running_loop().time()
        self._free[worker] -= 1
        if self._free[worker]:
            self._turns.append(worker)
        self._engine.hand(worker, job)

    def _check_limits(self) -> None:
        self.stopped = self.stopped or self._limits.used_up(self._tally.usage)
