"""The runs an agent holds: opened, brought back from the journal, and closed."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from agentfix.agent.found import as_before, specs_in
from agentfix.agent.given import ReviewGiven, model_or_none
from agentfix.agent.header import critics_in, for_elsewhere, given_in, header_of, make_header, read_header
from agentfix.agent.inheriting import FROM, continued_from, inherited_in
from agentfix.agent.logs import log_event
from agentfix.agent.opening import Opening, new_name
from agentfix.agent.parts import Parts, recording_of_model
from agentfix.agent.remembering import learn, remembered
from agentfix.agent.toolbox import Toolbox
from agentfix.errors import AgentFixError, InputError, JournalError, RunUnderWayError
from agentfix.evidence import case, unchecked
from agentfix.families import same_family
from agentfix.graph.calls import Calls
from agentfix.graph.context import RunContext
from agentfix.graph.meter import Meter
from agentfix.graph.sources import AnyRun
from agentfix.journal import FallbackJournal
from agentfix.lifecycle import Lifecycle
from agentfix.models.replay import ReplayModel, ReplayTool
from agentfix.plugins import Plugins
from agentfix.pool import Pool
from agentfix.protocols import Asked, Journal, Memory, Session, TaskKind
from agentfix.recording import Recording, recording_of, write_recording
from agentfix.schemas import fault_of_schema
from agentfix.settings import Settings, read_key, split_model
from agentfix.structured import Output
from agentfix.threads import in_thread
from agentfix.tools import Approve, ToolRunner, read_policy
from agentfix.types import (
    Attempt,
    Critique,
    Event,
    EventKind,
    EvidenceClass,
    Heard,
    Observation,
    Reflection,
    Result,
    Round,
    Stop,
    Task,
    ToolCall,
    ToolSpec,
    Usage,
)

_ATTEMPT = TypeAdapter(Attempt)
_CRITIQUE = TypeAdapter(Critique)
_RESULT = TypeAdapter(Result)
_REFLECTION = TypeAdapter(tuple[str, Reflection])
_ROUND = TypeAdapter(Round)
LONGEST_NAME = 200
"""Characters of a run's name."""


@dataclass
class _Live:
    """A run under way, with what must be closed after it."""

    context: RunContext
    stack: AsyncExitStack
    settings: Settings
    output: Output[Any] | None = None
    write: Callable[[Any], None] | None = None
    """Where LangGraph wants custom events, when it is LangGraph's user who runs the graph."""
    node: asyncio.Task[Any] | None = None
    """The latest node, when it is LangGraph's user who runs the graph."""


