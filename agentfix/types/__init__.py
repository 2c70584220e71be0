"""The data of a run: frozen, plain, and known to every room.

Knows nothing about models, tools, sandboxes or graphs. Everything here is immutable, so that a strategy can be a pure
function of it and a journal can store it.
"""

from __future__ import annotations

from agentfix.types.attempts import (
    Attempt,
    Check,
    Draft,
    Expand,
    Move,
    Reflect,
    Reflection,
    Review,
    Step,
    Stop,
    Task,
    Tree,
    Turn,
)
from agentfix.types.calls import AskPerson, Deny, Heard, PendingModelCall, PendingToolCall, Replace
from agentfix.types.evidence import (
    Claim,
    Coverage,
    Critique,
    Evidence,
    EvidenceClass,
    Origin,
    Polarity,
    Standing,
    SupportState,
    VerdictWord,
)
from agentfix.types.messages import (
    Completion,
    Delta,
    FinishReason,
    Image,
    Message,
    ModelRequest,
    Observation,
    Sampling,
    TokenLogprob,
    ToolCall,
    ToolSpec,
    Usage,
)
from agentfix.types.remarks import Inherited, Remark
from agentfix.types.runs import Budget, Event, EventKind, Remaining, Result, Round

__all__ = [
    "AskPerson",
    "Attempt",
    "Budget",
    "Check",
    "Claim",
    "Completion",
    "Coverage",
    "Critique",
    "Delta",
    "Deny",
    "Draft",
    "Event",
    "EventKind",
    "Evidence",
    "EvidenceClass",
    "Expand",
    "FinishReason",
    "Heard",
    "Image",
    "Inherited",
    "Message",
    "ModelRequest",
    "Move",
    "Observation",
    "Origin",
    "PendingModelCall",
    "PendingToolCall",
    "Polarity",
    "Reflect",
    "Reflection",
    "Remaining",
    "Remark",
    "Replace",
    "Result",
    "Review",
    "Round",
    "Sampling",
    "Standing",
    "Step",
    "Stop",
    "SupportState",
    "Task",
    "TokenLogprob",
    "ToolCall",
    "ToolSpec",
    "Tree",
    "Turn",
    "Usage",
    "VerdictWord",
]
