"""The seams: what a part must be able to do to take part in a run. All async; nothing to inherit.

A second implementation that needs a wider protocol is a design review, not a patch.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

from agentfix.types import (
    Attempt,
    Completion,
    Critique,
    Delta,
    Draft,
    Message,
    ModelRequest,
    Move,
    Observation,
    Remaining,
    Task,
    ToolCall,
    ToolSpec,
    Tree,
)


@runtime_checkable
class Model(Protocol):
    """A language model. One method: a request in, n completions out."""

    name: str

    async def generate(
        self, request: ModelRequest, *, on_delta: Callable[[Delta], None] | None = None
    ) -> list[Completion]:
        """Answer a request.

        Args:
            request: messages, sampling and n.
            on_delta: called in the caller's event loop with each piece of text as it is generated; a model that can't
                stream calls it once per completion or not at all.

        Returns:
            Exactly `request.n` completions; fewer, but at least one, only where `request.max_calls` allowed no more.

        Raises:
            ModelError: the model could not answer.
        """
        ...

    async def aclose(self) -> None:
        """Free what the model holds. May be called twice."""
        ...


@runtime_checkable
class Scorer(Protocol):
    """A model that can also say how likely it finds short answers: yes-no critics, P(True), multiple choice."""

    async def score(self, messages: Sequence[Message], choices: Sequence[str]) -> list[float]:
        """The probability of each choice as the model's next words, from one pass.

        Args:
            messages: the conversation up to the answer.
            choices: short answers whose beginnings differ.

        Returns:
            One probability per choice, in order, normalised over the choices.

        Raises:
            ModelError: the model could not answer, or gives no log-probabilities.
        """
        ...


ExecStatus: TypeAlias = Literal[
    "ok", "error", "timeout", "oom", "crash", "output_limit", "unsupported", "spawn_failed"
]
SessionState: TypeAlias = Literal["fresh", "kept", "rolled_back", "lost"]
OutputStream: TypeAlias = Literal["stdout", "stderr"]
OnOutput: TypeAlias = Callable[[OutputStream, str], None]
HostFunction: TypeAlias = Callable[..., Awaitable[Any]]
"""A function of the host that a program may call by its name. Takes and returns what JSON can say; a ToolError that it
raises is raised in the program, as a RuntimeError with that message."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a program may use."""

    timeout_s: float = 10.0
    memory_bytes: int = 512 * 2**20
    output_bytes: int = 64 * 2**10
    """Per stream; head and tail are kept past it."""
    pids: int = 64
    cpus: float = 1.0
    disk_bytes: int = 64 * 2**20
    """Of the working folder, and as much again of /tmp."""


@dataclass(frozen=True, slots=True)
class Artefact:
    """A file that a program made or changed in its working folder. A figure of matplotlib's becomes one, as PNG."""

    path: str
    """Relative to the working folder, with slashes."""
    media_type: str
    """Told from its first bytes, never from its name."""
    size_bytes: int
    data: bytes | None
    """None when it is larger than a sandbox gives back."""


@dataclass(frozen=True, slots=True)
class FileInfo:
    """A file in a session's working folder."""

    path: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class ExecResult:
    """What happened to a program. An outcome is data; only a failing sandbox raises."""

    status: ExecStatus
    """`ok`; `error`: an uncaught exception or an exit status other than 0; `timeout`; `oom`: it ran out of memory;
    `crash`: a signal ended it; `output_limit`: it printed too much; `unsupported`: this sandbox lacks what it needs;
    `spawn_failed`: it could not be started."""
    stdout: str = ""
    stderr: str = ""
    exit_code: int | None = None
    """0 for `ok`; the process's own code otherwise; None when it was killed or never ran."""
    value: str | None = None
    """The variable that was asked for (`want`) as `str` gives it, or else the last expression as `repr` gives it; None
    when it was not set, when the program does not end in an expression, or when that is None."""
    error: str = ""
    """What went wrong, in one line: the exception's type and message, the limit that was reached, what is lacking."""
    line: int | None = None
    """The line of the program (from 1) where it failed."""
    truncated: bool = False
    """Output or value was cut."""
    seconds: float = 0.0
    peak_memory_bytes: int | None = None
    """Of its largest process; None where the sandbox can't tell."""
    sandbox: str = ""
    """Which sandbox ran it: part of the evidence."""
    signal: str = ""
    """The name of the signal that ended it, such as `SIGSEGV`; empty when none did."""
    cpu_seconds: float | None = None
    """Of all its processes; None where the sandbox can't tell."""
    artefacts: tuple[Artefact, ...] = ()
    state: SessionState = "fresh"
    """`fresh`: it began with no variables; `kept`: it began with those of earlier cells; a cell's own variables are
    kept in both. `rolled_back`: the cell was undone, and the variables are as they were before it. `lost`: all
    variables are gone, and the next cell begins with none."""


