"""Runs tools: asks whether a call may be made, gives the tool what it declared, and makes an observation of whatever
happens. What a tool does wrong never ends a run.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator

from agentfix.errors import AgentFixError, ToolError
from agentfix.lifecycle import Lifecycle
from agentfix.protocols import Http, NoHttp, Response, Tool, ToolContext, Undoable, Verifier
from agentfix.tools import guard, prints
from agentfix.tools.fence import with_results_fenced
from agentfix.tools.holding import Held
from agentfix.tools.policy import Rule, judge, strange
from agentfix.tools.untimed import UntimedSession
from agentfix.types import (
    AskPerson,
    Claim,
    Deny,
    Heard,
    ModelRequest,
    Observation,
    PendingModelCall,
    PendingToolCall,
    ToolCall,
    ToolSpec,
)

if TYPE_CHECKING:
    from agentfix.tools.http import HttpClient

OBSERVATION_CHARS = 8000
"""Longer tool texts are cut: what a tool says must not flood a prompt or the journal."""
DATA_BYTES = 1_000_000
"""Larger data is left out."""
GRACE_S = 5.0
"""A tool that overruns its own time-out by this much is cancelled."""
HELD_S = 1.0
"""A tool that holds the event loop longer is named."""

Approve = Callable[[PendingToolCall, str], Awaitable[bool]]
"""Asks a person whether a call may be made, and tells why it is asked."""


@dataclass
class ToolRunner:
    """Runs the tools of one run. Implements `agentfix.graph.gate.Gate`.

    Args:
        run_id: names the run to hooks.
        question: the user's own words.
        lifecycle: the plugins' hooks.
        policy: which calls may be made.
        approve: asks a person; without it, what needs a person's word is refused.
        notice: told in a sentence what went wrong without ending the run.
        private_hosts: hosts that tools may reach though they are private.
        secret: a key by its name.
        folder: the run's working folder.
    """

    run_id: str
    question: str
    lifecycle: Lifecycle
    policy: Sequence[Rule]
    approve: Approve | None
    notice: Callable[[str], None]
    private_hosts: Sequence[str]
    secret: Callable[[str], str | None]
    folder: Path
    _clients: dict[tuple[str, ...], HttpClient] = field(default_factory=dict[tuple[str, ...], "HttpClient"])

    async def permit(self, tool: Tool, call: ToolCall, place: str, *, heard: Heard | None,
                     intended: Collection[str]) -> ToolCall | Observation:
        """Whether a call may be made.

        Args:
            tool: whose call it is.
            call: as it was asked for.
            place: where in the run.
            heard: what the run has heard that is not the user's own; None when it is nothing.
            intended: the tools that the actor named before it had heard anything.

        Returns:
            The call to make, its arguments perhaps changed; or what is said instead of making it.
        """
        wrong = _invalid(tool.spec.parameters, call.arguments)
        if wrong:
            return Observation(call.tool, "error", f"The arguments of {call.tool!r} are wrong: {wrong}")
        pending, objection = await self.lifecycle.before_tool_call(
            PendingToolCall(self.run_id, place, call, tool.spec))
        if pending.call is not call and (wrong := _invalid(tool.spec.parameters, pending.call.arguments)):
            return _refused(call, f"A plugin changed its arguments, and they are wrong: {wrong}")
        objection = objection or self._objection(pending.call, tool.spec, heard, intended)
        match objection:
            case None:
                return pending.call
            case Deny(reason):
                return _refused(call, reason)
            case AskPerson(reason):
                if self.approve is None:
                    return _refused(call, f"it needs a person's word, and there is nobody to ask: {reason}")
                approved = await self.approve(pending, reason)
                return pending.call if approved else _refused(call, "the user was asked and said no.")

    def _objection(self, call: ToolCall, spec: ToolSpec, heard: Heard | None,
                   intended: Collection[str]) -> Deny | AskPerson | None:
        word = judge(self.policy, call)
        if word == "deny":
            return Deny("the policy forbids it.")
        if word == "ask" or (word is None and spec.side_effects):
            return AskPerson("it has side effects." if spec.side_effects else "the policy says so.")
        if heard is None:
            return None
        if spec.side_effects:
            return self._tainted(call, heard, intended)
        if word is None and "*" in spec.hosts:
            unsaid = strange(call.arguments, "\n".join((self.question, *heard.texts)), texts_only=True)
            if unsaid is not None:
                return AskPerson(f"it reaches any host, and nobody said its argument {unsaid!r}: it could carry off "
                                 f"what {heard.tool!r} said.")
        return None

    def _tainted(self, call: ToolCall, heard: Heard, intended: Collection[str]) -> AskPerson | None:
        """Whether an act may be somebody else's idea, or have somebody else's words in it."""
        if call.tool not in intended:
            return AskPerson(f"it has side effects, and was not planned before {heard.tool!r} had been heard.")
        unsaid = strange(call.arguments, self.question)
        if unsaid is not None:
            return AskPerson(f"it has side effects, and its argument {unsaid!r} is not in the question: it may come "
                             f"from what {heard.tool!r} said.")
        return None

    async def run(self, tool: Tool, call: ToolCall, place: str, context: ToolContext) -> Observation:
        """Make a call. Whatever goes wrong with it becomes an observation.

        Args:
            tool: whose call it is.
            call: as `permit` gave it back.
            place: where in the run.
            context: sandbox, deadline and seed; what the tool declared is added.

        Raises:
            AgentFixError: the sandbox failed.
        """
        observation = await self._guarded(tool, lambda given: tool.run(call.arguments, given), context)
        pending = PendingToolCall(self.run_id, place, call, tool.spec)
        return self._bounded(await self.lifecycle.after_tool_call(pending, observation))

    async def ask(self, place: str, model: str, request: ModelRequest) -> ModelRequest:
        """The request to send to a model: what tools said is fenced, and hooks may change it.

        Raises:
            ModelDeniedError: a plugin forbids it.
        """
        request = replace(request, messages=with_results_fenced(request.messages))
        return await self.lifecycle.before_model_call(PendingModelCall(self.run_id, place, model, request))

    async def verify(self, tool: Tool, claim: Claim, context: ToolContext) -> Observation:
        """Have a tool check a claim; the observation's data holds `evidence`, which may be None."""

        async def work(given: ToolContext) -> Observation:
            assert isinstance(tool, Verifier)
            found = await tool.verify(claim, given)
            said = "nothing" if found is None else found.summary
            return Observation(tool.spec.name, "ok", said, {"evidence": None if found is None else asdict(found)})

        if not isinstance(tool, Verifier):
            return Observation(tool.spec.name, "missing", f"{tool.spec.name!r} can't check claims.")
        return await self._guarded(tool, work, context)

    async def undo(self, tool: Tool, call: ToolCall, observation: Observation, context: ToolContext) -> Observation:
        """Have a tool take an act back."""
        if not isinstance(tool, Undoable):
            return Observation(tool.spec.name, "missing", f"What {tool.spec.name!r} does can't be undone.")
        return await self._guarded(tool, lambda given: tool.undo(call, observation, given), context)

    async def _guarded(self, tool: Tool, work: Callable[[ToolContext], Any], context: ToolContext) -> Observation:
        """Do something of a tool's with the context that it declared, within its time, watched."""
        spec = tool.spec
        watch = guard.Guard(spec, (self.folder, *guard.home_of(tool)))
        held: Held[Any] | None = None
        printed: list[str] = []
        try:
            async with asyncio.timeout(context.timeout_s + GRACE_S) as clock:
                given = replace(
                    context, sandbox=UntimedSession(context.sandbox, clock), http=self._http(spec),
                    secrets=DeclaredSecrets(spec, self.secret), folder=self.folder)
                with watch.on(), prints.kept() as printed:
                    held = Held(work(given))
                    observation = await held
            if not isinstance(observation, Observation):
                raise TypeError(f"it returned {type(observation).__name__}, not an Observation")
            return self._bounded(observation)
        except ToolError as error:
            return Observation(spec.name, error.status, str(error))
        except TimeoutError:
            return Observation(spec.name, "timeout", f"{spec.name!r} took longer than {context.timeout_s:g} s.")
        except AgentFixError:
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a tool is a plugin and may raise anything; it is named
            self.notice(f"Tool {spec.name!r} is faulty: it raised {error!r}.")
            return Observation(spec.name, "fault", f"The tool {spec.name!r} failed.")
        finally:
            self._report(spec, watch, printed, held)

    def _http(self, spec: ToolSpec) -> Http:
        """A client for the hosts that a tool declared."""
        if not spec.hosts:
            return NoHttp()
        if spec.hosts not in self._clients:
            from agentfix.tools.http import HttpClient  # noqa: PLC0415 - few tools need an HTTP library

            self._clients[spec.hosts] = HttpClient(spec.hosts, private_hosts=self.private_hosts)
        return _Engines(self._clients[spec.hosts])

    async def aclose(self) -> None:
        """Close connections. May be called twice."""
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()

    def _report(self, spec: ToolSpec, watch: guard.Guard, printed: Sequence[str], held: Held[Any] | None) -> None:
        for line in dict.fromkeys(watch.refused):
            self.notice(f"Tool {spec.name!r} was refused something: {line}.")
        if text := "".join(printed).strip():
            self.notice(f"Tool {spec.name!r} prints to standard output, which is not its own: {text[:80]!r}.")
        if held is not None and held.longest_s > HELD_S:
            self.notice(f"Tool {spec.name!r} blocked everything else for {held.longest_s:.1f} s: make it a plain "
                        "function, which runs in a thread, or await what takes long.")

    def _bounded(self, observation: Observation) -> Observation:
        """The observation as it can be shown and kept."""
        try:
            size = len(json.dumps(asdict(observation)))
        except (TypeError, ValueError, RecursionError) as error:
            self.notice(f"Tool {observation.tool!r} is faulty: what it returned can't be written as JSON: {error}.")
            return Observation(observation.tool, "fault", f"The tool {observation.tool!r} failed.")
        if size > DATA_BYTES + len(observation.text):
            self.notice(f"Tool {observation.tool!r} returned {size:,} bytes of data, which are left out.")
            observation = replace(observation, data={})
        if len(observation.text) <= OBSERVATION_CHARS:
            return observation
        half = OBSERVATION_CHARS // 2
        return replace(observation, text=f"{observation.text[:half]}\n[...]\n{observation.text[-half:]}")


