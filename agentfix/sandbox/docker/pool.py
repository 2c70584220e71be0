"""Boxes kept ready: started beforehand, lent to one tenant after the other, never more than so many at once.

Bound to one event loop. A tenant (a session) has its boxes to itself until it leaves; then they are removed, because
what ran in them is nobody else's business, unless the sandbox was told to share them. A box that is idle in one
tenant's hands, and holds no variables, makes room for another's when there are no more places.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field

from agentfix.errors import SandboxBusyError, SandboxError
from agentfix.sandbox.docker.box import Box
from agentfix.sandbox.docker.kinds import BoxKind

CHECK_S = 5.0
"""A box that has not been heard of for so long is asked whether it is alive before it is lent."""
KEEP_S = 30.0
"""How often idle boxes are told that we are still there."""
BUSY_S = 30.0
"""How long to wait when every place is held by variables of cells, and nothing runs that would end."""
Start = Callable[[BoxKind], Awaitable[Box]]


@dataclass(eq=False)
class _Idle:
    """A box that is not at work, and whose it is."""

    box: Box
    tenant: object | None = None
    check: asyncio.Task[None] | None = None
    """It is being asked whether it is alive: nobody gets it before it has answered."""


@dataclass(eq=False)
class Pool:
    """Boxes of one sandbox in one event loop.

    Args:
        start: starts a box.
        max_boxes: how many there may be at once, those being started or removed included.
        share: whether a box goes on to another tenant when its own leaves.
    """

    start: Start
    max_boxes: int
    share: bool = False
    _idle: list[_Idle] = field(default_factory=list[_Idle])
    _count: int = 0
    _working: int = 0
    _warming: dict[BoxKind, asyncio.Task[None]] = field(default_factory=dict[BoxKind, asyncio.Task[None]])
    _removing: dict[Box, asyncio.Task[None]] = field(default_factory=dict[Box, asyncio.Task[None]])
    _checks: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])
    _keeper: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        self._permits = asyncio.Semaphore(self.max_boxes)
        """A box at work has one, and a box that holds variables keeps it."""

    async def lend(self, kind: BoxKind, tenant: object, *, stateful: bool = False) -> Box:
        """A box for one program. Waits for a place, first come, first served.

        Args:
            kind: what it must be.
            tenant: who gets it: one of its own boxes, or one that nobody has had.
            stateful: the box that holds the tenant's cells, if there is one.

        Raises:
            SandboxBusyError: every place is held by variables of other tenants' cells.
            SandboxError: none could be started.
        """
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep_alive())
        self._drop_broken()
        if stateful and (held := await self._held(tenant)) is not None:
            self._working += 1
            return held
        await self._permit()
        try:
            box = await self._obtain(kind, tenant)
        except BaseException:
            self._permits.release()
            raise
        self._working += 1
        self.warm_up(kind)
        return box

    def take_back(self, box: Box, tenant: object) -> None:
        """The program has ended. A broken box is removed."""
        self._working -= 1
        if box.broken or not box.stateful:
            self._permits.release()
        if box.broken:
            self._discard(box)
        else:
            self._idle.append(_Idle(box, tenant))

    def warm_up(self, kind: BoxKind) -> None:
        """Start a box in the background that nobody has asked for yet, unless there is one, or no place."""
        ready = any(idle.tenant is None and idle.box.kind == kind for idle in self._idle)
        if not ready and not self._warming and self._count < self.max_boxes:
            self._count += 1
            self._warming[kind] = asyncio.create_task(self._start_warm(kind))

    async def leave(self, tenant: object) -> None:
        """The tenant needs no more boxes. Returns when those it had are gone, or free for others."""
        going: list[asyncio.Task[None]] = []
        for idle in [idle for idle in self._idle if idle.tenant is tenant]:
            if self.share and not idle.box.stateful:
                idle.tenant = None
            else:
                going.append(self._drop(idle))
        await _ended(going)

    async def aclose(self) -> None:
        """Remove every idle box, and wait for all that is being started or removed. May be called twice."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
            self._keeper = None
        await _ended(self._warming.values())
        for idle in list(self._idle):
            self._drop(idle)
        await _ended([*self._removing.values(), *self._checks])

    async def _permit(self) -> None:
        getting = asyncio.ensure_future(self._permits.acquire())
        try:
            while not (await asyncio.wait({getting}, timeout=BUSY_S))[0]:
                if not self._drop_broken() and not self._working:
                    raise SandboxBusyError(
                        f"All {self.max_boxes} boxes of the docker sandbox hold the variables of other sessions.",
                        "Close sessions that are done, or set sandbox_max_boxes higher.")
        except BaseException:
            if not getting.cancel() and not getting.cancelled():
                self._permits.release()
            raise

    async def _held(self, tenant: object) -> Box | None:
        """The box with the tenant's variables."""
        while (idle := next((each for each in self._idle if each.box.stateful and each.tenant is tenant), None)):
            if idle.check is None:
                self._idle.remove(idle)
                return idle.box
            await asyncio.wait({idle.check})
        return None

    async def _obtain(self, kind: BoxKind, tenant: object) -> Box:
        """A box for whoever has a permit. So there is a place, or an idle box that can make room."""
        while True:
            box = (self._take(lambda idle: idle.box.kind == kind and not idle.box.stateful and idle.tenant is tenant)
                   or self._take(lambda idle: idle.box.kind == kind and idle.tenant is None))
            if box is not None and await self._healthy(box):
                return box
            if box is not None:
                continue
            if kind in self._warming:
                await asyncio.wait({self._warming[kind]})
            elif self._count < self.max_boxes:
                self._count += 1
                return await self._started(kind)
            elif evictable := [idle for idle in self._idle if not idle.box.stateful]:
                await asyncio.wait({self._drop(min(evictable, key=lambda idle: idle.box.used))})
            else:
                await asyncio.wait({*self._warming.values(), *self._removing.values()},
                                   return_when=asyncio.FIRST_COMPLETED)

    def _take(self, fits: Callable[[_Idle], bool]) -> Box | None:
        """Take the idle box that fits and was used longest ago."""
        fitting = [idle for idle in self._idle if idle.check is None and fits(idle)]
        if not fitting:
            return None
        oldest = min(fitting, key=lambda idle: idle.box.used)
        self._idle.remove(oldest)
        return oldest.box

    def _drop(self, idle: _Idle) -> asyncio.Task[None]:
        """Remove an idle box, and whatever it held."""
        self._idle.remove(idle)
        if idle.box.stateful:
            self._permits.release()
        return self._discard(idle.box)

    def _drop_broken(self) -> bool:
        """Remove the idle boxes that died. Returns whether there were any."""
        broken = [idle for idle in self._idle if idle.box.broken]
        for idle in broken:
            self._drop(idle)
        return bool(broken)

    async def _started(self, kind: BoxKind) -> Box:
        try:
            return await self.start(kind)
        except BaseException:
            self._count -= 1
            raise

    async def _start_warm(self, kind: BoxKind) -> None:
        try:
            self._idle.append(_Idle(await self._started(kind)))
        except SandboxError:  # whoever asks for a box next is told
            pass
        finally:
            del self._warming[kind]

    async def _healthy(self, box: Box) -> bool:
        """Whether it is alive; else it is removed."""
        try:
            if not box.broken and time.monotonic() - box.used > CHECK_S:
                await box.ping()
        except SandboxError as error:
            box.spoil(error.message)
        except BaseException:
            self._discard(box)
            raise
        if box.broken:
            self._discard(box)
        return not box.broken

    def _discard(self, box: Box) -> asyncio.Task[None]:
        self._removing[box] = asyncio.create_task(self._remove(box))
        return self._removing[box]

    async def _remove(self, box: Box) -> None:
        try:
            await box.remove()
        except SandboxError:  # hung up, it ends by itself; one that never began is swept up later
            pass
        finally:
            self._count -= 1
            del self._removing[box]

    async def _keep_alive(self) -> None:
        """Let idle boxes know that we are still there."""
        while True:
            await asyncio.sleep(KEEP_S)
            self._drop_broken()
            for idle in self._idle:
                if idle.check is None and time.monotonic() - idle.box.used > KEEP_S / 2:
                    idle.check = asyncio.create_task(self._check(idle))
                    self._checks.add(idle.check)
                    idle.check.add_done_callback(self._checks.discard)

    async def _check(self, idle: _Idle) -> None:
        try:
            await idle.box.ping()
        except SandboxError:
            if idle in self._idle:  # else it was dropped meanwhile, and so did not answer
                self._drop(idle)
        finally:
            idle.check = None


async def _ended(tasks: Collection[asyncio.Task[None]]) -> None:
    """Wait for tasks, which go on when this is cancelled: a removal that is cut off would keep its place."""
    if tasks:
        await asyncio.wait(tasks)