@runtime_checkable
class Session(Protocol):
    """An open sandbox for one run."""

    async def exec(self, code: str, limits: Limits = Limits(), *, want: str | None = None, stateful: bool = False,
                   on_output: OnOutput | None = None,
                   functions: Mapping[str, HostFunction] = MappingProxyType({})) -> ExecResult:
        """Run a Python program.

        Args:
            code: the source.
            limits: time, memory, output.
            want: a variable whose value is returned as text when the program ends well.
            stateful: run it as a cell: it sees the variables of the session's earlier cells, and later cells see its
                own; what it writes to its folder stays. Cells run one after another. Without it, the program begins
                from a clean state, with the files that were `put` and nothing else, and leaves nothing behind.
            on_output: called in the caller's event loop with what is printed, as it comes.
            functions: what of the host the program may call by name. A sandbox that can't offer this answers
                `unsupported`.

        Raises:
            SandboxError: the sandbox failed (never: the program did).
        """
        ...

    async def put(self, path: str, data: bytes) -> None:
        """Write a file into the working folder of this session's programs and cells.

        Args:
            path: relative, with slashes; folders are made.
            data: the whole file.

        Raises:
            SandboxFileError: the path leaves the folder or is no file's, or there is no room.
        """
        ...

    async def get(self, path: str) -> bytes:
        """Read a file: as the cells left it, or as it was put.

        Raises:
            SandboxFileError: there is no regular file of that name, or it is too large.
        """
        ...

    async def files(self) -> list[FileInfo]:
        """The files that `get` can read, by path."""
        ...

    async def aclose(self) -> None:
        """Leave nothing behind. May be called twice."""
        ...


@runtime_checkable
class Sandbox(Protocol):
    """A place where model-written programs run."""

    name: str

    async def open(self) -> Session:
        """Make ready to run programs.

        Raises:
            SandboxUnavailableError: it can't be had here; the hint says what would mend that.
        """
        ...

    async def aclose(self) -> None:
        """Free what is kept ready for further sessions. May be called twice; the sandbox can be used again after it."""
        ...


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What a tool is given besides its arguments."""

    sandbox: Session
    timeout_s: float
    seed: int = 0


@runtime_checkable
class Tool(Protocol):
    """Something a model or critic can call."""

    spec: ToolSpec

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> Observation:
        """Do it.

        Args:
            arguments: already validated against `spec.parameters`.
            context: sandbox, deadline and seed.

        Raises:
            ToolError: a message to the model. Any other exception is a fault of the plugin and is named so.
        """
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """A tool call that a critic made, with what came back."""

    call: ToolCall
    observation: Observation


class Ask(Protocol):
    """How a critic asks its model. Journalled and within the budget."""

    async def __call__(self, messages: Sequence[Message], *, schema: Mapping[str, Any] | None = None,
                       temperature: float = 0.0, max_tokens: int = 512, n: int = 1) -> list[Completion]:
        """Returns n completions; fewer, or none, when the budget does not allow them."""
        ...


@dataclass(frozen=True, slots=True)
class CriticContext:
    """What a critic is given."""

    ask: Ask
    kind: TaskKind
    tree: Tree
    asked: tuple[Asked, ...] = ()
    """The tool calls this critic made earlier in this review, in order."""
    seed: int = 0
    model: str = ""
    """Name of the critic's model, for evidence that the model stands for."""


@dataclass(frozen=True, slots=True)
class ToolCalls:
    """A critic's request for evidence: run these, then ask me again."""

    calls: tuple[ToolCall, ...]


@runtime_checkable
class Critic(Protocol):
    """Judges attempts with evidence."""

    name: str

    async def review(
        self, task: Task, attempts: Sequence[Attempt], context: CriticContext
    ) -> ToolCalls | list[Critique]:
        """Ask for evidence, or give verdicts.

        Called again with the observations in `context.asked` after each request for tools. A verdict that can't be
        read from a model's reply is `abstain`, never `accept`.
        """
        ...


