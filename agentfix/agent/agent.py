"""Agent: answers tasks, checks the answers, and returns them with their evidence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar, cast, overload

from agentfix.agent.arguments import names_of, objection_of, output_of, remark_of, require_parts, task_of, text_of
from agentfix.agent.exporting import export_runs
from agentfix.agent.going_on import Earlier, require_same_output
from agentfix.agent.header import changed, read_header
from agentfix.agent.loop import Background, closed, closed_under_way, waiting
from agentfix.agent.opening import Opening, new_name
from agentfix.agent.parts import Parts
from agentfix.agent.remarks import remarked_on
from agentfix.agent.replaying import recording_from
from agentfix.agent.runs import LiveRuns
from agentfix.agent.streaming import events_of
from agentfix.errors import AgentFixError, JournalError
from agentfix.export import Export, Selection
from agentfix.graph import build
from agentfix.graph.calls import Doubt
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

    Use it as an async context manager, or as a plain one. Methods whose names begin with an a (`arun`, `aresume`)
    are for asyncio; their twins without it wait, in any thread, inside a running event loop too.

    Raises:
        UnknownNameError: the settings name a part that there is not.
        ConfigError: an argument is something else, `on_approval` can't be called with a call and a reason, or the
            journal needs a package that is not installed.
    """

    def __init__(self, settings: Settings | None = None, plugins: Plugins | None = None, *,
                 journal: Journal | None = None, reuse: bool = False,
                 on_approval: Approve | None = None, pool: Pool | None = None) -> None:
        require_parts(settings=(settings, Settings, "Make them with load_settings({...})."),
                      plugins=(plugins, Plugins, "Make them with Plugins(settings, {...})."),
                      journal=(journal, Journal, "See agentfix.Journal."),
                      pool=(pool, Pool, "For example: Pool(max_tokens=100_000)."))
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
        self._background = Background()
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

        Compile it with any checkpointer and interrupts, `ainvoke` it with `{"question": ...}` or `{"task": {...}}`, or
        put the compiled graph into a graph of yours as a node. It gives back `answer`, `result` (a `Result` as plain
        JSON) and `run`. With `stream_mode="custom"` the events of the run are streamed. Its state holds names and plain
        JSON; texts are in this agent's journal, so a thread can be taken up by another agent over the same journal.
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
            on_event: called in the event loop with everything that happens.
            output: what the answer is to be parsed into: a pydantic model or such, or an `Output` that also says which
                function decides. The result's `output` is the object.
            **changes: settings of this run that differ, such as `model`, `require` or `max_rounds`. What an agent has
                for all its runs, such as `data_dir`, is refused.

        Returns:
            The best attempt with its evidence. A budget that runs out, or a model that fails after an attempt was
            made, still gives a result that says so.

        Raises:
            UsageError: a change is none, or the agent was closed meanwhile.
            AgentFixError: nothing could be attempted.
        """
        wanted = output_of(output)
        task = task_of(task, wanted)
        chosen = {"strategy": strategy, "seed": seed}
        changes |= {name: value for name, value in chosen.items() if value is not None}
        settings = changed(self.settings, changes)
        if changes:
            self._parts.require(settings)
        return await self._execute(new_name(run_id), task, Opening(settings, on_event, output=wanted))

    run = waiting(arun)

    async def astream(self, task: Task | str, *, strategy: str | None = None, seed: int | None = None,
                      run_id: str | None = None, output: type[Any] | Output[Any] | None = None,
                      **changes: Any) -> AsyncGenerator[Event]:
        """Answer a task and yield everything that happens; the last event is `result`, whose data hold the result.

        Closing the generator early cancels the run. The arguments are those of `arun`.

        Raises:
            AgentFixError: as `arun` does.
        """
        def begin(told: OnEvent) -> Coroutine[Any, Any, Result]:
            return self.arun(task, strategy=strategy, seed=seed, run_id=run_id, output=cast("Output[Any]", output),
                             on_event=told, **changes)

        async with aclosing(events_of(begin)) as events:
            async for event in events:
                yield event

    def stream(self, task: Task | str, *, strategy: str | None = None, seed: int | None = None,
               run_id: str | None = None, output: type[Any] | Output[Any] | None = None,
               **changes: Any) -> Generator[Event]:
        """`astream` for scripts and notebooks: a plain generator."""
        return self._background.each(self.astream(task, strategy=strategy, seed=seed, run_id=run_id, output=output,
                                                  **changes))

    @overload
    async def averify(self, task: Task | str, answer: str, *, critics: Sequence[str] = (), run_id: str | None = None,
                      on_event: OnEvent | None = None, output: None = None) -> Result: ...
    @overload
    async def averify(self, task: Task | str, answer: str, *, output: type[T] | Output[T], critics: Sequence[str] = (),
                      run_id: str | None = None, on_event: OnEvent | None = None) -> StructuredResult[T]: ...
    async def averify(self, task: Task | str, answer: str, *, critics: Sequence[str] = (), run_id: str | None = None,
                      on_event: OnEvent | None = None, output: type[T] | Output[T] | None = None) -> Result:
        """Check an answer that somebody else gave: the kind's critics, and those that the settings name, review it.

        No other answer is looked for. The result's one attempt is the given answer, with the evidence for and against
        it; `abstained` says that nothing supports it as well as is required.

        Args:
            task: a question is enough; with checks of your own, those decide.
            answer: the bare answer, or a text that states it as a model would; for kind `code`, the program.
            critics: these alone, by name, instead of the kind's and those that the settings name.
            run_id: names the run in the journal; made up when not given.
            on_event: called in the event loop with everything that happens.
            output: what the answer is to be parsed into, as for `arun`.

        Raises:
            InputError: the answer is empty.
            AgentFixError: it could not be reviewed.
        """
        wanted = output_of(output)
        opening = Opening(self.settings, on_event, given=text_of(answer, "answer", "Say what is to be checked."),
                          critics=names_of(critics, "critics"), output=wanted)
        return await self._execute(new_name(run_id), task_of(task, wanted), opening)

    verify = waiting(averify)

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
        return await remarked_on(await self.open_journal(), run_id, remark_of(remark), self.settings)

    remark = waiting(aremark)

    @overload
    async def achallenge(self, run_id: str, remark: Remark | str, *, into: str | None = None,
                         on_event: OnEvent | None = None, output: None = None, **changes: Any) -> Result: ...
    @overload
    async def achallenge(self, run_id: str, remark: Remark | str, *, output: type[T] | Output[T],
                         into: str | None = None, on_event: OnEvent | None = None,
                         **changes: Any) -> StructuredResult[T]: ...
    async def achallenge(self, run_id: str, remark: Remark | str, *, into: str | None = None,
                         on_event: OnEvent | None = None, output: type[T] | Output[T] | None = None,
                         **changes: Any) -> Result:
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
            output: what its answer is to be parsed into, as for `arun`.
            **changes: settings of the new run that differ.

        Returns:
            The result of the new run: `continues` names the other one, and `reason` says what speaks for and against
            the answer objected to.

        Raises:
            JournalError: there is no such run.
            InputError: it has no such attempt, or none at all; or the remark is no objection.
            AgentFixError: as for `arun`.
        """
        objection, earlier = objection_of(remark), await self._earlier(run_id, output)
        task, opening = await earlier.objected(objection, changes)
        return await self._execute(new_name(into), task, replace(opening, on_event=on_event))

    challenge = waiting(achallenge)

    @overload
    async def aresume(self, run_id: str, *, on_event: OnEvent | None = None, on_doubt: OnDoubt | None = None,
                      output: None = None, **limits: Any) -> Result: ...
    @overload
    async def aresume(self, run_id: str, *, output: type[T] | Output[T], on_event: OnEvent | None = None,
                      on_doubt: OnDoubt | None = None, **limits: Any) -> StructuredResult[T]: ...
    async def aresume(self, run_id: str, *, on_event: OnEvent | None = None, on_doubt: OnDoubt | None = None,
                      output: type[T] | Output[T] | None = None, **limits: Any) -> Result:
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
            InputError: it is under way already, or was begun with another output.
            CallInDoubtError: a call may or may not have happened, and nobody said which.
            AgentFixError: as for `arun`.
        """
        task, opening = await (await self._earlier(run_id, output)).resumed(limits)
        return await self._execute(run_id, task, replace(opening, on_event=on_event, on_doubt=on_doubt))

    resume = waiting(aresume)

    @overload
    async def afork(self, run_id: str, step: int, *, on_event: OnEvent | None = None, output: None = None,
                    **changes: Any) -> Result: ...
    @overload
    async def afork(self, run_id: str, step: int, *, output: type[T] | Output[T], on_event: OnEvent | None = None,
                    **changes: Any) -> StructuredResult[T]: ...
    async def afork(self, run_id: str, step: int, *, on_event: OnEvent | None = None,
                    output: type[T] | Output[T] | None = None, **changes: Any) -> Result:
        """Make a new run that begins as another one did.

        Args:
            run_id: the run to begin as.
            step: how many of its calls to take over, as `agentfix runs show` numbers them.
            on_event: called with everything that happens.
            output: what its answer is to be parsed into, as for `arun`.
            **changes: settings of the new run that differ, such as `strategy`, `critics` or `seed`. Another `model`
                answers for itself: what a model said is not taken over as another's.

        Raises:
            JournalError: there is no such run.
            InputError: it has no such step.
            AgentFixError: as for `arun`.
        """
        task, opening = await (await self._earlier(run_id, output)).forked(step, changes)
        return await self._execute(new_name(), task, replace(opening, on_event=on_event))

    fork = waiting(afork)

    @overload
    async def areplay(self, source: str | Path, *, on_event: OnEvent | None = None, output: None = None) -> Result: ...
    @overload
    async def areplay(self, source: str | Path, *, output: type[T] | Output[T],
                      on_event: OnEvent | None = None) -> StructuredResult[T]: ...
    async def areplay(self, source: str | Path, *, on_event: OnEvent | None = None,
                      output: type[T] | Output[T] | None = None) -> Result:
        """Make a run again from what was recorded of it: no model, tool or sandbox is asked, nothing is journalled.

        Args:
            source: the name of a run in the journal, or a recording file, whose first run is replayed.
            on_event: called with everything that happens.
            output: the one that the run was begun with, if any. Its function is called anew.

        Raises:
            JournalError: there is no such run.
            InputError: the run's answers were checked by a function that is not given, or it had another output.
            RecordingError: the file is no recording, or something was not recorded.
        """
        recording = await recording_from(source, await self.open_journal())
        run, header = next(iter(recording.runs.items()))
        task, settings = read_header(run, header, self.settings, {"record": None})
        wanted = output_of(output)
        require_same_output(run, task, wanted)
        player = Agent(settings.model_copy(update={"model": "replay:", "critic_model": None}), self.plugins,
                       journal=SqliteJournal(None))
        async with player:
            opening = Opening(settings, on_event, recording=recording, before=header, output=wanted)
            return await player._execute(run, task, opening)

    replay = waiting(areplay)

    async def aexport(self, format_name: str, selection: Selection = Selection()) -> Export:
        """Make training data of the runs in this agent's journal.

        Args:
            format_name: `sft`, `dpo`, `kto`, `prm`, `critique` or `rewind`: see `agentfix.export.FORMATS`.
            selection: which runs, and what counts as proof.

        Raises:
            UnknownNameError: there is no such format.
            JournalError: the journal can't be read.
        """
        return await export_runs(await self.open_journal(), format_name, selection)

    export = waiting(aexport)

    async def _earlier(self, run: str, output: type[Any] | Output[Any] | None) -> Earlier:
        return Earlier(run, await self.open_journal(), self.settings, self._parts, output_of(output))

    async def _execute(self, run: str, task: Task, opening: Opening) -> Result:
        journal = await self.open_journal()
        closings = self._closings
        async with claimed(journal, run):
            context = await self._runs.open(run, task, opening)
            try:
                await build.execute(self._machine, run)
            except AgentFixError as error:
                if self._closings != closings:
                    raise closed_under_way(run) from error
                with suppress(JournalError):
                    await journal.record(run, "failure", "", {"message": str(error)})
                raise
            finally:
                await self._runs.close(run)
        if context.result is None and self._closings != closings:
            raise closed_under_way(run)
        assert context.result is not None, "the graph ended without a result"
        return context.result

    async def open_journal(self) -> Journal:
        """This agent's journal.

        Raises:
            JournalError: it can't be opened.
            UsageError: the agent is closed.
        """
        if self._closings:
            raise closed()
        self._background.require_own_process()
        if self._journal is None:
            self._journal, self._runs.journal_problem = open_journal(self.settings)
        return self._journal

    # --- closing -----------------------------------------------------------------------------------------------------

    async def aclose(self) -> None:
        """Free models and close the journal. May be called twice."""
        if self._background.is_elsewhere:
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
        self._background.end(self.aclose)

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something of this agent's for a caller who waits for it, as `run` does with `arun`.

        Raises:
            UsageError: the agent is closed, or what it runs would wait for itself.
        """
        return self._background.call(work)

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

