"""The data of a run: frozen, plain, and known to every room.

Knows nothing about models, tools, sandboxes or graphs. Everything here is immutable, so that a strategy can be a pure
function of it and a journal can store it.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias


class EvidenceClass(enum.IntEnum):
    """How much a piece of evidence weighs. A higher class is never overturned by a lower one."""

    OPINION = 1
    """A model said so."""
    AGREEMENT = 2
    """Independent attempts, or checks that a model wrote, agree."""
    RETRIEVAL = 3
    """A quoted passage states it."""
    MEASUREMENT = 4
    """An instrument observed it: a program was run, a computation replayed, a trusted scorer read."""
    PERSON = 5
    """Someone judged it."""
    CONTRACT = 6
    """The caller's own acceptance check: tests, a reference, a validator they say is sufficient."""

    @property
    def label(self) -> str:
        """The lower-case name that users read and write."""
        return self.name.lower()

    def __str__(self) -> str:
        return self.label

    def __format__(self, format_spec: str) -> str:
        return format(self.label, format_spec)

    @classmethod
    def parse(cls, label: str) -> EvidenceClass:
        """Read a label such as `agreement`. Raises KeyError for an unknown one."""
        return cls[label.upper()]


Polarity: TypeAlias = Literal["supports", "refutes"]
Coverage: TypeAlias = Literal["whole", "part", "necessary"]
Origin: TypeAlias = Literal["caller", "person", "instrument", "document", "model", "actor"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """One observation that speaks for or against an attempt."""

    kind: EvidenceClass
    polarity: Polarity
    summary: str
    """One line for a person: what was observed."""
    author: str
    """Who stands for it by name: a tool, a critic, a model, the caller."""
    origin: Origin
    """What sort of author that is. It caps `kind`: see `agentfix.evidence.admit`."""
    coverage: Coverage = "whole"
    """What part of the answer it speaks of. A `necessary` check (it parses, it runs) can only refute."""
    weight: float = 1.0
    """Strength within its class, above zero; for a vote, the margin."""
    detail: str = ""
    """The observation itself, bounded: output, a traceback line, a quoted passage."""


@dataclass(frozen=True, slots=True)
class Check:
    """A caller's own acceptance check: Python source that raises if the answer is wrong.

    For kind `code` it is run after the program; for other kinds it may read the variable `answer`.
    """

    source: str
    name: str = "check"


@dataclass(frozen=True, slots=True)
class Image:
    """A picture that belongs to a message."""

    url: str
    """An https: address that the model's server fetches, or the picture itself as a data: URL."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is asked."""

    question: str
    kind: str = "auto"
    checks: tuple[Check, ...] = ()
    """The caller's own checks. Passing all of them is `contract` evidence."""
    context: str = ""
    """Material that belongs to the question (a table, a document). Data, never instructions."""
    images: tuple[Image, ...] = ()
    """Shown to the actor with the question; only some models can see."""


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """How a tool is presented to a model, and what it may do."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    """JSON schema of the arguments (an object schema)."""
    deterministic: bool = False
    side_effects: bool = False
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A request to run a tool."""

    tool: str
    arguments: Mapping[str, Any]
    id: str = ""


@dataclass(frozen=True, slots=True)
class Observation:
    """What a tool said. Text from tools is data, never an instruction."""

    tool: str
    status: str
    """`ok`, or the tool's own word for what went wrong (`error`, `timeout`, `refused`, ...)."""
    text: str
    """What a model or person is shown, bounded."""
    data: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The structured result, JSON only."""

    @property
    def ok(self) -> bool:
        return self.status == "ok"


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation with a model."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""
    images: tuple[Image, ...] = ()


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are drawn. What stands below `max_tokens` is sent to an endpoint only where it is set."""

    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    stop: tuple[str, ...] = ()
    max_tokens: int = 512
    top_k: int | None = None
    """Draw from so many likeliest tokens; the model's own default when None (40 for a local one), 0 for all."""
    min_p: float = 0.0
    """Draw from tokens at least so likely, relative to the likeliest."""
    repeat_penalty: float = 1.0
    """Divides the logits of tokens that were written before; 1 for none."""
    frequency_penalty: float = 0.0
    """Taken from a token's logit for each time that it was written before."""
    presence_penalty: float = 0.0
    """Taken from a token's logit if it was written before."""
    logit_bias: tuple[tuple[int, float], ...] = ()
    """(token of the model's vocabulary, what is added to its logit)."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What was spent. Prompt tokens served from a cache are counted in both of the first two fields."""

    prompt_tokens: int = 0
    cached_prompt_tokens: int = 0
    completion_tokens: int = 0
    model_calls: int = 0
    tool_calls: int = 0
    cost: float | None = 0.0
    """Money, in the unit of the price table; 0 for a local model, None where no price is known."""
    estimated: bool = False
    """Some tokens were guessed from the length of texts, because a server did not count them."""

    @property
    def tokens(self) -> int:
        """Prompt tokens that had to be read, and completion tokens."""
        return self.prompt_tokens - self.cached_prompt_tokens + self.completion_tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.cached_prompt_tokens + other.cached_prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.model_calls + other.model_calls,
            self.tool_calls + other.tool_calls,
            None if self.cost is None or other.cost is None else self.cost + other.cost,
            self.estimated or other.estimated,
        )


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """Everything that determines what a model is asked."""

    messages: tuple[Message, ...]
    sampling: Sampling = Sampling()
    n: int = 1
    """Independent completions of one prompt; a local model reads the prompt once for all of them."""
    tools: tuple[ToolSpec, ...] = ()
    schema: Mapping[str, Any] | None = None
    """A JSON schema the completion must satisfy."""
    regex: str | None = None
    """A regular expression that the whole completion must match; not together with `schema`."""
    top_logprobs: int = 0
    """How many alternatives to report for each generated token; 0 for none."""
    static_messages: int = 0
    """So many of the first messages, such as examples, stay the same from one request to the next: a local model keeps
    what it read of them on disk. Those of the system at the head always count. Not part of what is asked."""
    max_calls: int | None = None
    """How many HTTP requests may be made for it, retries included; None for no limit but the model's own. Not part of
    what is asked: the journal does not look at it."""


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """A generated token, its log-probability (nats), and the likeliest alternatives."""

    token: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()