@runtime_checkable
class Strategy(Protocol):
    """The hub: decides the next moves. Pure: no I/O, no clock, no randomness but the seed."""

    name: str

    def decide(self, tree: Tree, budget: Remaining, memory: Mapping[str, Any], seed: int) -> list[Move]:
        """The next moves, carried out in order. An empty list stops the run."""
        ...


@dataclass(frozen=True, slots=True)
class Prompt:
    """A rendered prompt and how it wants to be sampled."""

    messages: tuple[Message, ...]
    max_tokens: int = 512
    stop: tuple[str, ...] = ()


@runtime_checkable
class TaskKind(Protocol):
    """What is particular to a sort of task."""

    name: str
    critics: tuple[str, ...]
    """The critics that check it by default."""
    roles: tuple[str, ...]
    """The prompts it has for the actor; the first is the default, any other is an independent way to the answer."""

    def matches(self, task: Task) -> bool:
        """Whether a task of kind `auto` looks like this one."""
        ...

    def prompt(self, task: Task, role: str, parent: Attempt | None, guidance: str) -> Prompt:
        """Put the task to the actor; with a parent, ask for a revision of it."""
        ...

    def read(self, task: Task, role: str, text: str) -> Draft:
        """Read an answer, or the call that will yield it, from a completion."""
        ...

    def settle(self, task: Task, draft: Draft, observation: Observation) -> str | None:
        """Read the answer from the observation of `draft.call`."""
        ...

    def same(self, a: str, b: str) -> bool:
        """Whether two answers are the same answer."""
        ...


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document that a search found."""

    title: str
    text: str
    url: str = ""
    data: Mapping[str, Any] = field(default_factory=dict[str, Any])


@runtime_checkable
class SearchEngine(Protocol):
    """Finds passages."""

    async def search(self, query: str, k: int) -> list[Passage]:
        """The k best passages for a query, best first."""
        ...


@dataclass(frozen=True, slots=True)
class CallKey:
    """Identifies one call of a run: the same place with the same request is the same call."""

    run: str
    place: str
    """Where in the run: `a3.model` for the call that makes attempt 3, `c1.0.program.0` for a critic's, ..."""
    digest: str
    """What is asked, as `agentfix.digest` has it."""


@dataclass(frozen=True, slots=True)
class JournalledCall:
    """A call as the journal has it."""

    place: str
    digest: str
    request: Mapping[str, Any]
    """A model request with `model`, or `tool` and `arguments`."""
    reply: Mapping[str, Any] | None
    """None when it was begun and its end was never written: nobody knows whether it happened."""
    ended: float = 0.0
    """Seconds since the epoch."""


@runtime_checkable
class Journal(Protocol):
    """The one record of what happened. Every call is looked up before it is made and written when it ends.

    Every method raises JournalError when the journal can't be read or written.
    """

    async def begin_run(self, run: str, header: Mapping[str, Any]) -> None:
        """Note that a run begins, or with what header one that is known goes on."""
        ...

    async def header(self, run: str) -> Mapping[str, Any] | None:
        """What `begin_run` noted, or None."""
        ...

    async def find(self, key: CallKey) -> JournalledCall | None:
        """A call of a run, or None when it was never begun."""
        ...

    async def find_anywhere(self, digest: str) -> Mapping[str, Any] | None:
        """The reply that any run has for an equal request, or None."""
        ...

    async def begin(self, key: CallKey, request: Mapping[str, Any]) -> bool:
        """Note, so that even a power cut can't undo it, that a call with side effects is about to be made.

        Returns:
            False when the call was begun before: then it must not be made.
        """
        ...

    async def end(self, key: CallKey, request: Mapping[str, Any], reply: Mapping[str, Any]) -> None:
        """Store a call that ended."""
        ...

    async def calls(self, run: str) -> list[JournalledCall]:
        """The calls of a run in the order in which they ended; those in doubt last."""
        ...

    async def record(self, run: str, kind: str, key: str, data: Mapping[str, Any]) -> None:
        """Store an attempt, a critique or the result, in place of an earlier one of the same key."""
        ...

    async def records(self, run: str, kind: str) -> list[Mapping[str, Any]]:
        """What was recorded of a kind, in the order in which the keys first came."""
        ...

    async def aclose(self) -> None: ...
