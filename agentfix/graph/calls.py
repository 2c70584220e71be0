"""Model and tool calls: looked up in the journal, allowed by the budget, made, and written down."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, TypeAlias

from pydantic import TypeAdapter

from agentfix.digest import digest, model_body, tool_body
from agentfix.errors import CallInDoubtError, JournalError, ModelReplyError
from agentfix.exchange import check_journalled
from agentfix.graph.asking import ToolAsker, usage_of
from agentfix.graph.blame import blaming
from agentfix.graph.gate import Gate
from agentfix.graph.meter import BudgetSpent, Meter
from agentfix.graph.sources import AnyRun, Source
from agentfix.protocols import Asked, CallKey, Journal, JournalledCall, Model, Session, Tool, ToolContext
from agentfix.types import (
    Claim,
    Completion,
    Delta,
    Heard,
    Inherited,
    ModelRequest,
    Observation,
    ToolCall,
    ToolSpec,
    Usage,
)

_COMPLETIONS = TypeAdapter(list[Completion])
_OBSERVATION = TypeAdapter(Observation)
_USAGE = TypeAdapter(Usage)
Doubt: TypeAlias = Literal["again", "done", "stop"]
"""What to do about a call that may have happened: make it again, take it as done, or stop the run."""


@dataclass
class Calls:
    """Makes the calls of one run.

    Args:
        run_id: names the run in the journal.
        journal: where replies are looked up and written.
        meter: the budget.
        gate: what stands between the run and its tools and models.
        on_spent: told where in the run something was spent.
        sources: where else a reply may be had, in order.
        on_doubt: asked about a call with side effects that was begun and whose end nobody knows; None stops the run.
    """

    run_id: str
    journal: Journal
    meter: Meter
    gate: Gate
    on_spent: Callable[[str, Usage], None]
    sources: Sequence[Source] = ()
    on_doubt: Callable[[ToolCall], Awaitable[Doubt]] | None = None
    made: dict[str, Asked] = field(default_factory=dict[str, Asked])
    """Tool calls and what came back, by place."""
    heard: Heard | None = None
    """What the run has heard that is not the user's own."""
    intended: set[str] = field(default_factory=set[str])
    """The tools that the actor named before it had heard anything: what it came to want by itself."""
    _granted: dict[str, int] = field(default_factory=dict[str, int])
    """The max_tokens that a model call was allowed, by place: asking again asks for the same."""
    _replies: dict[tuple[str, str], list[Completion]] = field(default_factory=dict[tuple[str, str], list[Completion]])
    _observed: dict[str, Observation] = field(default_factory=dict[str, Observation])
    """What deterministic tools said, by digest: the same call is not made twice in a run."""
    _alike: dict[str, asyncio.Lock] = field(default_factory=dict[str, asyncio.Lock])
    """Of deterministic tools, by digest: of equal calls that are made together the later ones wait for the first."""
    _failed: JournalError | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Of the tools that ask a model."""

    def recall(self, calls: Sequence[JournalledCall], *, spent: bool, tools: Mapping[str, Tool]) -> None:
        """Remember what an earlier process did in this run.

        Args:
            calls: of this run, as the journal has them.
            spent: count what they cost, because the run goes on in the middle; a run that starts again from the
                beginning comes by all of them and counts them then.
            tools: by name, to tell what the run has heard by them.
        """
        ended = [(call, call.reply) for call in calls if call.reply is not None]
        for call, reply in ended:
            check_journalled(self.run_id, call.request, reply)
        within_tools = {place for _, reply in ended for place in reply.get("asked", ())}
        for call, reply in ended:
            if "tool" not in call.request:
                self._granted[call.place] = int(call.request["sampling"]["max_tokens"])
                usage = usage_of(_COMPLETIONS.validate_python(reply["completions"]))
            else:
                usage = Usage(tool_calls=1)
                asked = ToolCall(call.request["tool"], call.request["arguments"], call.place)
                self.made[call.place] = Asked(asked, _OBSERVATION.validate_python(reply["observation"]))
                if spent and _brought_strange(self.made[call.place], tools):
                    self._hear(self.made[call.place])
            if spent:
                took_s = 0.0 if call.place in within_tools else float(reply["seconds"])
                self.meter.spend(call.place, usage, took_s)

    def _hear(self, asked: Asked) -> None:
        said = () if self.heard is None else self.heard.texts
        first = asked.call.tool if self.heard is None else self.heard.tool
        self.heard = Heard(first, (*said, asked.observation.text))

    def take_over(self, inherited: Inherited, tools: Mapping[str, Tool]) -> None:
        """Know what was heard, and which acts were taken back, in the run that this one goes on from.

        Args:
            inherited: of that run.
            tools: by name; one that is not there any more may have said anything.
        """
        for name, text in inherited.observed:
            asked = Asked(ToolCall(name, {}), Observation(name, "ok", text))
            if _brought_strange(asked, tools):
                self._hear(asked)
        for place in inherited.undone:
            self.made.setdefault(place, Asked(ToolCall("", {}), Observation("", "ok", "Taken back.")))

    def hear_of(self, tools: Sequence[ToolSpec]) -> None:
        """Count what models are told of tools as heard, where strangers wrote it.

        Args:
            tools: that models are told of.
        """
        for spec in tools:
            if spec.foreign:
                said = f"{spec.name}\n{spec.description}\n{json.dumps(dict(spec.parameters), ensure_ascii=False)}"
                described = ToolCall(f"the description of {spec.name}", {})
                self._hear(Asked(described, Observation(spec.name, "ok", said)))

    def require_journal(self) -> None:
        """Raises JournalError when something could not be written: nothing more is done that would be lost."""
        if self._failed is not None:
            raise self._failed

    async def model(self, model: Model, place: str, request: ModelRequest,
                    on_delta: Callable[[Delta], None] | None = None) -> list[Completion]:
        """Ask a model.

        Args:
            model: whom.
            place: where in the run, unique per call.
            request: what; its max_tokens is clamped to the budget.
            on_delta: told of text as it comes; not called for a reply taken from the journal.

        Raises:
            BudgetSpent: no call may start, or the time ran out while it was made.
            ModelError: the model could not answer.
        """
        asked = digest(model_body(model.name, request))
        if (known := self._replies.get((place, asked))) is not None:
            return known
        if place not in self._granted:
            self.meter.require_model_call()
            self._granted[place] = self.meter.clamp(request.sampling.max_tokens, request.n)
        request = replace(request, sampling=replace(request.sampling, max_tokens=self._granted[place]))
        body = model_body(model.name, request)
        key = CallKey(self.run_id, place, digest(body))
        reply = await self._stored(key, body, self.sources)
        if reply is None:
            most_calls = self.meter.remaining().model_calls
            with self.meter.holding(request.n * request.sampling.max_tokens):
                asked_for = await self.gate.ask(place, model.name, request)
                reply = await self._ask(model, replace(asked_for, max_calls=most_calls), on_delta)
                await self._end(key, body, reply)
            replayed_s = 0.0
        else:
            replayed_s = float(reply["seconds"])
        completions = self._replies[place, asked] = _COMPLETIONS.validate_python(reply["completions"])
        self._spend(place, usage_of(completions), replayed_s)
        return completions

    async def _ask(self, model: Model, request: ModelRequest,
                   on_delta: Callable[[Delta], None] | None) -> dict[str, Any]:
        began = time.monotonic()
        with blaming("model", model.name):
            async with self.meter.within_time():
                given = await model.generate(request, on_delta=on_delta)
            dumped = [asdict(completion) for completion in given]
            self.meter.pay(usage_of(_COMPLETIONS.validate_python(dumped)))
        fewest = request.n if request.max_calls is None else 1
        if not fewest <= len(given) <= request.n:
            raise ModelReplyError(f"Model {model.name!r} gave {len(given)} completions for n={request.n}.")
        return {"completions": dumped, "seconds": time.monotonic() - began}

    async def tool(self, tool: Tool | None, call: ToolCall, place: str, *, sandbox: Session, model: Model,
                   timeout_s: float, seed: int) -> Observation:
        """Run a tool. Whatever goes wrong with the call becomes an observation.

        Args:
            tool: None when there is no tool of that name, which the caller of the tool is told.
            call: what to run.
            place: where in the run.
            sandbox: for programs.
            model: whom it may ask.
            timeout_s: how long it may take.
            seed: for tools that draw.

        Raises:
            SandboxError: the sandbox failed.
            CallInDoubtError: nobody knows whether it happened already.
            JournalError: it has side effects, and that it begins can't be written down.
        """
        key = CallKey(self.run_id, place, digest(tool_body(call)))
        once = tool is not None and tool.spec.deterministic and not tool.spec.side_effects
        async with self._alike.setdefault(key.digest, asyncio.Lock()) if once else nullcontext():
            observation = self._observed.get(key.digest)
            if observation is None:
                observation = self._unaffordable(call, place)
            if observation is None:
                context, asker = self._context(place, sandbox, model, timeout_s, seed)
                observation = await self._journalled(tool, call, key, context, asker)
                if once:
                    self._observed[key.digest] = observation
        self.made[place] = Asked(call, observation)
        if tool is not None and _brings_strange(tool.spec):
            self._hear(self.made[place])
        return observation

    async def verify(self, tool: Tool, claim: Claim, place: str, *, sandbox: Session, model: Model, timeout_s: float,
                     seed: int) -> Observation:
        """Have a tool check a claim. The observation's data holds `evidence`, which may be None.

        Args:
            tool: which.
            claim: what is said to hold.
            place: where in the run.
            sandbox: for programs.
            model: whom it may ask.
            timeout_s: how long it may take.
            seed: for tools that draw.

        Raises:
            SandboxError: the sandbox failed.
        """
        call = ToolCall(f"{tool.spec.name}.verify", asdict(claim))
        context, asker = self._context(place, sandbox, model, timeout_s, seed)
        observation = await self._extra(call, place, lambda: self.gate.verify(tool, claim, context), asker,
                                        effects=False)
        if observation.data.get("evidence") and _brings_strange(tool.spec):
            self._hear(Asked(call, observation))
        return observation

    async def undo(self, tool: Tool, act: Asked, place: str, *, sandbox: Session, timeout_s: float,
                   seed: int) -> Observation:
        """Have a tool take an act back; the arguments are as for `tool`.

        Raises:
            SandboxError: the sandbox failed.
            CallInDoubtError: nobody knows whether it happened already.
        """
        call = ToolCall(f"{tool.spec.name}.undo", dict(act.call.arguments))
        context = ToolContext(sandbox, timeout_s, seed)
        return await self._extra(call, place, lambda: self.gate.undo(tool, act.call, act.observation, context),
                                 effects=True)

    def _context(self, place: str, sandbox: Session, model: Model, timeout_s: float,
                 seed: int) -> tuple[ToolContext, ToolAsker]:
        asker = ToolAsker(self.model, model, place, seed * 1_000_003, self._turn, self._granted)
        return ToolContext(sandbox, timeout_s, seed, ask=asker, model=model.name), asker

    async def _extra(self, call: ToolCall, place: str, work: Callable[[], Awaitable[Observation]],
                     asker: ToolAsker | None = None, *, effects: bool) -> Observation:
        """What a tool does besides being run."""
        key, body = CallKey(self.run_id, place, digest(tool_body(call))), tool_body(call)
        if (unaffordable := self._unaffordable(call, place)) is not None:
            return unaffordable
        reply = await self._stored(key, body, _without_other_runs(self.sources))
        if reply is not None:
            return self._counted(key, reply, float(reply["seconds"]))
        began = time.monotonic()
        happened = effects and not await self.journal.begin(key, body) and await self._doubted(call)
        return await self._ended(key, body, _unknown(call) if happened else await work(), began, asker)

    def _unaffordable(self, call: ToolCall, place: str) -> Observation | None:
        try:
            if place not in self.made:
                self.meter.require_tool_call()
        except BudgetSpent as spent:
            return _not_run(call, spent)
        return None

    async def _journalled(self, tool: Tool | None, call: ToolCall, key: CallKey, context: ToolContext,
                          asker: ToolAsker) -> Observation:
        body = tool_body(call)
        repeatable = tool is None or (tool.spec.deterministic and not tool.spec.side_effects and not tool.spec.asks)
        reply = await self._stored(key, body, self.sources if repeatable else _without_other_runs(self.sources))
        if reply is not None:
            return self._counted(key, reply, float(reply["seconds"]))
        began = time.monotonic()
        if tool is None:
            missing = Observation(call.tool, "missing", f"There is no tool named {call.tool!r}.")
            return await self._ended(key, body, missing, began)
        if (begun := await self._begun(call, key)) is not None:
            if await self._doubted(begun):
                return await self._ended(key, tool_body(begun), _unknown(call), began)
            permitted: ToolCall | Observation = begun
        else:
            try:
                async with self.meter.within_time():  # a person may be asked
                    permitted = await self.gate.permit(tool, call, key.place, heard=self.heard, intended=self.intended)
            except BudgetSpent as spent:
                return _not_run(call, spent)
        if isinstance(permitted, Observation):
            return await self._ended(key, body, permitted, began)
        body = tool_body(permitted)
        if tool.spec.side_effects and not await self.journal.begin(key, body) and begun is None and (
                await self._doubted(permitted)):  # another process began it since, or its connection was lost
            return await self._ended(key, body, _unknown(call), began)
        return await self._ended(key, body, await self.gate.run(tool, permitted, key.place, context), began, asker)

    async def _begun(self, call: ToolCall, key: CallKey) -> ToolCall | None:
        """The call as an earlier process began it, perhaps changed by a plugin, when its end was never written."""
        known = await self.journal.find(key)
        return None if known is None or known.reply is not None else replace(call, arguments=known.request["arguments"])

    async def _ended(self, key: CallKey, body: Mapping[str, Any], observation: Observation, began: float,
                     asker: ToolAsker | None = None) -> Observation:
        reply: dict[str, Any] = {"observation": asdict(observation), "seconds": time.monotonic() - began}
        if asker is not None and asker.spent:
            reply["asked"] = asker.spent
        await self._end(key, body, reply)
        return self._counted(key, reply, 0.0)

    def _counted(self, key: CallKey, reply: Mapping[str, Any], replayed_s: float) -> Observation:
        for place, asked in reply.get("asked", {}).items():
            self._spend(place, _USAGE.validate_python(asked["usage"]), 0.0)  # its time is within the tool's
        self._spend(key.place, Usage(tool_calls=1), replayed_s)
        return _OBSERVATION.validate_python(reply["observation"])

    async def _doubted(self, call: ToolCall) -> bool:
        """Ask about a call that was begun before. Returns whether it is to be taken as done."""
        answer: Doubt = "stop" if self.on_doubt is None else await self.on_doubt(call)
        if answer == "stop":
            arguments = json.dumps(dict(call.arguments), default=str)[:200]
            raise CallInDoubtError(
                f"Run {self.run_id!r} was cut off while {call.tool!r} ran with {arguments}: nobody knows whether it "
                "happened.",
                f"Find out, then: agentfix resume {self.run_id} --in-doubt done (it happened) or again (it did not).")
        return answer == "done"

    async def _stored(self, key: CallKey, body: Mapping[str, Any],
                      sources: Sequence[Source]) -> Mapping[str, Any] | None:
        """The reply that this run's journal or a source has. A source's becomes part of this run's own record."""
        known = await self.journal.find(key)
        if known is not None:
            check_journalled(self.run_id, body, known.reply)
            return known.reply
        for source in sources:
            reply = await source.find(key.place, key.digest, body)
            if reply is not None:
                check_journalled(self.run_id, body, reply)
                await self._end(key, body, reply)
                return reply
        return None

    async def _end(self, key: CallKey, body: Mapping[str, Any], reply: Mapping[str, Any]) -> None:
        await self._write(self.journal.end(key, body, reply))

    async def record(self, kind: str, key: str, data: Mapping[str, Any]) -> None:
        """Write an attempt, a critique, the end of a round or the result down."""
        await self._write(self.journal.record(self.run_id, kind, key, data))

    async def _write(self, writing: Awaitable[None]) -> None:
        """When writing fails, what was to be written is still good, and is used before the run ends."""
        try:
            await writing
        except JournalError as error:
            self._failed = error

    def _spend(self, place: str, usage: Usage, replayed_s: float) -> None:
        if self.meter.spend(place, usage, replayed_s):
            self.on_spent(place, usage)


def _without_other_runs(sources: Sequence[Source]) -> list[Source]:
    """What a tool with side effects may be taken from: that another run acted is no reason not to act."""
    return [source for source in sources if not isinstance(source, AnyRun)]


def _not_run(call: ToolCall, spent: BudgetSpent) -> Observation:
    return Observation(call.tool, "budget", f"Not run: the budget has no {spent.limit} left.")


def _unknown(call: ToolCall) -> Observation:
    return Observation(call.tool, "unknown", "It was run, but what it said was lost.")


def _brought_strange(asked: Asked, tools: Mapping[str, Tool]) -> bool:
    """Whether a call of an earlier process may have brought what others than the user wrote."""
    if asked.observation.status == "missing":
        return False
    name = asked.call.tool
    tool = tools.get(name) or tools.get(name.removesuffix(".verify").removesuffix(".undo"))
    return tool is None or _brings_strange(tool.spec)


def _brings_strange(spec: ToolSpec) -> bool:
    """Whether what a tool says may hold what others than the user wrote: all but what it reckons from its arguments."""
    return not spec.deterministic or bool(spec.hosts or spec.paths or spec.secrets)
