"""Agent: settings in, a Result or a stream of Events out. The one place that wires parts together."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from dataclasses import asdict, replace
from types import TracebackType
from typing import Any, TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal

from agentfix import evidence
from agentfix.errors import AgentFixError, InputError, JournalError
from agentfix.graph import build
from agentfix.graph.calls import Calls
from agentfix.graph.context import RunContext
from agentfix.graph.meter import Meter
from agentfix.journal import SqliteJournal
from agentfix.plugins import Plugins
from agentfix.protocols import Critic, Journal, Model, Sandbox, Session, Strategy, TaskKind, Tool
from agentfix.settings import Settings, load_settings
from agentfix.types import Event, EventKind, Result, Task, Usage

T = TypeVar("T")


class Agent:
    """Answers tasks, checks the answers, and returns them with their evidence.

    Parts are made when they are first needed and kept until the agent is closed; many runs may go on at once.

    Args:
        settings: read from agentfix.toml and the environment when not given.
        plugins: found among the installed packages when not given.
        journal: the file in the data folder when not given.
        reuse: take the reply to an equal model or tool request from any earlier run; for evaluations, where all
            strategies shall start from the same first attempt.

    Use it as an async context manager, or as a plain one together with `run`.

    Raises:
        UnknownNameError: the settings name a part that there is not.
    """

    def __init__(self, settings: Settings | None = None, plugins: Plugins | None = None, *,
                 journal: Journal | None = None, reuse: bool = False) -> None:
        self.settings = settings or load_settings()
        self.plugins = plugins or Plugins(self.settings)
        self._journal = journal
        self._reuse = reuse
        self._models: dict[str, Model] = {}
        self._machine = build.build()
        self._portal: BlockingPortal | None = None
        self._portal_stack: Any = None
        self._require_parts()

    # --- running -----------------------------------------------------------------------------------------------------

    def run(self, task: Task | str) -> Result:
        """Answer a task and wait for it: for scripts and notebooks; works inside a running event loop too.

        Raises:
            AgentFixError: nothing could be attempted.
        """
        return self._call(self.arun, task)

    async def arun(self, task: Task | str, *, strategy: str | None = None, seed: int | None = None,
                   run_id: str | None = None, on_event: Callable[[Event], None] | None = None) -> Result:
        """Answer a task.

        Args:
            task: a question is enough.
            strategy: instead of the settings' own.
            seed: instead of the settings' own.
            run_id: names the run in the journal; made up when not given.
            on_event: called in this event loop with everything that happens.

        Returns:
            The best attempt with its evidence. A budget that runs out, or a model that fails after an attempt was
            made, still gives a result that says so.

        Raises:
            AgentFixError: nothing could be attempted.
        """
        task = Task(task) if isinstance(task, str) else task
        if not task.question.strip():
            raise InputError("The question is empty.", "Say what is to be answered.")
        run_id = run_id or f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"
        settings = self.settings.model_copy(update={
            "strategy": strategy or self.settings.strategy, "seed": self.settings.seed if seed is None else seed})
        async with AsyncExitStack() as stack:
            return await self._run(task, run_id, settings, on_event, stack)

    async def stream(self, task: Task | str, *, run_id: str | None = None) -> AsyncGenerator[Event]:
        """Answer a task and yield everything that happens; the last event is `result`.

        Closing the generator early cancels the run.

        Raises:
            AgentFixError: as `arun` does.
        """
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        running = asyncio.create_task(self.arun(task, run_id=run_id, on_event=queue.put_nowait))
        running.add_done_callback(lambda _: queue.put_nowait(None))
        try:
            while (event := await queue.get()) is not None:
                yield event
            await running
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def _run(self, task: Task, run_id: str, settings: Settings, on_event: Callable[[Event], None] | None,
                   stack: AsyncExitStack) -> Result:
        meter = Meter(settings.budget, time.monotonic)

        def emit(kind: EventKind, data: Mapping[str, Any]) -> None:
            event = Event(kind, run_id, meter.seconds, data)
            if on_event is not None:
                on_event(event)
            for problem in self.plugins.on_event(event):
                emit("notice", {"message": problem})

        def spent(place: str, usage: Usage) -> None:
            if usage.model_calls:
                emit("model_call", {"usage": usage, "caller": place})

        calls = Calls(run_id, await self._open_journal(), meter, self._reuse,
                      lambda message: emit("notice", {"message": message}), spent)
        for problem in self.plugins.problems():
            emit("notice", {"message": problem.problem})
        emit("run_started", {"task": task, "strategy": settings.strategy, "model": settings.model})
        kind = self._choose_kind(task, emit)
        task = replace(task, kind=kind.name)
        sandbox: Sandbox = self.plugins.build("sandbox", self.settings.sandbox)
        session = await sandbox.open()
        stack.push_async_callback(_leave, session, settings.sandbox, calls.notice)
        critics: dict[str, Critic] = {}

        def critic(name: str) -> Critic:
            if name not in critics:
                critics[name] = self.plugins.build("critic", name)
            return critics[name]

        reviewers = _reviewers(kind, settings)
        for name in reviewers:
            critic(name)
        context = RunContext(
            task, kind, self._model(settings.model), self._model(settings.critic_model or settings.model),
            self._strategy(settings.strategy), critic, reviewers, self._tools(), session,
            calls, emit, settings.seed, settings.tool_timeout_s,
        )
        await calls.journal.begin_run(run_id, {"task": asdict(task), "settings": settings.model_dump(mode="json")})
        return await self._finish(context, meter)

    async def _finish(self, context: RunContext, meter: Meter) -> Result:
        """Run the machine; whatever was attempted before something failed is still returned."""
        try:
            stop = await build.execute(self._machine, context)
        except AgentFixError as error:
            if not context.attempts:
                raise
            stop = f"failed: {error}"
            context.emit("notice", {"message": str(error)})
        result = self._result(context, meter, stop)
        try:
            await context.calls.journal.append(context.calls.run_id, "result", {
                "answer": result.answer, "best": result.best, "stop_reason": stop, "abstained": result.abstained,
                "usage": asdict(result.usage), "seconds": result.seconds})
        except JournalError as error:
            context.emit("notice", {"message": str(error)})
        context.emit("result", {"result": result})
        return result

    def _result(self, context: RunContext, meter: Meter, stop: str) -> Result:
        standings = context.standings()
        best = evidence.best(standings)
        chosen = None if best is None else standings[best]
        supported = chosen.kind if chosen is not None and chosen.state == "supported" else None
        reason = "nothing was attempted" if chosen is None else chosen.reason
        return Result(
            run_id=context.calls.run_id,
            answer=None if best is None else context.attempts[best].answer,
            supported_by=supported,
            abstained=supported is None or supported < self.settings.required_class,
            stop_reason=stop, reason=reason, best=best, kind=context.kind.name,
            attempts=tuple(context.attempts), critiques=context.critiques(), standings=standings,
            usage=meter.usage, seconds=meter.seconds,
        )

    def _require_parts(self) -> None:
        """A misspelt name is said at once, not after a model was fetched and loaded."""
        settings = self.settings
        for model in (settings.model, settings.critic_model or settings.model):
            self.plugins.find("model", _backend(model)[0])
        self.plugins.find("strategy", settings.strategy.partition(":")[0])
        self.plugins.find("sandbox", settings.sandbox)
        if settings.kind != "auto":
            self.plugins.find("kind", settings.kind)
        for critic in settings.critics:
            self.plugins.find("critic", critic)

    # --- parts -------------------------------------------------------------------------------------------------------

    def _choose_kind(self, task: Task, emit: Callable[[EventKind, Mapping[str, Any]], None]) -> TaskKind:
        wanted = task.kind if task.kind != "auto" else self.settings.kind
        if wanted != "auto":
            return self.plugins.build("kind", wanted)
        kinds: list[TaskKind] = [self.plugins.build("kind", entry.name) for entry in self.plugins.names("kind")
                                 if entry.name != "text"]
        chosen = next((kind for kind in kinds if kind.matches(task)), None) or self.plugins.build("kind", "text")
        emit("kind_chosen", {"kind": chosen.name, "reason": "the question looks like it; use --kind to change it"})
        return chosen

    def _strategy(self, spec: str) -> Strategy:
        name, _, argument = spec.partition(":")
        return self.plugins.build("strategy", name, argument)

    def _model(self, spec: str) -> Model:
        if spec not in self._models:
            self._models[spec] = self.plugins.build("model", *_backend(spec))
        return self._models[spec]

    def _tools(self) -> Mapping[str, Tool]:
        return {entry.name: self.plugins.build("tool", entry.name) for entry in self.plugins.names("tool")}

    async def _open_journal(self) -> Journal:
        if self._journal is None:
            self._journal = SqliteJournal(self.settings.journal_path)
        return self._journal

    # --- closing -----------------------------------------------------------------------------------------------------

    async def aclose(self) -> None:
        """Free models and close the journal. May be called twice."""
        for model in self._models.values():
            await model.aclose()
        self._models.clear()
        if self._journal is not None:
            await self._journal.aclose()
            self._journal = None

    def close(self) -> None:
        """`aclose` for scripts."""
        self._call(self.aclose)
        if self._portal_stack is not None:
            self._portal_stack.__exit__(None, None, None)
            self._portal = self._portal_stack = None

    def _call(self, function: Callable[..., Coroutine[Any, Any, T]], *args: Any) -> T:
        """Run in the event loop that serves this agent's synchronous callers, in a thread of its own."""
        if self._portal is None:
            self._portal_stack = start_blocking_portal()
            self._portal = self._portal_stack.__enter__()
        assert self._portal is not None
        return self._portal.call(function, *args)

    async def __aenter__(self) -> Agent:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        await self.aclose()

    def __enter__(self) -> Agent:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()


def _reviewers(kind: TaskKind, settings: Settings) -> tuple[str, ...]:
    """The kind's own critics and those the settings add, each once."""
    return tuple(dict.fromkeys((*kind.critics, *settings.critics)))


def _backend(model: str) -> tuple[str, str]:
    """`llamacpp:NAME` as backend and name; a name alone is a local model's."""
    backend, colon, name = model.partition(":")
    return (backend, name) if colon else ("llamacpp", model)


async def _leave(session: Session, sandbox: str, notice: Callable[[str], None]) -> None:
    """Close a sandbox; when that fails, the result is still good."""
    try:
        await session.aclose()
    except Exception as error:  # noqa: BLE001 - a sandbox is a plugin and may raise anything; it is named
        notice(f"Sandbox {sandbox!r} could not be closed: {error!r}.")