@dataclass
class LiveRuns:
    """The live side of runs. Implements `agentfix.graph.build.Runs`.

    Args:
        settings: for runs that come without their own.
        plugins: are shown events.
        parts: what runs are made of.
        journal: opens the journal, or gives the open one.
        reuse: also take replies that other runs have for an equal request.
        memory: gives the memory of strategies.
        approve: gives who asks a person whether a call may be made, if anybody does.
        pool: limits that these runs share with others.
    """

    settings: Settings
    plugins: Plugins
    parts: Parts
    journal: Callable[[], Awaitable[Journal]]
    reuse: bool
    memory: Callable[[], Memory]
    approve: Callable[[], Approve | None] = lambda: None
    pool: Pool | None = None
    journal_problem: str = ""
    """Why the journal is kept in memory; every run is told."""
    _live: dict[str, _Live] = field(default_factory=dict[str, _Live])

    async def open(self, run: str, task: Task, opening: Opening) -> RunContext:
        """Open a run, or one that the journal knows already again.

        Raises:
            AgentFixError: a part can't be had, or a different run of that name is known or under way.
        """
        if not task.question.strip():
            raise InputError("The question is empty.", "Say what is to be answered.")
        if task.schema is not None and (fault := await in_thread(fault_of_schema, task.schema)):
            raise InputError(f"The task's schema {fault}.", "Correct it.")
        if not run.isprintable() or not 0 < len(run) <= LONGEST_NAME:  # names are shown, and given to commands
            raise InputError(f"{run[:50]!a} can't name a run.",
                             f"Give a name of 1 to {LONGEST_NAME} characters that can be printed.")
        if task.validator and opening.output is None:
            raise InputError(f"The answer of run {run!r} is checked by {task.validator!r}, which is not here.",
                             "Give it as the run was begun: output=Output(...).")
        if opening.settings.record is not None:
            write_recording(opening.settings.record, Recording("", {}, {}))  # fails now rather than after the run
        known = self._live.get(run)
        if known is not None and known.node is not None and known.node.done():
            await self.close(run)  # a graph that was interrupted, or cancelled between two nodes, left it
        stack = AsyncExitStack()
        try:
            live = await self._opened(run, task, opening, stack)
            if self._live.setdefault(run, live) is not live:
                raise RunUnderWayError(f"Run {run!r} is under way already.", "Wait for it, or choose another run_id.")
        except BaseException:
            await stack.aclose()
            raise
        return live.context

    async def _opened(self, run: str, task: Task, opening: Opening, stack: AsyncExitStack) -> _Live:
        settings = opening.settings
        journal = await self.journal()
        meter = Meter(settings.budget, time.monotonic, self.pool)
        holder: list[_Live] = []

        def emit(kind: EventKind, data: Mapping[str, Any]) -> None:
            log_event(run, kind, data)
            event = Event(kind, run, meter.seconds, data)
            opening.tell(event)
            if holder and holder[0].write is not None:
                holder[0].write(event)
            lifecycle.on_event(event)

        def notice(message: str) -> None:
            emit("notice", {"message": message})

        lifecycle = Lifecycle(self.plugins.implementations, notice)
        stack.push_async_callback(lifecycle.aclose)
        if settings.journal == "file-or-memory":
            journal = FallbackJournal(journal, notice)
        gate, calls = self._calls(run, task, opening, journal, meter, lifecycle, emit)
        stack.push_async_callback(gate.aclose)
        for problem in filter(None, [*(info.problem for info in self.plugins.problems()), self.journal_problem]):
            notice(problem)
        given = opening.given or given_in(opening.before)
        strategy = self.parts.strategy(settings.strategy) if given is None else ReviewGiven()
        emit("run_started", {"task": task, "strategy": settings.strategy if given is None else strategy.name,
                             "model": settings.model, "continues": continued_from(opening.before)})
        kind = self.parts.kind(task, settings, lambda name, why: emit("kind_chosen", {
            "kind": name, "reason": why}))
        model = self.parts.model if given is None else partial(model_or_none, self.parts.model)
        actor = ReplayModel(opening.recording) if opening.recording else model(settings.model)
        recording = recording_of_model(actor)
        tools, found = await self._tools(run, kind, opening, recording, notice)
        stack.push_async_callback(_put_away, tools, notice)
        header = make_header(task, settings, given, found, opening.critics or critics_in(opening.before))
        task = replace(task, kind=kind.name)
        before = opening.before or await journal.header(run)
        if before is None and recording is not None:
            before = header_of(recording, task)
        memory = await remembered(strategy, kind.name, before, self.memory() if settings.memory else None)
        if memory:
            header["memory"] = {"strategy": strategy.name, "held": memory}
        critic_model = actor if opening.recording else model(settings.critic_model or settings.model)
        session = await self.parts.session(settings, recording)
        stack.push_async_callback(_leave, session, settings.sandbox, notice)
        reviewers = tuple(dict.fromkeys(critics_in(header) or (*kind.critics, *opening.own_critics, *settings.critics)))
        context = RunContext(
            task, kind, actor, critic_model, strategy, self.parts.critics(reviewers, opening.own_critics),
            reviewers, tools, self.parts.usable(kind, tools, found, settings, notice), _checking(tools),
            session, calls, emit, settings.seed, settings.tool_timeout_s, settings.required_class,
            opening.on_event is not None or lifecycle.watched, given, memory, inherited_in(opening.before),
        )
        calls.hear_of(context.at_hand)
        gate.forewarn(context.offered, calls.heard)
        await self._begin(run, header, opening, journal, context)
        holder.append(_Live(context, stack, settings, opening.output))
        return holder[0]

    def _calls(self, run: str, task: Task, opening: Opening, journal: Journal, meter: Meter, lifecycle: Lifecycle,
               emit: Callable[[EventKind, Mapping[str, Any]], None]) -> tuple[ToolRunner, Calls]:
        """What makes the calls of a run, and what they pass."""
        settings = opening.settings

        def spent(place: str, usage: Usage) -> None:
            if usage.model_calls:
                emit("model_call", {"usage": usage, "caller": place})

        said = "\n".join((*(turn.question for turn in task.history), task.question))
        gate = ToolRunner(run, said, lifecycle, read_policy(settings.policy), self.approve(), lifecycle.notice,
                          settings.private_hosts, read_key, settings.work_dir or settings.data_dir / "work" / run,
                          recorded=opening.recording is not None or split_model(settings.model)[0] == "replay")
        sources = [*opening.sources, *([AnyRun(journal)] if self.reuse else [])]
        return gate, Calls(run, journal, meter, gate, spent, sources, opening.on_doubt, heard=_beside(task))

    async def _tools(self, run: str, kind: TaskKind, opening: Opening, recording: Recording | None,
                     notice: Callable[[str], None]) -> tuple[Toolbox, Sequence[ToolSpec]]:
        """The tools of a run, and which of them were found for it; in a replay, what stands for them."""
        built = self.parts.tools(notice)
        if recording is not None:
            specs = [spec for header in recording.runs.values() for spec in specs_in(header)]
            known = {**{spec.name: spec for spec in specs}, **built.specs}
            return Toolbox({name: ReplayTool(spec, recording) for name, spec in known.items()}, lambda _: None), specs
        found = await self.parts.found(kind, built, opening.settings, notice)
        before = specs_in(opening.before or await (await self.journal()).header(run))
        if before:
            found = as_before(before, found)
        return built.behind(found), [tool.spec for tool in found.values()]

    async def _begin(self, run: str, header: Mapping[str, Any], opening: Opening, journal: Journal,
                     context: RunContext) -> None:
        inherited = context.inherited
        if inherited is not None:
            header = {**header, FROM: (opening.before or {})[FROM]}
        known = await journal.header(run)
        if json.dumps(known, sort_keys=True) != json.dumps(header, sort_keys=True):
            if known is not None and not opening.goes_on:
                raise InputError(f"There is another run named {run!r}, with another question or settings.",
                                 "Choose another run_id.")
            await journal.begin_run(run, header)  # other limits hold from now on, for a replay too
        context.calls.recall(await journal.calls(run), spent=False, tools=context.tools)
        if inherited is not None:
            context.calls.take_over(inherited, context.tools)
            await context.inherit(inherited)

    # --- for the graph -----------------------------------------------------------------------------------------------

    async def begin(self, question: Mapping[str, Any], write: Callable[[Any], None]) -> RunContext:
        """See `agentfix.graph.build.Runs`."""
        run = str(question.get("run_id") or new_name())
        if run not in self._live:
            task = _task(question)
            await self.open(run, task, Opening(self.settings))
            self._live[run].context.watched = True
            self._live[run].node = asyncio.current_task()
        self._live[run].write = write
        return self._live[run].context

    async def context(self, state: Mapping[str, Any], write: Callable[[Any], None]) -> RunContext:
        """See `agentfix.graph.build.Runs`."""
        run = str(state["run"])
        if run not in self._live:
            await self._revive(run, state)
        live = self._live[run]
        live.write = write
        live.node = live.node and asyncio.current_task()
        live.context.keep(int(state["attempts"]))
        if state.get("trail", live.context.trail) != live.context.trail:
            raise JournalError(f"Since this checkpoint run {run!r} went on in another way, and what the checkpoint "
                               "stands on is not kept.", "Go on from the latest checkpoint, or ask anew.")
        return live.context

    async def _revive(self, run: str, state: Mapping[str, Any]) -> None:
        """Bring back a run that another process, or an agent now closed, left in the middle."""
        journal = await self.journal()
        header = await journal.header(run)
        task, settings = read_header(run, header, self.settings, {})
        context = await self.open(run, task, Opening(settings, goes_on=True, before=header))
        context.calls.recall(await journal.calls(run), spent=True, tools=context.tools)
        for place in state["observed"]:
            unmade = Observation("", "budget", "Not run: the budget was spent.")
            context.calls.made.setdefault(place, Asked(ToolCall("", {}), unmade))
        context.calls.meter.rounds = int(state["rounds"])
        context.watched = True
        self._live[run].node = asyncio.current_task()
        attempts = [_ATTEMPT.validate_python(data) for data in await journal.records(run, "attempt")]
        critiques = [_CRITIQUE.validate_python(data) for data in await journal.records(run, "critique")]
        rounds = [_ROUND.validate_python(data) for data in await journal.records(run, "round")]
        context.recall(attempts, critiques, rounds)
        for reflection in await journal.records(run, "reflection"):
            await context.add_reflection(*_REFLECTION.validate_python((reflection["place"], reflection["reflection"])))

    async def finish(self, context: RunContext, stop: Stop) -> dict[str, Any]:
        """See `agentfix.graph.build.Runs`."""
        await context.end_round(context.chosen(stop.attempt))
        result = _result(context, stop)
        live = self._live[context.calls.run_id]
        settings = live.settings
        if settings.memory:
            await learn(context, self.memory())
        asked = {critique.critic for critique in result.critiques}
        if context.given is None and (unasked := [name for name in settings.critics if name not in asked]):
            context.emit("notice", {"message": f"Never asked about an attempt: {', '.join(unasked)}."})
        if problem := _unchecked(context, result.best):
            context.emit("notice", {"message": f"Votes and opinions do not stand in for checks: {problem}."})
        if partial_to := _partial_to(result, context.critic_model.name):
            context.emit("notice", {"message": partial_to})
        plain: dict[str, Any] = _RESULT.dump_python(result, mode="json")
        await context.calls.record("result", "", plain)
        context.result = result if live.output is None else live.output.read(result)
        context.emit("result", {"result": context.result})
        await self.close(context.calls.run_id)
        return plain

    # --- closing -----------------------------------------------------------------------------------------------------

    async def close(self, run: str) -> None:
        """Leave nothing of a run behind but its record. May be called twice."""
        live = self._live.pop(run, None)
        if live is None:
            return
        try:
            if live.settings.record is not None:
                await self._save(run, live.settings, live.settings.record, live.context)
        finally:
            await live.stack.aclose()

    async def _save(self, run: str, settings: Settings, path: Path, context: RunContext) -> None:
        journal = context.calls.journal
        try:
            header = for_elsewhere(await journal.header(run) or {})
            write_recording(path, recording_of(run, header, await journal.calls(run)))
        except AgentFixError as error:
            way = "" if settings.journal == "memory" else f" Try again: agentfix resume {run} --record FILE."
            context.emit("notice", {"message": f"{error.message}{way}"})

    async def aclose(self) -> None:
        """Close what is still open: runs that were interrupted and never taken up again."""
        for run in list(self._live):
            await self.close(run)


