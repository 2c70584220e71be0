"""What happens in a run, as it happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any

from agentfix.types import Event, Result


async def events_of(begin: Callable[[Callable[[Event], None]], Coroutine[Any, Any, Result]]) -> AsyncGenerator[Event]:
    """The events of a run until it ends. Closing the generator early cancels the run.

    Args:
        begin: makes the run, given who is told of its events.

    Raises:
        AgentFixError: as the run does.
    """
    queue: asyncio.Queue[Event | None] = asyncio.Queue()
    running = asyncio.create_task(begin(queue.put_nowait))
    running.add_done_callback(lambda _: queue.put_nowait(None))
    try:
        while (event := await queue.get()) is not None:
            yield event
        await running
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
