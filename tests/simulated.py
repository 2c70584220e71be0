"""Workers of a batch that are simulated: they are slow, die, answer twice, and answer after they were given up."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agentfix.batch import Answered, Job, Lost, News, Ready
from agentfix.types import Usage


def line(job: Job, letters: int = 0) -> Mapping[str, Any]:
    """What a worker says of a job."""
    usage = {name: getattr(Usage(90, 0, 10, 1), name) for name in Usage.__slots__}
    return {"id": job.id, "error": None, "run_id": job.run, "answer": "x" * letters, "abstained": False,
            "supported_by": "agreement", "seconds": 1.0, "usage": usage}


@dataclass
class SimulatedEngine:
    """Workers in simulated time: the clock goes on when the driver has nothing left to do.

    Args:
        workers: how many.
        chance: of everything.
        places: jobs at once in each.
        mean_s: of a job; some take ten times as long.
        dying: share of the jobs under which their worker dies.
        given_up: share of these whose worker lives on, and answers later.
        twice: share of the jobs that are answered twice.
        starting_s: of a worker.
        noticing_s: until a death is known, at the most.
        letters: of each answer.
    """

    workers: int
    chance: random.Random
    places: int = 4
    mean_s: float = 10.0
    dying: float = 0.0
    given_up: float = 0.2
    twice: float = 0.0
    starting_s: float = 5.0
    noticing_s: float = 10.0
    letters: int = 0
    now_s: float = 0.0
    busy_s: float = 0.0
    """Of places, with work that came to an answer."""
    lost_s: float = 0.0
    """Of places, with work of which nothing came, or that nobody had noticed to be lost."""
    losses: int = 0
    own_s: float = 0.0
    """Real time that the simulation took for itself."""
    handed: int = 0
    jobs: dict[str, dict[str, tuple[Job, float]]] = field(default_factory=dict)
    _events: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _numbers: Any = field(default_factory=itertools.count)
    _clock: asyncio.Task[None] | None = None

    async def start(self, tell: Callable[[News], None]) -> None:
        """See `agentfix.batch.Engine`."""
        self._tell = tell
        for _ in range(self.workers):
            self._employ()
        self._clock = asyncio.create_task(self._run())

    def hand(self, worker: str, job: Job) -> None:
        """See `agentfix.batch.Engine`."""
        began = time.perf_counter()
        self.handed += 1
        if worker in self.jobs:
            self.jobs[worker][job.id] = (job, self.now_s)
            took = self.chance.expovariate(1 / self.mean_s) * (10 if self.chance.random() < 0.02 else 1)
            if self.chance.random() < self.dying:
                self._at(self.chance.uniform(0, took), lambda: self._die(worker))
            self._at(took, lambda: self._answer(worker, job))
        self.own_s += time.perf_counter() - began

    def give_up(self, worker: str, reason: str) -> None:
        """See `agentfix.batch.Engine`."""
        self.jobs.pop(worker, None)
        self._tell(Lost(worker, reason))
        self._employ()

    async def aclose(self) -> None:
        """See `agentfix.batch.Engine`."""
        if self._clock is not None:
            self._clock.cancel()

    async def _run(self) -> None:
        while True:
            while self._events:
                began = time.perf_counter()
                self.now_s, _, happen = heapq.heappop(self._events)
                happen()
                self.own_s += time.perf_counter() - began
                await asyncio.sleep(0)
            await asyncio.sleep(0)

    def _at(self, after_s: float, happen: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.now_s + after_s, next(self._numbers), happen))

    def _employ(self) -> None:
        worker = f"worker {next(self._numbers)}"

        def ready() -> None:
            self.jobs[worker] = {}
            self._tell(Ready(worker, self.places))

        self._at(self.chance.uniform(0.5, 1.5) * self.starting_s, ready)

    def _answer(self, worker: str, job: Job) -> None:
        if worker not in self.jobs or job.id not in self.jobs[worker]:
            return  # it died before
        _, began_s = self.jobs[worker].pop(job.id)
        self.busy_s += self.now_s - began_s
        said = Answered(worker, job.id, line(job, self.letters))
        self._tell(said)
        if self.chance.random() < self.twice:
            self._at(self.chance.uniform(0, self.mean_s), lambda: self._tell(said))

    def _die(self, worker: str) -> None:
        if worker not in self.jobs:
            return
        self.losses += 1
        if self.chance.random() < self.given_up:  # it can't be reached any more, and does not know
            self._tell(Lost(worker, "it was not heard of"))
            self._employ()
            return
        jobs, noticed_s = self.jobs.pop(worker), self.chance.uniform(0, self.noticing_s)
        self.lost_s += sum(self.now_s + noticed_s - began_s for _, began_s in jobs.values())

        def notice() -> None:
            self._tell(Lost(worker, "it died"))
            self._employ()

        self._at(noticed_s, notice)
