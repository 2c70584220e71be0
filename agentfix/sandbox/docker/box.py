"""A box: a container with a worker in it that runs one program after another. Async; bound to one event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from agentfix.deadline import standing_still
from agentfix.errors import SandboxFileError, SandboxLostError
from agentfix.protocols import FileInfo, HostFunction
from agentfix.sandbox.docker.answering import answer
from agentfix.sandbox.docker.container import Container
from agentfix.sandbox.docker.engine import Engine
from agentfix.sandbox.docker.frames import (
    PROTOCOL,
    Call,
    Facts,
    Failed,
    File,
    FileProblem,
    Files,
    Hello,
    Pong,
    Put,
    Received,
)
from agentfix.sandbox.docker.isolation import Isolation, read_isolation
from agentfix.sandbox.docker.kinds import BoxKind
from agentfix.sandbox.docker.link import Link
from agentfix.sandbox.docker.outcome import Run
from agentfix.sandbox.output import KILL_BYTES, one_line

START_S = 60.0
ANSWER_S = 30.0
"""How long a box may take for anything but a program."""
OVERTIME_S = 3.0
"""How much later than a program's time limit its end must be told: the box itself keeps the time."""
STOP_S = 2.0


class Box:
    """A container with a worker.

    Args:
        kind: what it is made from.
        container: that has started.
        link: to its worker.

    Attributes:
        stateful: whether it holds the variables of cells.
        used: when it last answered, on the monotonic clock.
    """

    def __init__(self, kind: BoxKind, container: Container, link: Link) -> None:
        self.kind = kind
        self.stateful = False
        self.used = time.monotonic()
        self._container = container
        self._link = link
        self._spoilt = ""
        self._owed = 0
        """How many answers are still to come that nobody waits for any more."""

    @property
    def broken(self) -> str:
        """Why nothing more can run in it; empty while it is fine."""
        return self._spoilt or self._link.ended

    def spoil(self, why: str) -> None:
        """Let nothing more run in it."""
        self._spoilt = self._spoilt or why

    @classmethod
    async def start(cls, engine: Engine, kind: BoxKind) -> Box:
        """Start a container and wait until its worker is ready.

        Raises:
            SandboxError: it did not start, or its image is another version's.
        """
        starting = asyncio.ensure_future(asyncio.to_thread(Container.start, engine, kind))
        try:
            container = await asyncio.shield(starting)
        except asyncio.CancelledError:
            starting.add_done_callback(_hang_up)
            raise
        box = cls(kind, container, await Link.over(container.socket))
        try:
            hello = await box._one(Hello, START_S)
            if hello.frame.protocol != PROTOCOL:
                raise SandboxLostError("The worker in the image is another version's.",
                                       "Make the image anew: agentfix sandbox build")
        except BaseException:
            await asyncio.shield(box.remove())
            raise
        return box

    async def run(self, code: str, run: Run, *, want: str | None, stateful: bool,
                  functions: Mapping[str, HostFunction]) -> None:
        """Run a program.

        Args:
            code: its source.
            run: keeps what happens.
            want: the variable that is asked for.
            stateful: run it as a cell.
            functions: what of the host it may call.

        Raises:
            SandboxLostError: the box died under it; `run.started` says whether the program had begun.
            BaseException: a function of the host raised it; the program was ended.
        """
        self.stateful = self.stateful or stateful
        request = {"type": "exec", "want": want, "stateful": stateful, "timeout_s": run.limits.timeout_s,
                   "most_output_bytes": KILL_BYTES, "functions": list(functions)}
        limit = asyncio.timeout(run.limits.timeout_s + OVERTIME_S)
        try:
            async with limit:
                self._link.require()
                run.begin()
                await self._link.send(request, code.encode("utf-8", "surrogatepass"))
                while not run.take(received := await self._next()):
                    if isinstance(received.frame, Call):
                        with standing_still(limit):
                            said = await answer(received.body, functions)
                        await self._link.send({"type": "answer"}, said)
            self.used = time.monotonic()
        except SandboxLostError:
            raise
        except BaseException as error:
            if isinstance(error, TimeoutError) and limit.expired():
                self.spoil("it did not keep the time")
                run.overtime()
            else:
                await asyncio.shield(self._stop(run))
                raise
        if run.spoilt:
            self.spoil("it could not be made clean again")

    async def put(self, path: str, data: bytes) -> None:
        """Write a file. Raises SandboxFileError, SandboxLostError."""
        await self._ask({"type": "put", "path": path}, Put, data)

    async def get(self, path: str) -> bytes:
        """Read a file. Raises SandboxFileError, SandboxLostError."""
        return (await self._ask({"type": "get", "path": path}, File)).body

    async def files(self) -> list[FileInfo]:
        """The files in the working folder. Raises SandboxLostError."""
        frame = (await self._ask({"type": "list"}, Files)).frame
        return [FileInfo(path, size_bytes) for path, size_bytes in sorted(frame.files)]

    async def ping(self) -> None:
        """Hear that it is alive, and let it know that we are. Raises SandboxLostError."""
        await self._ask({"type": "ping"}, Pong)
        self.used = time.monotonic()

    async def isolation(self) -> Isolation:
        """What it really has. Raises SandboxLostError."""
        return read_isolation((await self._ask({"type": "probe"}, Facts)).frame.facts, self.kind)

    async def remove(self) -> None:
        """End it and wait until it is gone. Raises SandboxError: the engine could not remove it."""
        self.spoil("it was removed")
        self._link.close()
        await asyncio.to_thread(self._container.remove)

    async def _stop(self, run: Run) -> None:
        """End the program whose caller went away, so that the box can be used again."""
        run.on_output = None  # it may be what failed
        try:
            async with asyncio.timeout(STOP_S):
                await self._link.send({"type": "stop"})
                while not run.take(await self._next()):
                    pass
        except BaseException as error:
            self.spoil("its program could not be stopped")
            if not isinstance(error, TimeoutError | SandboxLostError):
                raise

    async def _ask(self, request: Mapping[str, Any], kind: type[Any], body: bytes = b"") -> Any:
        try:
            await self._link.send(request, body)
            return await self._one(kind, ANSWER_S)
        except asyncio.CancelledError:
            self._owed += 1
            raise

    async def _one(self, kind: type[Any], within_s: float) -> Any:
        try:
            async with asyncio.timeout(within_s):
                received = await self._next()
        except TimeoutError:
            raise self._lost(f"it did not answer within {within_s:g} s") from None
        if isinstance(received.frame, FileProblem):
            raise SandboxFileError(one_line(received.frame.error, 500))
        if isinstance(received.frame, Failed):
            raise self._lost(one_line(received.frame.error, 300))
        if not isinstance(received.frame, kind):
            raise self._lost("it answered something else")
        return received

    async def _next(self) -> Received:
        """The next frame that somebody waits for."""
        try:
            while self._owed:
                await self._link.next()
                self._owed -= 1
            return await self._link.next()
        except SandboxLostError as error:
            if not self._link.ended:  # it came, and was none of ours
                self.spoil(error.message)
                raise
            raise self._lost(await asyncio.to_thread(self._last_words)) from error

    def _last_words(self) -> str:
        state = self._container.last_words()
        if state.get("OOMKilled"):
            return "its memory was used up"
        said = self._link.complaint.text() or str(state.get("Error", "")) or self._link.ended
        return one_line(said, 300)

    def _lost(self, why: str) -> SandboxLostError:
        self.spoil(why)
        return SandboxLostError(f"A box of the docker sandbox was lost: {why}.")


def _hang_up(starting: asyncio.Future[Container]) -> None:
    """Nobody waits for this container any more."""
    if not starting.cancelled() and starting.exception() is None:
        starting.result().hang_up()