FinishReason: TypeAlias = Literal["stop", "length", "tool_calls", "cancelled"]


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer of a model."""

    text: str
    finish_reason: FinishReason = "stop"
    usage: Usage = Usage()
    """This completion's share; the prompt is counted on the first of n. `model_calls` is the number of HTTP requests
    that were made for it; 0 counts as one call for all n."""
    tool_calls: tuple[ToolCall, ...] = ()
    logprobs: tuple[TokenLogprob, ...] = ()
    reasoning: str = ""
    """What the model thought before it answered, where its server tells that apart. Never read for an answer."""


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of a completion while it is being generated."""

    text: str
    index: int = 0
    """Which of the n completions it belongs to."""
    reasoning: bool = False
    """It belongs to the model's reasoning, not to its answer."""
    restart: bool = False
    """What was streamed of this completion before is void: the connection broke and the request was made again."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a task kind reads from a completion: an answer, or a call whose result will be the answer."""

    answer: str | None = None
    program: str | None = None
    """Source code, when the completion holds any."""
    call: ToolCall | None = None
    """A tool call that must be made to obtain the answer (a program to be run)."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One proposed answer: a node of the tree."""

    id: int
    parent: int | None
    """The attempt it revises; None when it was made from the question alone."""
    role: str
    """Which prompt made it: `actor`, or a kind's other roles such as `derivation`."""
    author: str
    """The model that wrote it."""
    text: str
    """The completion, whole."""
    answer: str | None
    """The answer read from it; None when there is none."""
    program: str | None = None
    observation: Observation | None = None
    """What running the program said, when that is how the answer is obtained."""
    finish_reason: FinishReason = "stop"
    temperature: float = 0.0


VerdictWord: TypeAlias = Literal["accept", "revise", "abstain"]


@dataclass(frozen=True, slots=True)
class Critique:
    """What a critic says of one attempt. The verdict advises; evidence decides."""

    attempt: int
    critic: str
    verdict: VerdictWord
    feedback: str = ""
    """What to change, for the reviser: the one fault, with its line and values."""
    evidence: tuple[Evidence, ...] = ()


