"""Model and tool calls: looked up in the journal, allowed by the budget, made, and written down."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, TypeAlias

from jsonschema import Draft202012Validator
from pydantic import TypeAdapter

from agentfix.digest import digest, model_body, tool_body
from agentfix.errors import AgentFixError, CallInDoubtError, JournalError, ModelReplyError, ToolError
from agentfix.exchange import check_journalled
from agentfix.graph.blame import blaming
from agentfix.graph.meter import BudgetSpent, Meter
from agentfix.graph.sources import AnyRun, Source
from agentfix.graph.untimed import UntimedSession
from agentfix.protocols import Asked, CallKey, Journal, JournalledCall, Model, Session, Tool, ToolContext
from agentfix.types import Completion, Delta, ModelRequest, Observation, ToolCall, Usage

_COMPLETIONS = TypeAdapter(list[Completion])
_OBSERVATION = TypeAdapter(Observation)
OBSERVATION_CHARS = 8000
"""Longer tool texts are cut: what a tool says must not flood a prompt or the journal."""
GRACE_S = 5.0
"""A tool that overruns its own time-out by this much is cancelled."""

Doubt: TypeAlias = Literal["again", "done", "stop"]
"""What to do about a call that may have happened: make it again, take it as done, or stop the run."""


@dataclass
class Calls:
    """Makes the calls of one run.

    Args:
        run_id: names the run in the journal.
        journal: where replies are looked up and written.
        meter: the budget.
        notice: told in a sentence what went wrong without ending the run.
        on_spent: told where in the run something was spent.
        sources: where else a reply may be had, in order.
        on_doubt: asked about a call with side effects that was begun and whose end nobody knows; None stops the run.
    """

    run_id: str
    journal: Journal
    meter: Meter
    notice: Callable[[str], None]
    on_spent: Callable[[str, Usage], None]
    sources: Sequence[Source] = ()
    on_doubt: Callable[[ToolCall], Awaitable[Doubt]] | None = None
    made: dict[str, Asked] = field(default_factory=dict[str, Asked])
    """Tool calls and what came back, by place."""
    _granted: dict[str, int] = field(default_factory=dict[str, int])
    """The max_tokens that a model call was allowed, by place: asking again asks for the same."""
    _replies: dict[tuple[str, str], list[Completion]] = field(default_factory=dict[tuple[str, str], list[Completion]])
    _observed: dict[str, Observation] = field(default_factory=dict[str, Observation])
    """What calls without side effects said, by digest: the same call is not made twice in a run."""
    _failed: JournalError | None = None

    def recall(self, calls: Sequence[JournalledCall], *, spent: bool) -> None:
        """Remember what an earlier process did in this run.

        Args:
            calls: of this run, as the journal has them.
            spent: count what they cost, because the run goes on in the middle; a run that starts again from the
                beginning comes by all of them and counts them then.
        """
        for call in calls:
            if call.reply is None:
                continue
            check_journalled(self.run_id, call.request, call.reply)
            if "tool" not in call.request:
                self._granted[call.place] = int(call.request["sampling"]["max_tokens"])
                usage = _usage(_COMPLETIONS.validate_python(call.reply["completions"]))
            else:
                usage = Usage(tool_calls=1)
                asked = ToolCall(call.request["tool"], call.request["arguments"], call.place)
                self.made[call.place] = Asked(asked, _OBSERVATION.validate_python(call.reply["observation"]))
            if spent:
                self.meter.spend(call.place, usage, float(call.reply["seconds"]))

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
            reply = await self._ask(model, request, on_delta)
            await self._end(key, body, reply)
            replayed_s = 0.0
        else:
            replayed_s = float(reply["seconds"])
        completions = self._replies[place, asked] = _COMPLETIONS.validate_python(reply["completions"])
        self._spend(place, _usage(completions), replayed_s)
        return completions

    async def _ask(self, model: Model, request: ModelRequest,
                   on_delta: Callable[[Delta], None] | None) -> dict[str, Any]:
        request = replace(request, max_calls=self.meter.remaining().model_calls)
        began = time.monotonic()
        with blaming("model", model.name):
            given = await self._within_time(model.generate(request, on_delta=on_delta))
            dumped = [asdict(completion) for completion in given]
            _COMPLETIONS.validate_python(dumped)
        fewest = request.n if request.max_calls is None else 1
        if not fewest <= len(given) <= request.n:
            raise ModelReplyError(f"Model {model.name!r} gave {len(given)} completions for n={request.n}.")
        return {"completions": dumped, "seconds": time.monotonic() - began}

    async def tool(self, tool: Tool | None, call: ToolCall, place: str, *, sandbox: Session, timeout_s: float,
                   seed: int) -> Observation:
        """Run a tool. Whatever goes wrong with the call becomes an observation.

        Args:
            tool: None when there is no tool of that name, which the caller of the tool is told.
            call: what to run.
            place: where in the run.
            sandbox: for programs.
            timeout_s: how long it may take.
            seed: for tools that draw.

        Raises:
            SandboxError: the sandbox failed.
            CallInDoubtError: nobody knows whether it happened already.
            JournalError: it has side effects, and that it begins can't be written down.
        """
        key = CallKey(self.run_id, place, digest(tool_body(call)))
        observation = self._observed.get(key.digest)
        if observation is None:
            try:
                if place not in self.made:
                    self.meter.require_tool_call()
            except BudgetSpent as spent:
                observation = Observation(call.tool, "budget", f"Not run: the budget has no {spent.limit} left.")
            else:
                observation = await self._journalled(tool, call, key, ToolContext(sandbox, timeout_s, seed))
                if tool is not None and not tool.spec.side_effects:
                    self._observed[key.digest] = observation
        self.made[place] = Asked(call, observation)
        return observation

    async def _journalled(self, tool: Tool | None, call: ToolCall, key: CallKey, context: ToolContext) -> Observation:
        effects = tool is not None and tool.spec.side_effects
        body = tool_body(call)
        reply = await self._stored(key, body, _without_other_runs(self.sources) if effects else self.sources)
        replayed_s = 0.0 if reply is None else float(reply["seconds"])
        if reply is None:
            began = time.monotonic()
            happened = effects and not await self.journal.begin(key, body) and await self._doubted(call)
            observation = _unknown(call) if happened else await self._run_tool(tool, call, context)
            reply = {"observation": asdict(observation), "seconds": time.monotonic() - began}
            await self._end(key, body, reply)
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
        """Write an attempt, a critique or the result down."""
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

    async def _run_tool(self, tool: Tool | None, call: ToolCall, context: ToolContext) -> Observation:
        if tool is None:
            return Observation(call.tool, "missing", f"There is no tool named {call.tool!r}.")
        try:
            wrong = _invalid(tool.spec.parameters, call.arguments)
            if wrong:
                return Observation(call.tool, "error", f"The arguments of {call.tool!r} are wrong: {wrong}")
            async with asyncio.timeout(context.timeout_s + GRACE_S) as clock:
                timed = replace(context, sandbox=UntimedSession(context.sandbox, clock))
                observation = _bounded(await tool.run(call.arguments, timed))
            json.dumps(asdict(observation))
            return observation
        except ToolError as error:
            return Observation(call.tool, error.status, str(error))
        except TimeoutError:
            return Observation(call.tool, "timeout", f"{call.tool!r} took longer than {context.timeout_s:g} s.")
        except AgentFixError:
            raise
        except Exception as error:  # noqa: BLE001 - a tool is a plugin and may raise anything; it is named
            self.notice(f"Tool {call.tool!r} is faulty: it raised {error!r}.")
            return Observation(call.tool, "fault", f"The tool {call.tool!r} failed.")

    async def _within_time(self, work: Any) -> list[Completion]:
        seconds = self.meter.remaining().seconds
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                return await work
        except TimeoutError:
            if not limit.expired():
                raise  # the model's own
            raise BudgetSpent("seconds") from None


def _usage(completions: Sequence[Completion]) -> Usage:
    usage = sum((c.usage for c in completions), Usage())
    return replace(usage, model_calls=max(1, usage.model_calls))


def _without_other_runs(sources: Sequence[Source]) -> list[Source]:
    """What a tool with side effects may be taken from: that another run acted is no reason not to act."""
    return [source for source in sources if not isinstance(source, AnyRun)]


def _unknown(call: ToolCall) -> Observation:
    return Observation(call.tool, "unknown", "It was run, but what it said was lost.")


def _invalid(schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> str:
    """The first thing wrong with a tool's arguments, or nothing."""
    errors: Sequence[Any] = list(Draft202012Validator(dict(schema)).iter_errors(dict(arguments)))
    return str(errors[0].message)[:500] if errors else ""


def _bounded(observation: Observation) -> Observation:
    if len(observation.text) <= OBSERVATION_CHARS:
        return observation
    half = OBSERVATION_CHARS // 2
    return replace(observation, text=f"{observation.text[:half]}\n[...]\n{observation.text[-half:]}")
