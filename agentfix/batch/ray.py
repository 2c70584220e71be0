"""Answers a batch in processes that Ray keeps: on this machine, or on the nodes of a cluster.

The only importer of Ray. Each worker is an actor with one agent, made of the same settings; keys it reads from its own
environment or keyring. A worker that dies is replaced by a new actor rather than restarted: what it was at work on is
handed out by the driver, and goes on from the journal wherever that is shared.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import re
import secrets
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Coroutine, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from agentfix.agent import Agent
from agentfix.batch.answering import line_of
from agentfix.batch.engine import Answered, Broken, Job, Lost, News, Noticed, Ready, Unrecorded
from agentfix.batch.placing import require_node, why_unplaced
from agentfix.errors import AgentFixError, ConfigError, JournalError, UsageError
from agentfix.settings import LOCAL, WITH_SECRETS, Settings, set_unless_set, split_model

CLOSING_S = 10.0
"""How long workers may take to close their sandboxes and journals."""
PLACING_S = 10.0
"""How long workers may take to be there before it is looked why, and between looks."""
SAID_AGAIN_S = 60.0
_CALLS_BESIDE = 2
"""That a worker hears while it is full: to be closed, for one."""
_STORE_BYTES = 80_000_000
"""Of memory for objects; results are smaller than what Ray puts there."""
_UNREACHED = "See whether it runs: ray status. A cluster that asks for a token needs RAY_AUTH_MODE=token here too."
_FOLDER = "agentfix-ray-"
_FIELD = re.compile(r"[a-z_]+: ")
"""How lines begin in which Ray names the actor that died."""
_GUESSES = re.compile("There are some potential root causes|Some common causes include")
"""How Ray begins to list what a death may have come from."""
_REASON_CHARACTERS = 300


@dataclass(frozen=True)
class _Fault:
    """What would go wrong for every task: an error in a form that any error can be sent in."""

    message: str
    hint: str
    sort: type[AgentFixError]

    def error(self) -> AgentFixError:
        return self.sort(self.message, self.hint)


class BatchWorker:
    """Runs in a process of its own: one agent, many runs at once.

    Args:
        settings: as JSON, without those that nobody chose: they are each machine's own.
    """

    def __init__(self, settings: str) -> None:
        self._settings = settings
        self._agent: Agent | None = None
        self._under_way = set[asyncio.Task[Any]]()

    async def begin(self) -> _Fault | None:
        """Make the agent."""
        try:
            self._agent = Agent(Settings.model_validate_json(self._settings))
        except AgentFixError as error:
            return _fault(error)
        return None

    async def answer(self, job: Job) -> Mapping[str, Any] | _Fault:
        """The line of a job."""
        assert self._agent is not None, "a job came before the agent was made"
        answering = asyncio.ensure_future(line_of(self._agent, job))
        self._under_way.add(answering)
        try:
            return await answering
        except AgentFixError as error:
            return _fault(error)
        finally:
            self._under_way.discard(answering)

    async def close(self) -> None:
        """Leave no sandbox behind, and the journal in order."""
        for answering in self._under_way:
            answering.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        if self._agent is not None:
            await self._agent.aclose()


class RayEngine:
    """Workers on one machine or many. Implements `agentfix.batch.Engine`.

    Args:
        settings: that the tasks are answered with.
        workers: how many; one for each core when not given, and one for each node with a local model, which every
            worker loads for itself.
        concurrency: runs at once in each; by the model when not given.
        address: of a cluster; `auto` for the one that runs on this machine. Without it Ray is started here, and ended
            with the batch. Inside a program that is connected to Ray already, that one is used.
    """

    def __init__(self, settings: Settings, *, workers: int | None = None, concurrency: int | None = None,
                 address: str = "") -> None:
        self._settings = settings
        self._wanted = workers
        self._places = concurrency or settings.runs_at_once
        self._address = address
        self._folder: Path | None = None
        self._connected = False
        self._numbers = itertools.count(1)
        self._actors = dict[str, Any]()
        self._unplaced = dict[str, float]()
        """Those that have not begun, the oldest first, and since when."""
        self._under_way = set[asyncio.Task[None]]()
        self._tell: Callable[[News], None]

    async def start(self, tell: Callable[[News], None]) -> None:
        """See `agentfix.batch.Engine`."""
        self._tell = tell
        if not ray.is_initialized():
            self._connect()
        for _ in range(self._workers()):
            self._employ()
        self._do(self._watch())

    def hand(self, worker: str, job: Job) -> None:
        """See `agentfix.batch.Engine`."""
        if worker in self._actors:  # if not, its loss was told already
            self._do(self._answered(worker, job))

    def give_up(self, worker: str, reason: str) -> None:
        """See `agentfix.batch.Engine`."""
        self._lost(worker, reason)

    async def aclose(self) -> None:
        """See `agentfix.batch.Engine`."""
        actors, self._actors = self._actors, {}
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        closings = [_future(actor.close.remote()) for name, actor in actors.items() if name not in self._unplaced]
        if closings:
            await asyncio.wait(closings, timeout=CLOSING_S)
        for actor in actors.values():
            with suppress(RayError):
                ray.kill(actor)
        if self._connected:
            self._connected = False
            ray.shutdown()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _connect(self) -> None:
        set_unless_set("RAY_USAGE_STATS_ENABLED", "0")
        options: dict[str, Any] = {"address": self._address or "local", "log_to_driver": False,
                                   "logging_level": logging.ERROR}
        if not self._address:
            _sweep()
            self._folder = _new_folder()
            set_unless_set("RAY_AUTH_TOKEN", secrets.token_hex(32))  # Ray's own would stay in the home folder
            cores = None if self._wanted is None and self._per_core else self._wanted or 1
            options |= {"num_cpus": cores, "include_dashboard": False, "object_store_memory": _STORE_BYTES,
                        "_temp_dir": str(self._folder / "r")}  # which Ray opens to everybody, below one that is not
        try:
            with _own_signals():
                ray.init(**options)
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            where = f"Ray can't be reached at {self._address!r}" if self._address else "Ray can't be started"
            raise ConfigError(f"{where}: {_first_line(error)}",
                              _UNREACHED if self._address else "") from error
        self._connected = True

    @property
    def _per_core(self) -> bool:
        return split_model(self._settings.model)[0] != LOCAL

    def _workers(self) -> int:
        if self._wanted is not None:
            return self._wanted
        if not self._per_core:
            cluster: Any = ray
            return max(1, sum(node["Alive"] for node in cluster.nodes()))
        return max(1, int(ray.cluster_resources().get("CPU", 1)))

    def _employ(self) -> None:
        name = f"worker {next(self._numbers)}"
        kind: Any = ray.remote(BatchWorker)
        self._actors[name] = kind.options(
            num_cpus=1, max_restarts=0, max_concurrency=self._places + _CALLS_BESIDE, scheduling_strategy="SPREAD",
        ).remote(self._settings.model_dump_json(exclude_unset=True, context={WITH_SECRETS: True}))
        self._unplaced[name] = asyncio.get_running_loop().time()
        self._do(self._began(name))

    async def _watch(self) -> None:
        """Tell why workers are not there."""
        cluster: Any = ray
        loop, own, said_s = asyncio.get_running_loop(), ray.get_runtime_context().get_node_id(), -SAID_AGAIN_S
        while True:
            await asyncio.sleep(PLACING_S)
            if loop.time() - next(iter(self._unplaced.values()), loop.time()) < PLACING_S:
                continue
            nodes: list[dict[str, Any]] = await asyncio.to_thread(cluster.nodes)
            require_node(nodes, own)
            if self._folder is not None or len(self._unplaced) < len(self._actors):
                continue  # Ray was started with the cores that are wanted; or some are there
            why = why_unplaced(nodes, (await asyncio.to_thread(ray.available_resources)).get("CPU", 0.0))
            if why and loop.time() - said_s >= SAID_AGAIN_S:
                said_s = loop.time()
                self._tell(Noticed(why))

    async def _began(self, worker: str) -> None:
        async def begin() -> News:
            fault = await _future(self._actors[worker].begin.remote())
            self._unplaced.pop(worker, None)
            return Ready(worker, self._places) if fault is None else Broken(fault.error())

        await self._heard(worker, begin())

    async def _answered(self, worker: str, job: Job) -> None:
        async def answer() -> News:
            said = await _future(self._actors[worker].answer.remote(job))
            if not isinstance(said, _Fault):
                return Answered(worker, job.id, said)
            return Unrecorded(worker, job.id, said.error()) if said.sort is JournalError else Broken(said.error())

        await self._heard(worker, answer())

    async def _heard(self, worker: str, saying: Coroutine[Any, Any, News]) -> None:
        try:
            self._tell(await saying)
        except RayTaskError:
            raise  # a fault in the program
        except RayError as error:
            self._lost(worker, _reason(error))

    def _lost(self, worker: str, reason: str) -> None:
        actor = self._actors.pop(worker, None)
        self._unplaced.pop(worker, None)
        if actor is None:  # told by another of its jobs
            return
        with suppress(RayError):
            ray.kill(actor)  # one that only can't be reached does not go on beside its successor
        self._tell(Lost(worker, reason))
        self._employ()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            self._tell(Broken(fault))


def _fault(error: AgentFixError) -> _Fault:
    sort = next((sort for sort in (UsageError, JournalError) if isinstance(error, sort)), AgentFixError)
    return _Fault(error.message, error.hint, sort)


def _future(reference: Any) -> asyncio.Future[Any]:
    """What a call returns. Should nobody wait any more when the actor dies, nothing is printed of it."""
    future = asyncio.wrap_future(reference.future())
    future.add_done_callback(lambda done: done.cancelled() or done.exception())
    return future


@contextmanager
def _own_signals() -> Generator[None]:
    """Keep what is done at signals, which Ray would have end the program."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def _first_line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def _reason(error: BaseException) -> str:
    """What Ray knows of why a worker died, in a line."""
    lines = [line.strip() for line in _GUESSES.split(str(error))[0].splitlines()]
    told = " ".join(line for line in lines if line and not _FIELD.match(line))
    return shorten(told, _REASON_CHARACTERS, placeholder=" ...") or type(error).__name__


def _new_folder() -> Path:
    """For what Ray writes. Its sockets are in there, whose paths have to be short."""
    parent = "/tmp" if Path("/tmp").is_dir() else None
    return Path(tempfile.mkdtemp(prefix=f"{_FOLDER}{os.getpid()}-", dir=parent))


def _sweep() -> None:
    """Remove what drivers left that were killed."""
    for folder in Path("/tmp").glob(f"{_FOLDER}*-*"):
        owner = folder.name.removeprefix(_FOLDER).partition("-")[0]
        if owner.isdecimal() and not _lives(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