def _beside(task: Task) -> Heard | None:
    """What came with a question and is not the user's word: material, and answers that tools had a part in, are data,
    as what tools say is."""
    answers = tuple(turn.answer for turn in task.history if turn.heard)
    if task.context.strip():
        return Heard("the material beside the question", (task.context, *answers))
    return Heard("an earlier answer", answers) if answers else None


def _checking(tools: Toolbox) -> tuple[str, ...]:
    """The tools that can check claims and change nothing, by name."""
    return tuple(name for name, spec in tools.specs.items() if spec.verifies and not spec.side_effects)


def _task(question: Mapping[str, Any]) -> Task:
    try:
        return TypeAdapter(Task).validate_python(question["task"]) if question.get("task") else Task(
            str(question["question"]))
    except (ValueError, KeyError) as error:
        raise InputError(f"The graph was given no question that can be used: {error!r}.",
                         "Invoke it with {'question': '...'} or {'task': {...}}.") from error


def _result(context: RunContext, stop: Stop) -> Result:
    standings = context.standings()
    best = context.chosen(stop.attempt)
    chosen = None if best is None else standings[best]
    supported = chosen.kind if chosen is not None and chosen.state == "supported" else None
    abstain = stop.abstain or supported is None or supported < context.required or bool(_unchecked(context, best))
    meter = context.calls.meter
    return Result(
        run_id=context.calls.run_id,
        answer=None if best is None else context.attempts[best].answer,
        supported_by=supported,
        abstained=abstain,
        stop_reason=stop.reason, reason=_reason(context, best), best=best,
        kind=context.kind.name, attempts=tuple(context.attempts), critiques=context.critiques(), standings=standings,
        usage=meter.usage, seconds=meter.seconds, rounds=context.rounds, declined=stop.abstain,
        heard=context.calls.heard is not None,
        continues="" if context.inherited is None else context.inherited.run,
    )


