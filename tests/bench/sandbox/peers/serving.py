"""How a sandbox is driven in an environment of its own: cells come by standard input, and milliseconds go back.

A request is a JSON list of [code, expected output] in one line; the reply is the list of what each took. Before the
first, there is one with what opening took. What can't be run or prints something else ends the process with a message
on standard error.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable

REPLIES = sys.stdout
sys.stdout = sys.stderr  # whatever these libraries print is no reply


async def serve(run: Callable[[str], Awaitable[str]], began: float) -> None:
    """Answer requests until standard input ends.

    Args:
        run: runs a cell and returns what it printed.
        began: when the sandbox began to open, by `time.perf_counter`.
    """
    _reply([1000 * (time.perf_counter() - began)])
    while line := await asyncio.to_thread(sys.stdin.readline):
        taken: list[float] = []
        for code, expected in json.loads(line):
            started = time.perf_counter()
            printed = await run(code)
            taken.append(1000 * (time.perf_counter() - started))
            if printed.strip() != expected:
                raise SystemExit(f"{code!r} printed {printed[:500]!r} instead of {expected!r}")
        _reply(taken)


def _reply(data: list[float]) -> None:
    REPLIES.write(f"{json.dumps(data)}\n")
    REPLIES.flush()