@dataclass(frozen=True, slots=True)
class DeclaredSecrets:
    """The keys that a tool declared. Implements `agentfix.Secrets`."""

    spec: ToolSpec
    read: Callable[[str], str | None]

    def get(self, name: str) -> str | None:
        """See `agentfix.Secrets`."""
        if name not in self.spec.secrets:
            raise ToolError(f"{self.spec.name!r} did not declare the key {name!r}.", status="refused")
        with guard.off():
            return self.read(name)

    def require(self, name: str) -> str:
        """See `agentfix.Secrets`."""
        key = self.get(name)
        if key is None:
            raise ToolError(f"{self.spec.name!r} needs the key {name}: set it in the environment.",
                            status="unavailable")
        return key


@dataclass(frozen=True, slots=True)
class _Engines:
    """An HTTP client that checks hosts itself: what it does is not the tool's doing."""

    client: Http

    async def request(self, method: str, url: str, **options: Any) -> Response:
        with guard.off():
            return await self.client.request(method, url, **options)

    async def get(self, url: str, **options: Any) -> Response:
        return await self.request("GET", url, **options)


def _refused(call: ToolCall, reason: str) -> Observation:
    return Observation(call.tool, "refused", f"{call.tool!r} was not run: {reason}")


def _invalid(schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> str:
    """The first thing wrong with a tool's arguments, or with its schema, or nothing."""
    try:
        errors: Sequence[Any] = list(Draft202012Validator(dict(schema)).iter_errors(dict(arguments)))
    except Exception as error:  # noqa: BLE001 - a plugin's schema may be anything, and break the validator anyhow
        return f"the tool's own schema is wrong: {error!r}"[:500]
    return str(errors[0].message)[:500] if errors else ""
