"""The docker sandbox: full CPython in hardened containers that are kept ready. See container.py for what is covered."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from weakref import WeakKeyDictionary

from agentfix.errors import SandboxError, SandboxFileError, SandboxLostError, SandboxUnavailableError
from agentfix.protocols import ExecResult, FileInfo, HostFunction, Limits, OnOutput
from agentfix.sandbox.dialect import MOST_READ_CHARACTERS, features_used
from agentfix.sandbox.docker.box import Box
from agentfix.sandbox.docker.engine import ENGINE_ERRORS, Engine, image_reference, unreachable
from agentfix.sandbox.docker.isolation import Isolation
from agentfix.sandbox.docker.kinds import BoxKind
from agentfix.sandbox.docker.outcome import Run
from agentfix.sandbox.docker.pool import Pool
from agentfix.sandbox.inputs import check_input, list_inputs, read_input

NAME = "docker"
PREIMPORTS = ("numpy", "sympy")


class DockerSandbox:
    """Runs programs in containers.

    Args:
        image: made by `agentfix sandbox build`.
        preimports: modules that are imported beforehand in the boxes of programs that import one of them.
        max_boxes: how many containers there may be at once; by the number of processors when not given.
        share: let a container serve one session after another. Each program still begins from a clean state, but in a
            process tree that has run programs of others.
        runtime: the engine's container runtime, such as `runsc` (gVisor); its default when empty.

    Raises:
        ConfigError: that is no image reference.
    """

    name = NAME

    def __init__(self, image: str, *, preimports: tuple[str, ...] = PREIMPORTS, max_boxes: int | None = None,
                 share: bool = False, runtime: str = "") -> None:
        self._image = image_reference(image)
        self.preimports = preimports
        self.runtime = runtime
        self._max_boxes = max_boxes or 2 * (os.cpu_count() or 1) + 1
        self._share = share
        self._engine: Engine | None = None
        self._pools: WeakKeyDictionary[asyncio.AbstractEventLoop, Pool] = WeakKeyDictionary()
        self._isolation: dict[BoxKind, Isolation] = {}

    async def open(self) -> DockerSession:
        """Connect to the engine, look for the image, and begin to start a box.

        Raises:
            SandboxUnavailableError: there is no engine, no permission, no image or only one from other files.
        """
        image = await asyncio.to_thread(self._ready)
        return DockerSession(self, self._pool(), image)

    async def isolation(self, limits: Limits = Limits()) -> Isolation:
        """What a box of this sandbox really has, from one that is started to tell, whether it is enough or not.

        Raises:
            SandboxError: none could be started.
        """
        image = await asyncio.to_thread(self._ready)
        kind = BoxKind.of(image, limits, (), self.runtime)
        assert self._engine is not None
        box = await Box.start(self._engine, kind)
        try:
            return await box.isolation()
        finally:
            await box.remove()

    async def engine_facts(self) -> dict[str, str]:
        """What the engine says of itself: version, runtime, whether it runs as root.

        Raises:
            SandboxUnavailableError: it can't be reached.
        """
        await asyncio.to_thread(self._ready)
        assert self._engine is not None
        return await asyncio.to_thread(self._engine.facts, self.runtime)

    async def aclose(self) -> None:
        """Remove the boxes of this event loop, and close the connection. May be called twice."""
        pool = self._pools.pop(asyncio.get_running_loop(), None)
        if pool is not None:
            await pool.aclose()
        engine, self._engine = self._engine, None
        if engine is not None:
            await asyncio.to_thread(engine.close)

    def _ready(self) -> str:
        if self._engine is None:
            engine = Engine()
            try:
                engine.sweep()
            except ENGINE_ERRORS as error:
                engine.close()
                raise unreachable(error) from error
            self._engine = engine
        return self._engine.require_image(self._image)

    def _pool(self) -> Pool:
        return self._pools.setdefault(
            asyncio.get_running_loop(), Pool(self._start, self._max_boxes, share=self._share))

    async def _start(self, kind: BoxKind) -> Box:
        if self._engine is None:
            raise SandboxUnavailableError("The docker sandbox was closed.", "Open it again.")
        box = await Box.start(self._engine, kind)
        try:
            if kind not in self._isolation:
                self._isolation[kind] = await box.isolation()
            self._isolation[kind].require()
        except BaseException:
            await asyncio.shield(box.remove())
            raise
        return box


class DockerSession:
    """Programs of one run. Fresh ones may run side by side; cells run one after another.

    Args:
        sandbox: whose it is.
        pool: where its boxes come from.
        image: the id of the image.
    """

    def __init__(self, sandbox: DockerSandbox, pool: Pool, image: str) -> None:
        self._sandbox = sandbox
        self._pool = pool
        self._image = image
        self._inputs: dict[str, bytes] = {}
        self._given: WeakKeyDictionary[Box, dict[str, bytes]] = WeakKeyDictionary()
        """What each box has of the inputs."""
        self._has_cells = False
        self._turn = asyncio.Lock()
        self._closed = False
        pool.warm_up(self._kind(Limits(), ()))

    async def exec(self, code: str, limits: Limits = Limits(), *, want: str | None = None, stateful: bool = False,
                   on_output: OnOutput | None = None,
                   functions: Mapping[str, HostFunction] = MappingProxyType({})) -> ExecResult:
        """Run a Python program; see `agentfix.Session`. A program that had not begun when its box died is run again."""
        self._require_open()
        run = Run(limits, on_output)
        if not stateful:
            return await self._run(code, run, want, functions, stateful=False)
        async with self._turn:
            self._has_cells = True
            return await self._run(code, run, want, functions, stateful=True)

    async def put(self, path: str, data: bytes) -> None:
        """Write a file for this session's programs and cells; see `agentfix.Session`."""
        self._require_open()
        check_input(path, data, self._inputs)
        self._inputs[path] = data
        if self._has_cells:
            try:
                async with self._cell_box():
                    pass
            except SandboxFileError:
                del self._inputs[path]
                raise

    async def get(self, path: str) -> bytes:
        """Read a file: as the cells left it, or as it was put."""
        self._require_open()
        if self._has_cells:
            async with self._cell_box() as box:
                return await box.get(path)
        return read_input(path, self._inputs)

    async def files(self) -> list[FileInfo]:
        """The files that `get` can read, by path."""
        self._require_open()
        if self._has_cells:
            async with self._cell_box() as box:
                return await box.files()
        return list_inputs(self._inputs)

    async def aclose(self) -> None:
        """Remove the session's boxes. May be called twice."""
        self._closed = True
        await self._pool.leave(self)

    async def _run(self, code: str, run: Run, want: str | None, functions: Mapping[str, HostFunction], *,
                   stateful: bool) -> ExecResult:
        for last in (False, True):
            box = await self._lend(code, run.limits, stateful=stateful)
            try:
                await self._give_inputs(box)
                await box.run(code, run, want=want, stateful=stateful, functions=functions)
                return run.result(NAME)
            except SandboxLostError:
                if run.started is not None or last:  # what had begun is not run again: nobody knows what it did
                    raise
            finally:
                self._give_back(box)
        raise AssertionError("unreachable")

    @asynccontextmanager
    async def _cell_box(self) -> AsyncGenerator[Box]:
        async with self._turn:
            box = await self._lend("", Limits(), stateful=True)
            try:
                await self._give_inputs(box)
                yield box
            finally:
                self._give_back(box)

    async def _lend(self, code: str, limits: Limits, *, stateful: bool) -> Box:
        preimports = self._sandbox.preimports if _imports_any(code, self._sandbox.preimports) else ()
        return await self._pool.lend(self._kind(limits, preimports), self, stateful=stateful)

    def _give_back(self, box: Box) -> None:
        if self._closed:
            box.spoil("its session was closed")
        self._pool.take_back(box, self)

    def _kind(self, limits: Limits, preimports: tuple[str, ...]) -> BoxKind:
        return BoxKind.of(self._image, limits, preimports, self._sandbox.runtime)

    async def _give_inputs(self, box: Box) -> None:
        """A box is given what it lacks of the files that were put."""
        has = self._given.setdefault(box, {})
        for path, data in list(self._inputs.items()):
            if has.get(path) is not data:
                await box.put(path, data)
                has[path] = data

    def _require_open(self) -> None:
        if self._closed:
            raise SandboxError("This session of the docker sandbox is closed.", "Open another one.")


def _imports_any(code: str, modules: tuple[str, ...]) -> bool:
    named = {f"module {name!r}" for name in modules if name in code}
    return bool(named) and (len(code) > MOST_READ_CHARACTERS or bool(named & features_used(code)))
