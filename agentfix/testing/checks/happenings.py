"""One of everything that happens in a run, for hooks that take part in it."""

from __future__ import annotations

from contextlib import suppress

from agentfix.errors import ModelDeniedError
from agentfix.lifecycle import Lifecycle
from agentfix.types import (
    Attempt,
    Critique,
    Delta,
    Event,
    EventKind,
    Evidence,
    EvidenceClass,
    Expand,
    Message,
    ModelRequest,
    Observation,
    PendingModelCall,
    PendingToolCall,
    Result,
    Standing,
    Stop,
    Task,
    ToolCall,
    ToolSpec,
    Usage,
)

RUN = "checked"
_SPEC = ToolSpec("pay", "Pays somebody.", {"type": "object"}, side_effects=True)
_CALL = ToolCall("pay", {"to": "Ada", "amount": 3.5}, "a0.s0.0")
_SAID = Observation("pay", "ok", "Paid.", {"result": "Paid."})
_ATTEMPT = Attempt(0, None, "actor", "checked", "The answer is 42.", "42")
_CRITIQUE = Critique(0, "check", "accept", "", (
    Evidence(EvidenceClass.MEASUREMENT, "supports", "it was computed again", "check", "instrument"),))
_STANDING = Standing("supported", EvidenceClass.MEASUREMENT, 1.0, "it was computed again")
_RESULT = Result(RUN, "42", EvidenceClass.MEASUREMENT, False, "supported", "it was computed again", 0, "math",
                 (_ATTEMPT,), (_CRITIQUE,), (_STANDING,), Usage(), 1.0)


async def happen(lifecycle: Lifecycle) -> None:
    """Let everything happen once."""
    request = ModelRequest((Message("user", "What is 6 times 7?"),))
    with suppress(ModelDeniedError):  # a plugin may forbid anything
        await lifecycle.before_model_call(PendingModelCall(RUN, "a0.model", "checked", request))
    pending = PendingToolCall(RUN, _CALL.id, _CALL, _SPEC)
    await lifecycle.before_tool_call(pending)

    def kept(tool: str, observation: Observation) -> Observation:
        return observation

    await lifecycle.after_tool_call(pending, _SAID, kept)
    for event in _events():
        lifecycle.on_event(event)
    await lifecycle.aclose()


def _events() -> list[Event]:
    told: list[tuple[EventKind, dict[str, object]]] = [
        ("run_started", {"task": Task("What is 6 times 7?"), "strategy": "none", "model": "checked"}),
        ("kind_chosen", {"kind": "math", "reason": "it asks for a number"}),
        ("move", {"move": Expand()}),
        ("delta", {"delta": Delta("The answer"), "role": "actor", "attempt": 0}),
        ("model_call", {"usage": Usage(10, 0, 5, 1), "caller": "a0.model"}),
        ("tool_call", {"call": _CALL, "caller": "actor"}),
        ("observation", {"call": _CALL, "observation": _SAID, "caller": "actor"}),
        ("attempt", {"attempt": _ATTEMPT}),
        ("critique", {"critique": _CRITIQUE, "standing": _STANDING}),
        ("notice", {"message": "something is not as it should be"}),
        ("move", {"move": Stop("supported", 0)}),
        ("result", {"result": _RESULT}),
    ]
    return [Event(kind, RUN, 0.1 * number, data) for number, (kind, data) in enumerate(told)]