def _unchecked(context: RunContext, best: int | None) -> str:
    if best is None:
        return ""
    return unchecked(context.task, [c for c in context.critiques() if c.attempt == best], context.standings()[best])


def _reason(context: RunContext, best: int | None) -> str:
    """Why an attempt was chosen; after an objection also what speaks for and against the answer objected to."""
    if best is None:
        return "nothing was attempted"
    reason = "; ".join(filter(None, (_unchecked(context, best), context.standings()[best].reason)))
    if context.inherited is None or (challenged := context.inherited.remark.attempt) is None:
        return reason
    groups = context.tree().groups
    told = case([e for c in context.critiques() if c.attempt == challenged for e in c.evidence])
    if groups[best] == groups[challenged]:
        return f"the answer stays: {reason} ({told})"
    return f"{reason}; of the answer that was objected to, {told}"


def _partial_to(result: Result, judge: str) -> str:
    """Why the opinion that an answer rests on may favour it; empty where it rests on more, or nothing tells that."""
    if result.best is None or result.supported_by != EvidenceClass.OPINION:
        return ""
    author = result.attempts[result.best].author
    if not same_family(judge, author):
        return ""
    who = f"{judge} judges what it wrote itself" if judge == author else f"{judge} and {author} are of one family"
    return (f"Only a model's opinion supports this answer, and {who}: models favour what is like their own. "
            "Choose a judge of another family with --critic-model, or a critic that measures.")


async def _leave(session: Session, sandbox: str, notice: Callable[[str], None]) -> None:
    """Close a sandbox; when that fails, the result is still good."""
    try:
        await session.aclose()
    except Exception as error:  # noqa: BLE001 - a sandbox is a plugin and may raise anything; it is named
        notice(f"Sandbox {sandbox!r} could not be closed: {error!r}.")


async def _put_away(tools: Toolbox, notice: Callable[[str], None]) -> None:
    """Close the tools that hold something."""
    for name, tool in tools.made().items():
        close = getattr(tool, "aclose", None)
        if close is None:
            continue
        try:
            await close()
        except Exception as error:  # noqa: BLE001 - a tool is a plugin and may raise anything; it is named
            notice(f"Tool {name!r} could not be closed: {error!r}.")