SupportState: TypeAlias = Literal["supported", "contested", "unsupported", "refuted"]


@dataclass(frozen=True, slots=True)
class Standing:
    """What the evidence for an attempt amounts to."""

    state: SupportState
    kind: EvidenceClass | None
    """The class that decided; None when there is no evidence."""
    weight: float = 0.0
    """Net weight within that class."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Tree:
    """All attempts of a run with what is known about them: all that a strategy may look at."""

    task: Task
    attempts: tuple[Attempt, ...] = ()
    critiques: tuple[Critique, ...] = ()
    standings: tuple[Standing, ...] = ()
    """One for each attempt, in order."""
    best: int | None = None
    """The attempt with the strongest support so far; None before there is one."""
    groups: tuple[int, ...] = ()
    """For each attempt, the id of the first attempt with the same answer (itself, when it is the first)."""
    roles: tuple[str, ...] = ()
    """The kind's ways to an answer, by role; the first is the default."""

    def critiques_of(self, attempt: int) -> tuple[Critique, ...]:
        return tuple(c for c in self.critiques if c.attempt == attempt)

    def reviewed(self, attempt: int) -> bool:
        return any(c.attempt == attempt for c in self.critiques)


@dataclass(frozen=True, slots=True)
class Expand:
    """Ask the actor for `n` attempts."""

    parent: int | None = None
    n: int = 1
    guidance: str = ""
    """What the reviser is told about the parent."""
    role: str = "actor"
    temperature: float = 0.0


@dataclass(frozen=True, slots=True)
class Review:
    """Ask critics about attempts."""

    attempts: tuple[int, ...]
    critics: tuple[str, ...] = ()
    """By name; empty for the kind's own."""


@dataclass(frozen=True, slots=True)
class Stop:
    """End the run. The engine returns the attempt with the strongest support whatever is proposed here."""

    reason: str
    attempt: int | None = None


Move: TypeAlias = Expand | Review | Stop


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits of one run; None means no limit. No call starts past one."""

    max_rounds: int | None = 8
    """Calls of the actor (each may ask for n attempts)."""
    max_model_calls: int | None = None
    max_tool_calls: int | None = 64
    max_tokens: int | None = None
    """Completion tokens plus prompt tokens that had to be read."""
    max_cost: float | None = None
    max_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Remaining:
    """What is left of a budget; None means no limit."""

    rounds: int | None = None
    model_calls: int | None = None
    tool_calls: int | None = None
    tokens: int | None = None
    cost: float | None = None
    seconds: float | None = None

    @property
    def exhausted(self) -> str | None:
        """The name of the first limit that is used up, or None."""
        for name in ("model_calls", "tokens", "cost", "seconds", "tool_calls", "rounds"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                return name
        return None


EventKind: TypeAlias = Literal[
    "run_started", "kind_chosen", "model_call", "delta", "attempt", "tool_call", "observation",
    "critique", "move", "notice", "result",
]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in a run, for whoever watches."""

    kind: EventKind
    run_id: str
    seconds: float
    """Since the run began."""
    data: Mapping[str, Any]
    """The typed object under the event's own name (`attempt`, `critique`, `delta`, ...), or plain values."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a run returns: the best attempt, and why it can or can't be trusted."""

    run_id: str
    answer: str | None
    """The answer of the best attempt, whatever its standing; None when no attempt has one."""
    supported_by: EvidenceClass | None
    """The class that supports the answer; None when nothing does."""
    abstained: bool
    """True when nothing supports the answer at the required class or above."""
    stop_reason: str
    reason: str
    """Why this attempt was chosen, in a sentence."""
    best: int | None
    """Id of the chosen attempt."""
    kind: str
    attempts: tuple[Attempt, ...]
    critiques: tuple[Critique, ...]
    standings: tuple[Standing, ...]
    usage: Usage
    seconds: float

    @property
    def attempt(self) -> Attempt | None:
        """The chosen attempt."""
        return None if self.best is None else self.attempts[self.best]
