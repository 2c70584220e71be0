"""Model and tool calls: looked up in the journal, allowed by the budget, made, and written down."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from jsonschema import Draft202012Validator
from pydantic import TypeAdapter

from agentfix.errors import AgentFixError, JournalError, ModelReplyError, ToolError
from agentfix.graph.blame import blaming
from agentfix.graph.meter import BudgetSpent, Meter
from agentfix.protocols import Asked, CallKey, Journal, Model, Session, Tool, ToolContext
from agentfix.types import Completion, Delta, ModelRequest, Observation, ToolCall, Usage

_COMPLETIONS = TypeAdapter(list[Completion])
_OBSERVATION = TypeAdapter(Observation)
OBSERVATION_CHARS = 8000
"""Longer tool texts are cut: what a tool says must not flood a prompt or the journal."""
GRACE_S = 5.0
"""A tool that overruns its own time-out by this much is cancelled."""


@dataclass
class Calls:
    """Makes the calls of one run.

    Args:
        run_id: names the run in the journal.
        journal: where replies are looked up and written.
        meter: the budget.
        reuse: also take replies that other runs have for an equal request.
        notice: told in a sentence what went wrong without ending the run.
        on_spent: told where in the run something was spent.
    """

    run_id: str
    journal: Journal
    meter: Meter
    reuse: bool
    notice: Callable[[str], None]
    on_spent: Callable[[str, Usage], None]
    made: dict[str, Asked] = field(default_factory=dict[str, Asked])
    """Tool calls and what came back, by place."""
    _replies: dict[tuple[str, str], list[Completion]] = field(default_factory=dict[tuple[str, str], list[Completion]])
    _observed: dict[str, Observation] = field(default_factory=dict[str, Observation])
    """What calls without side effects said, by digest: the same call is not made twice in a run."""

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
        asked = self._key(place, asdict(request))
        if (known := self._replies.get((place, asked.digest))) is not None:
            return known
        self.meter.require_model_call()
        clamped = self.meter.clamp(request.sampling.max_tokens, request.n)
        request = replace(request, sampling=replace(request.sampling, max_tokens=clamped))
        body: dict[str, Any] = {"model": model.name, **asdict(request)}
        key = self._key(place, body)
        stored = await self._find(key)
        if stored is not None:
            completions = _COMPLETIONS.validate_python(stored["completions"])
            self.meter.replayed_seconds += float(stored["seconds"])
        else:
            await self.journal.begin(key, body)
            began = time.monotonic()
            with blaming("model", model.name):
                given = await self._within_time(model.generate(request, on_delta=on_delta))
                completions = _COMPLETIONS.validate_python([asdict(c) for c in given])
            if len(completions) != request.n:
                raise ModelReplyError(f"Model {model.name!r} gave {len(completions)} completions for n={request.n}.")
            seconds = time.monotonic() - began
            await self._end(key, {"completions": [asdict(c) for c in completions], "seconds": seconds})
        self._replies[place, asked.digest] = completions
        self._spend(place, sum((c.usage for c in completions), Usage(model_calls=1)))
        return completions

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
        """
        key = self._key(place, {"tool": call.tool, "arguments": dict(call.arguments)})
        observation = self._observed.get(key.digest)
        if observation is None:
            try:
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
        stored = await self._find(key)
        self._spend(key.place, Usage(tool_calls=1))
        if stored is not None:
            self.meter.replayed_seconds += float(stored["seconds"])
            return _OBSERVATION.validate_python(stored["observation"])
        await self.journal.begin(key, {"tool": call.tool, "arguments": dict(call.arguments)})
        began = time.monotonic()
        observation = await self._run_tool(tool, call, context)
        await self._end(key, {"observation": asdict(observation), "seconds": time.monotonic() - began})
        return observation

    async def _end(self, key: CallKey, reply: Mapping[str, Any]) -> None:
        """Write a reply down. When that fails, the reply itself is still good, and the run goes on with it."""
        try:
            await self.journal.end(key, reply)
        except JournalError as error:
            self.notice(str(error))

    def _spend(self, place: str, usage: Usage) -> None:
        self.meter.spend(usage)
        self.on_spent(place, usage)

    async def _run_tool(self, tool: Tool | None, call: ToolCall, context: ToolContext) -> Observation:
        if tool is None:
            return Observation(call.tool, "missing", f"There is no tool named {call.tool!r}.")
        try:
            wrong = _invalid(tool.spec.parameters, call.arguments)
            if wrong:
                return Observation(call.tool, "error", f"The arguments of {call.tool!r} are wrong: {wrong}")
            async with asyncio.timeout(context.timeout_s + GRACE_S):
                observation = _bounded(await tool.run(call.arguments, context))
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

    def _key(self, place: str, body: Mapping[str, Any]) -> CallKey:
        canonical = json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
        return CallKey(self.run_id, place, hashlib.sha256(canonical.encode("utf-8", "replace")).hexdigest())

    async def _find(self, key: CallKey) -> Mapping[str, Any] | None:
        stored = await self.journal.find(key)
        if stored is None and self.reuse:
            stored = await self.journal.find_anywhere(key.digest)
        return stored


def _invalid(schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> str:
    """The first thing wrong with a tool's arguments, or nothing."""
    errors: Sequence[Any] = list(Draft202012Validator(dict(schema)).iter_errors(dict(arguments)))
    return str(errors[0].message)[:500] if errors else ""


def _bounded(observation: Observation) -> Observation:
    if len(observation.text) <= OBSERVATION_CHARS:
        return observation
    half = OBSERVATION_CHARS // 2
    return replace(observation, text=f"{observation.text[:half]}\n[...]\n{observation.text[-half:]}")
