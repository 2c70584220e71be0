"""Agent: answers tasks, checks the answers, and returns them with their evidence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar, overload

from agentfix.agent.exporting import export_runs
from agentfix.agent.header import LIMITS, changed, read_header, require_no_lower
from agentfix.agent.inheriting import continuing
from agentfix.agent.loop import LoopThread
from agentfix.agent.parts import Parts
from agentfix.agent.remarks import as_it_stands, keep
from agentfix.agent.replaying import calls_of, recording_from
from agentfix.agent.runs import LiveRuns, Opening, new_name
from agentfix.errors import AgentFixError, ConfigError, InputError, JournalError, UsageError
from agentfix.export import Export, Selection
from agentfix.graph import build
from agentfix.graph.calls import Doubt
from agentfix.graph.sources import Prefix, Source
from agentfix.journal import SqliteJournal, claimed, open_journal, open_memory
from agentfix.plugins import Plugins
from agentfix.pool import Pool
from agentfix.protocols import Journal, Memory, Model
from agentfix.settings import Settings, load_settings
from agentfix.structured import Output, StructuredResult
from agentfix.tools import Approve, require_askable
from agentfix.types import Event, Remark, Result, Task, ToolCall

T = TypeVar("T")
OnEvent = Callable[[Event], None]
OnDoubt = Callable[[ToolCall], Awaitable[Doubt]]


class Agent:
    """Answers tasks, checks the answers, and returns them with their evidence.

    Parts are made when they are first needed and kept until the agent is closed; many runs may go on at once.

    Args:
        settings: read from agentfix.toml and the environment when not given.
        plugins: found among the installed packages when not given.
        journal: the one that the settings name when not given.
        reuse: take the reply to an equal model or tool request from any earlier run; for evaluations, where all
            strategies shall start from the same first attempt.
        on_approval: asked whether a call that needs a person's word may be made, as `(call: PendingToolCall,
            reason: str) -> bool`, plain or async; nothing but `True` approves. A plain function runs in a thread, where
            it may wait for its person. Without it such calls are refused.
        pool: tokens or money that this agent's runs share with those of other agents.

    Use it as an async context manager, or as a plain one together with `run`.

    Raises:
        UnknownNameError: the settings name a part that there is not.
        ConfigError: `on_approval` can't be called with a call and a reason, or the journal needs a package that is not
            installed.
    """

    def __init__(self, settings: Settings | None = None, plugins: Plugins | None = None, *,
                 journal: Journal | None = None, reuse: bool = False,
                 on_approval: Approve | None = None, pool: Pool | None = None) -> None:
        self.settings = settings or load_settings()
        self.plugins = plugins or Plugins(self.settings)
        self.on_approval = on_approval
        self._journal = journal
        self._memory = open_memory(self.settings)
        self._parts = Parts(self.settings, self.plugins)
        self._runs = LiveRuns(self.settings, self.plugins, self._parts, self.open_journal, reuse,
                              lambda: self.memory, lambda: self.on_approval, pool)
        self._graph = build.build(self._runs)
        self._machine = self._graph.compile()
        self._loop: LoopThread | None = None
        self._closings = 0

    @property
    def on_approval(self) -> Approve | None:
        """Who is asked, in runs that begin from now on. Setting what can't be asked raises ConfigError."""
        return self._on_approval

    @on_approval.setter
    def on_approval(self, approve: Approve | None) -> None:
        if approve is not None:
            require_askable(approve)
        self._on_approval = approve

    @property
    def memory(self) -> Memory:
        """What strategies that learn remember of earlier runs: beside the journal, or this agent's own where the
        journal is in memory."""
        return self._memory

    @property
    def graph(self) -> Any:
        """The machine as a LangGraph `StateGraph`, for your own application.

        Compile it with any checkpointer and interrupts, invoke it with `{"question": ...}` or `{"task": {...}}`, or put
        the compiled graph into a graph of yours as a node. It gives back `answer`, `result` (a `Result` as plain JSON)
        and `run`. With `stream_mode="custom"` the events of the run are streamed. Its state holds names and plain JSON;
        texts are in this agent's journal, so a thread can be taken up by another agent over the same journal.
        """
        return self._graph

    def model(self, spec: str) -> Model:
        """A model, to be asked without checks and beside the journal. It is freed with the agent.

        Raises:
            AgentFixError: there is none of that name, or it can't be had.
        """
        return self._parts.model(spec)

    # --- running -----------------------------------------------------------------------------------------------------

    @overload
    def run(self, task: Task | str) -> Result: ...
    @overload
    def run(self, task: Task | str, *, output: type[T] | Output[T]) -> StructuredResult[T]: ...
    def run(self, task: Task | str, *, output: type[T] | Output[T] | None = None) -> Result:
        """Answer a task and wait for it: for scripts and notebooks; works inside a running event loop too. `output` is
        as for `arun`.

        Raises:
            AgentFixError: nothing could be attempted.
        """
        return self._call(self.arun, task) if output is None else self._call(lambda: self.arun(task, output=output))

    @overload
    async def arun(self, task: Task | str, *, strategy: str | None = None, seed: int | None = None,
                   run_id: str | None = None, on_event: OnEvent | None = None, output: None = None,
                   **changes: Any) -> Result: ...
    @overload
    async def arun(self, task: Task | str, *, output: type[T] | Output[T], strategy: str | None = None,
                   seed: int | None = None, run_id: str | None = None, on_event: OnEvent | None = None,
                   **changes: Any) -> StructuredResult[T]: ...
    async def arun(self, task: Task | str, *, strategy: str | None = None, seed: int | None = None,
                   run_id: str | None = None, on_event: OnEvent | None = None,
                   output: type[T] | Output[T] | None = None, **changes: Any) -> Result:
        """Answer a task.

        Args:
            task: a question is enough.
            strategy: instead of the settings' own.
            seed: instead of the settings' own.
            run_id: names the run in the journal; made up when not given. A run of that name, with the same task and
                settings, is taken up where it was left.
            on_event: called in this event loop with everything that happens.
            output: what the answer is to be parsed into: a pydantic model or such, or an `Output` that also says which
                function decides. The result's `output` is the object.
            **changes: settings of this run that differ, such as `model`, `require` or `max_rounds`.

        Returns:
            The best attempt with its evidence. A budget that runs out, or a model that fails after an attempt was
            made, still gives a result that says so.

        Raises:
            UsageError: a change is none, or the agent was closed meanwhile.
            AgentFixError: nothing could be attempted.
        """
        task = Task(task) if isinstance(task, str) else task
        settings = changed(self.settings, changes).model_copy(update={
            "strategy": strategy or self.settings.strategy, "seed": self.settings.seed if seed is None else seed})
        if changes:
            self._parts.require(settings)
        if output is None:
            return await self._execute(run_id or new_name(), task, Opening(settings, on_event))
        wanted = output if isinstance(output, Output) else Output(output)
        opening = Opening(settings, on_event, output=wanted)
        return wanted.read(await self._execute(run_id or new_name(), wanted.posed(task), opening))

    def verify(self, task: Task | str, answer: str) -> Result:
        """Check a given answer and wait for the result; see `averify`.

        Raises:
            AgentFixError: it could not be reviewed.
        """
        return self._call(self.averify, task, answer)

    async def averify(self, task: Task | str, answer: str, *, critics: Sequence[str] = (),
                      run_id: str | None = None, on_event: OnEvent | None = None) -> Result:
        """Check an answer that somebody else gave: the kind's critics, and those that the settings name, review it.

        No other answer is looked for. The result's one attempt is the given answer, with the evidence for and against
        it; `abstained` says that nothing supports it as well as is required.

        Args:
            task: a question is enough; with checks of your own, those decide.
            answer: the bare answer, or a text that states it as a model would; for kind `code`, the program.
            critics: these alone, by name, instead of the kind's and those that the settings name.
            run_id: names the run in the journal; made up when not given.
            on_event: called in this event loop with everything that happens.

        Raises:
            InputError: the answer is empty.
            AgentFixError: it could not be reviewed.
        """
        if not answer.strip():
            raise InputError("The answer is empty.", "Say what is to be checked.")
        task = Task(task) if isinstance(task, str) else task
        return await self._execute(run_id or new_name(), task, Opening(
            self.settings, on_event, given=answer, critics=tuple(critics)))

    def remark(self, run_id: str, remark: Remark) -> Result:
        """Say what you think of an answer; see `aremark`.

        Raises:
            AgentFixError: as for `aremark`.
        """
        return self._call(self.aremark, run_id, remark)

    async def aremark(self, run_id: str, remark: Remark) -> Result:
        """Keep what a person says of an answer beside its run: approval, or a fault. Nothing is asked of a model.

        It takes the place of what was said of the same attempt before, and training data that is exported of the run
        counts it as `person` evidence.

        Returns:
            The result of the run as it stands now: the same answer, with what speaks for and against it.

        Raises:
            JournalError: there is no such run.
            InputError: it has not ended, or has no such attempt.
        """
        journal = await self.open_journal()
        _, settings = read_header(run_id, await journal.header(run_id), self.settings, {})
        await as_it_stands(journal, run_id, settings)
        await keep(journal, run_id, remark)
        return await as_it_stands(journal, run_id, settings)

    def challenge(self, run_id: str, remark: Remark | str) -> Result:
        """Object to an answer and wait for what comes of it; see `achallenge`.

        Raises:
            AgentFixError: as for `achallenge`.
        """
        return self._call(self.achallenge, run_id, remark)

    async def achallenge(self, run_id: str, remark: Remark | str, *, into: str | None = None,
                         on_event: OnEvent | None = None, **changes: Any) -> Result:
        """Object to an answer, and have the run go on from there as a new one.

        The new run begins with the attempts of the other one and their evidence. The objection is `person` evidence
        against each attempt that gives the answer, and is kept beside the other run too. The answer is revised with
        it, and the strategy goes on, within a budget of its own. Evidence decides: only the caller's checks outrank a
        person.

        Args:
            run_id: a run that ended, or was cut off after an attempt.
            remark: what is wrong, or a `Remark` that says of which attempt. The reviser is told its text word for word:
                an edited critique is handed over so.
            into: names the new run; made up when not given.
            on_event: called with everything that happens in the new run.
            **changes: settings of the new run that differ.

        Returns:
            The result of the new run: `continues` names the other one, and `reason` says what speaks for and against
            the answer objected to.

        Raises:
            JournalError: there is no such run.
            InputError: it has no such attempt, or none at all; or the remark is no objection.
            AgentFixError: as for `arun`.
        """
        remark = Remark(remark) if isinstance(remark, str) else remark
        if remark.polarity != "refutes":
            raise InputError("Only an objection is gone on from.",
                             "Say what is wrong, or keep the approval with `remark`.")
        journal = await self.open_journal()
        header = await journal.header(run_id)
        task, settings = read_header(run_id, header, self.settings, changes)
        self._parts.require(settings)
        before = continuing(header or {}, await keep(journal, run_id, remark))
        return await self._execute(into or new_name(), task, Opening(settings, on_event, before=before))

    async def resume(self, run_id: str, *, on_event: OnEvent | None = None, on_doubt: OnDoubt | None = None,
                     output: Output[Any] | None = None, **limits: Any) -> Result:
        """Go on with a run that was cut off, at whatever point; one that ended gives its result again.

        No call that ended is made again. `max_seconds` counts the time that calls took, not the time between.

        Args:
            run_id: the run.
            on_event: called with everything that happens, from the beginning of the run.
            on_doubt: asked about a call with side effects that was begun and whose end nobody knows; without it such a
                run is not resumed.
            output: the one that the run was begun with, if any.
            **limits: higher limits than the run was begun with, such as `max_rounds`.

        Raises:
            JournalError: there is no such run.
            ConfigError: a limit is lower than the one it was begun with.
            InputError: it is under way already.
            CallInDoubtError: a call may or may not have happened, and nobody said which.
            AgentFixError: as for `arun`.
        """
        other = [name for name in limits if name not in LIMITS]
        if other:
            raise ConfigError(f"A run can't be resumed with another {other[0]!r}.",
                              "Fork it instead: agentfix run --fork RUN@STEP.")
        journal = await self.open_journal()
        header = await journal.header(run_id)
        task, settings = read_header(run_id, header, self.settings, limits)
        require_no_lower(run_id, read_header(run_id, header, self.settings, {})[1], settings)
        self._parts.require(settings)
        opening = Opening(settings, on_event, on_doubt, goes_on=True, before=header, output=output)
        return await self._execute(run_id, task, opening)

    async def fork(self, run_id: str, step: int, *, on_event: OnEvent | None = None, **changes: Any) -> Result:
        """Make a new run that begins as another one did.

        Args:
            run_id: the run to begin as.
            step: how many of its calls to take over, as `agentfix runs show` numbers them.
            on_event: called with everything that happens.
            **changes: settings of the new run that differ, such as `strategy`, `critics` or `seed`. Another `model`
                answers for itself: what a model said is not taken over as another's.

        Raises:
            JournalError: there is no such run.
            InputError: it has no such step.
            AgentFixError: as for `arun`.
        """
        journal = await self.open_journal()
        header = await journal.header(run_id)
        task, settings = read_header(run_id, header, self.settings, changes)
        self._parts.require(settings)
        calls = [call for call in await calls_of(run_id, journal) if call.reply is not None]
        if not 0 <= step <= len(calls):
            raise InputError(f"Run {run_id!r} has {len(calls)} steps, not {step}.",
                             f"See: agentfix runs show {run_id}")
        sources: Sequence[Source] = [Prefix(calls[:step])]
        opening = Opening(settings, on_event, sources=sources, before=header)
        return await self._execute(new_name(), task, opening)

    async def replay(self, source: str | Path, *, on_event: OnEvent | None = None) -> Result:
        """Make a run again from what was recorded of it: no model, tool or sandbox is asked, nothing is journalled.

        Args:
            source: the name of a run in the journal, or a recording file, whose first run is replayed.
            on_event: called with everything that happens.

        Raises:
            JournalError: there is no such run.
            RecordingError: the file is no recording, or something was not recorded.
        """
        recording = await recording_from(source, await self.open_journal())
        run, header = next(iter(recording.runs.items()))
        task, settings = read_header(run, header, self.settings, {"record": None})
        player = Agent(settings.model_copy(update={"model": "replay:", "critic_model": None}), self.plugins,
                       journal=SqliteJournal(None))
        async with player:
            opening = Opening(settings, on_event, recording=recording, before=header)
            return await player._execute(run, task, opening)

    async def stream(self, task: Task | str, *, run_id: str | None = None, **changes: Any) -> AsyncGenerator[Event]:
        """Answer a task and yield everything that happens; the last event is `result`.

        Closing the generator early cancels the run. `changes` are settings of this run that differ.

        Raises:
            AgentFixError: as `arun` does.
        """
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        running = asyncio.create_task(self.arun(task, run_id=run_id, on_event=queue.put_nowait, **changes))
        running.add_done_callback(lambda _: queue.put_nowait(None))
        try:
            while (event := await queue.get()) is not None:
                yield event
            await running
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def export(self, format_name: str, selection: Selection = Selection()) -> Export:
        """Make training data of the runs in this agent's journal.

        Args:
            format_name: `sft`, `dpo`, `kto`, `prm`, `critique` or `rewind`: see `agentfix.export.FORMATS`.
            selection: which runs, and what counts as proof.

        Raises:
            UnknownNameError: there is no such format.
            JournalError: the journal can't be read.
        """
        return await export_runs(await self.open_journal(), format_name, selection)

    async def _execute(self, run: str, task: Task, opening: Opening) -> Result:
        journal = await self.open_journal()
        closings = self._closings
        async with claimed(journal, run):
            context = await self._runs.open(run, task, opening)
            try:
                await build.execute(self._machine, run)
            except AgentFixError as error:
                if self._closings != closings:
                    raise _closed(run) from error
                with suppress(JournalError):
                    await journal.record(run, "failure", "", {"message": str(error)})
                raise
            finally:
                await self._runs.close(run)
        if context.result is None and self._closings != closings:
            raise _closed(run)
        assert context.result is not None, "the graph ended without a result"
        return context.result

    async def open_journal(self) -> Journal:
        """This agent's journal.

        Raises:
            JournalError: it can't be opened.
        """
        if self._journal is None:
            self._journal, self._runs.journal_problem = open_journal(self.settings)
        return self._journal

    # --- closing -----------------------------------------------------------------------------------------------------

    async def aclose(self) -> None:
        """Free models and close the journal. May be called twice."""
        if self._loop is not None and not self._loop.is_here():
            await asyncio.to_thread(self.close)
        self._closings += 1
        await self._runs.aclose()
        await self._parts.aclose()
        await self._memory.aclose()
        if self._journal is not None:
            await self._journal.aclose()
            self._journal = None

    def close(self) -> None:
        """`aclose` for scripts."""
        self._call(self.aclose)
        if self._loop is not None:
            self._loop.end()
            self._loop = None

    def _call(self, function: Callable[..., Coroutine[Any, Any, T]], *args: Any) -> T:
        """Run in the event loop that serves this agent's synchronous callers, in a thread of its own."""
        if self._loop is None:
            self._loop = LoopThread()
        return self._loop.call(function(*args))

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


def _closed(run: str) -> UsageError:
    return UsageError(f"The agent was closed before run {run!r} had ended.",
                      "Wait for its runs, or cancel them, first.")
