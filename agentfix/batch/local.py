"""Answers a batch in this process: one agent, many runs at once."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any

from agentfix.agent import Agent
from agentfix.batch.answering import Runs, line_of
from agentfix.batch.engine import Answered, Broken, Job, Lost, News, Ready, Unrecorded
from agentfix.errors import JournalError
from agentfix.settings import Settings

_NAME = "this process"


class LocalEngine:
    """One worker: this process. Implements `agentfix.batch.Engine`.

    Args:
        settings: that the tasks are answered with.
        concurrency: runs at once; by the model when not given.
        make_agent: stands in for `Agent`.
    """

    def __init__(self, settings: Settings, *, concurrency: int | None = None,
                 make_agent: Callable[[Settings], AbstractAsyncContextManager[Runs]] = Agent) -> None:
        self._settings = settings
        self._places = concurrency or settings.runs_at_once
        self._make_agent = make_agent
        self._stack = AsyncExitStack()
        self._numbers = itertools.count(2)
        self._under_way = set[asyncio.Task[None]]()
        self._runs: Runs
        self._tell: Callable[[News], None]

    async def start(self, tell: Callable[[News], None]) -> None:
        """See `agentfix.batch.Engine`."""
        self._tell = tell
        self._runs = await self._stack.enter_async_context(self._make_agent(self._settings))
        tell(Ready(_NAME, self._places))

    def hand(self, worker: str, job: Job) -> None:
        """See `agentfix.batch.Engine`."""
        task = asyncio.create_task(self._answer(worker, job))
        self._under_way.add(task)
        task.add_done_callback(self._ended)

    def give_up(self, worker: str, reason: str) -> None:
        """See `agentfix.batch.Engine`. Its runs are cancelled, and go on under its next name."""
        for task in self._under_way:
            task.cancel()
        self._tell(Lost(worker, reason))
        self._tell(Ready(f"{_NAME} ({next(self._numbers)})", self._places))

    async def aclose(self) -> None:
        """See `agentfix.batch.Engine`."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await self._stack.aclose()

    async def _answer(self, worker: str, job: Job) -> None:
        try:
            self._tell(Answered(worker, job.id, await line_of(self._runs, job)))
        except JournalError as error:
            self._tell(Unrecorded(worker, job.id, error))

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            self._tell(Broken(fault))
