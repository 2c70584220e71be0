"""What is said to models and tools, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class Image:
    """A picture that belongs to a message."""

    url: str
    """An https: address that the model's server fetches, or the picture itself as a data: URL."""


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """How a tool is presented to a model, and what it may do."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    """JSON schema of the arguments (an object schema)."""
    deterministic: bool = False
    """The same arguments always give the same result, which may then be kept."""
    side_effects: bool = False
    """It changes something outside the run. Then it asks before it acts, and is never made twice."""
    hosts: tuple[str, ...] = ()
    """Whom it may talk to: names such as `api.example.org`, `*.example.org` for those below it, `*` for any."""
    paths: tuple[str, ...] = ()
    """Folders and files that it reads and writes itself; `~` is the user's home. The system's temporary folder is open
    to every tool, and its own package may be read."""
    secrets: tuple[str, ...] = ()
    """Names of the keys that it is given."""
    processes: bool = False
    """It starts programs on this machine."""
    cost: float = 0.0
    """Money a call costs, in the unit of the price table."""
    isolate: bool = False
    """It runs in a worker process of its own."""
    asks: bool = False
    """It may ask the critic's model, which spends of the run's budget; a tool in a worker process can't."""
    verifies: bool = False
    """It can check claims: see `agentfix.Verifier`."""
    undoes: bool = False
    """Its acts can be taken back: see `agentfix.Undoable`."""
    foreign: bool = False
    """Its name, description and parameters are a stranger's words. A run whose models are told of it has heard them."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A request to run a tool."""

    tool: str
    arguments: Mapping[str, Any]
    id: str = ""


UNASKED = "nobody_to_ask"
"""In the data of a refusal: no call of the tool can be approved in the run, as there is nobody to ask."""


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
        """Whether the call did what was asked."""
        return self.status == "ok"


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation with a model."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    """In a message of role `tool`, what the tool said, as it said it: it is fenced on its way to the model. Put what a
    tool said into another message only through `agentfix.fence`."""
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
