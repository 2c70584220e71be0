"""The spans of runs, after OpenTelemetry's semantic conventions for generative AI
(https://github.com/open-telemetry/semantic-conventions-genai, status Development, as of 2026).

What is asked, answered and observed is in no span: only names, counts, times and verdicts leave the process.
"""

from __future__ import annotations

import atexit
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, TracerProvider

from agentfix import (
    Critique,
    Event,
    ModelRequest,
    Observation,
    PendingModelCall,
    PendingToolCall,
    Result,
    Usage,
    hookimpl,
)

AGENT = "agentfix"
MOST_RUNS = 1000
"""So many runs may be under way: an older one is taken to have failed, of which no event tells."""
Attributes: TypeAlias = Mapping[str, str | int | float | bool | list[str]]


@dataclass
class _Run:
    """The spans of a run that have not ended."""

    span: Span
    calls: dict[str, Span] = field(default_factory=dict[str, Span])
    """By their place in the run."""


class Telemetry:
    """The plugin.

    Args:
        provider: makes the spans; the process's own, as `opentelemetry-instrument` or the program sets it, when None.
    """

    def __init__(self, provider: TracerProvider | None = None) -> None:
        self._provider = provider
        self._runs: dict[str, _Run] = {}
        atexit.register(self.close)

    def close(self) -> None:
        """End what has not ended: runs that failed."""
        for name in list(self._runs):
            self._abandon(name)

    @hookimpl
    async def agentfix_before_model_call(self, call: PendingModelCall) -> None:
        self._begin(call.run_id, call.place, f"chat {call.model}", SpanKind.CLIENT, _asked(call.model, call.request))

    @hookimpl
    async def agentfix_before_tool_call(self, call: PendingToolCall) -> None:
        self._begin(call.run_id, call.place, f"execute_tool {call.call.tool}", SpanKind.INTERNAL, {
            "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": call.call.tool,
            "gen_ai.tool.call.id": call.place, "gen_ai.tool.type": "function"})

    @hookimpl
    async def agentfix_after_tool_call(self, call: PendingToolCall, observation: Observation) -> None:
        self._observed(call.run_id, call.place, observation)

    @hookimpl
    def agentfix_on_event(self, event: Event) -> None:
        run, data = event.run_id, event.data
        match event.kind:
            case "run_started":
                self._start(run, str(data["model"]), str(data["strategy"]))
            case "model_call":
                self._end(run, str(data["caller"]), _spent(data["usage"]))
            case "observation":  # also of a call that was not made
                self._observed(run, data["call"].id, data["observation"])
            case "critique" if run in self._runs:
                self._runs[run].span.add_event("gen_ai.evaluation.result", _judged(data["critique"]))
            case "result" if run in self._runs:
                self._finish(run, data["result"])
            case _:
                pass

    def _start(self, run: str, model: str, strategy: str) -> None:
        self._abandon(run)
        if len(self._runs) >= MOST_RUNS:
            self._abandon(next(iter(self._runs)))
        self._runs[run] = _Run(self._tracer().start_span(f"invoke_agent {AGENT}", kind=SpanKind.INTERNAL, attributes={
            "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": AGENT, "gen_ai.conversation.id": run,
            "gen_ai.provider.name": _provider(model), "gen_ai.request.model": model, "agentfix.strategy": strategy}))

    def _begin(self, run: str, place: str, name: str, kind: SpanKind, attributes: Attributes) -> None:
        if (known := self._runs.get(run)) is not None:
            within = trace.set_span_in_context(known.span)
            known.calls[place] = self._tracer().start_span(name, within, kind, {**attributes, "agentfix.place": place})

    def _end(self, run: str, place: str, attributes: Attributes, problem: str = "") -> None:
        known = self._runs.get(run)
        if known is None or (span := known.calls.pop(place, None)) is None:
            return  # its reply was taken from the journal: nothing happened that took time
        span.set_attributes(attributes)
        if problem:
            span.set_attribute("error.type", problem)
            span.set_status(Status(StatusCode.ERROR))
        span.end()

    def _observed(self, run: str, place: str, observation: Observation) -> None:
        status = observation.status
        self._end(run, place, {"agentfix.tool.status": status}, "" if observation.ok else status)

    def _finish(self, run: str, result: Result) -> None:
        span = self._runs[run].span
        by = result.supported_by
        span.set_attributes({
            **_spent(result.usage), "agentfix.kind": result.kind, "agentfix.abstained": result.abstained,
            "agentfix.supported_by": by.label if by else "nothing", "agentfix.attempts": len(result.attempts)})
        self._leave(run)

    def _abandon(self, run: str) -> None:
        if run in self._runs:
            self._runs[run].span.set_attribute("error.type", "_OTHER")
            self._runs[run].span.set_status(Status(StatusCode.ERROR, "the run came to no result"))
            self._leave(run)

    def _leave(self, run: str) -> None:
        known = self._runs.pop(run)
        for place in list(known.calls):
            known.calls.pop(place).end()
        known.span.end()

    def _tracer(self) -> trace.Tracer:
        return trace.get_tracer("agentfix", tracer_provider=self._provider)


def _asked(model: str, request: ModelRequest) -> Attributes:
    sampling = request.sampling
    return {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": _provider(model), "gen_ai.request.model": model,
        "gen_ai.request.max_tokens": sampling.max_tokens, "gen_ai.request.temperature": sampling.temperature,
        "gen_ai.request.top_p": sampling.top_p, "gen_ai.request.seed": sampling.seed,
        **({"gen_ai.request.choice.count": request.n} if request.n != 1 else {}),
        **({"gen_ai.request.stop_sequences": list(sampling.stop)} if sampling.stop else {}),
        **({"gen_ai.output.type": "json"} if request.schema is not None else {}),
    }


def _spent(usage: Usage) -> Attributes:
    return {
        "gen_ai.usage.input_tokens": usage.prompt_tokens, "gen_ai.usage.output_tokens": usage.completion_tokens,
        "gen_ai.usage.cache_read.input_tokens": usage.cached_prompt_tokens,
        **({"agentfix.cost": usage.cost} if usage.cost is not None else {}),
    }


def _judged(critique: Critique) -> Attributes:
    score: Attributes = {} if critique.score is None else {"gen_ai.evaluation.score.value": critique.score}
    return {"gen_ai.evaluation.name": critique.critic, "gen_ai.evaluation.score.label": critique.verdict,
            "agentfix.attempt": critique.attempt, **score}


def _provider(model: str) -> str:
    """What stands before the colon of a model's name: `openai`, `llamacpp`."""
    scheme, colon, _ = model.partition(":")
    return scheme if colon else "_OTHER"
