"""Runs tools: asks whether a call may be made, gives the tool what it declared, and makes an observation of whatever
happens. What a tool does wrong never ends a run.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentfix.errors import JournalError, RecordingError, SandboxError, ToolError
from agentfix.lifecycle import Lifecycle, own_copy
from agentfix.protocols import Http, NoHttp, Response, Tool, ToolContext, Undoable, Verifier
from agentfix.protocols.models import nobody_asked
from agentfix.schemas import checked
from agentfix.tools import guard, prints
from agentfix.tools.approving import Approve, approved
from agentfix.tools.fence import with_results_fenced
from agentfix.tools.holding import Held
from agentfix.tools.keys import DeclaredSecrets
from agentfix.tools.observed import kept
from agentfix.tools.policy import NO_RULE, Rule, allowing, judge, needs_person, strange
from agentfix.tools.untimed import UntimedAsk, UntimedSession
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
from agentfix.types.messages import UNASKED

if TYPE_CHECKING:
    from agentfix.tools.http import HttpClient

GRACE_S = 5.0
"""A tool that overruns its own time-out by this much is cancelled."""
HELD_S = 1.0
"""A tool that holds the event loop longer is named."""


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
        recorded: all is said as it was recorded: nothing is really done, so plugins and people are not asked.
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
    recorded: bool = False
    _told: set[str] = field(default_factory=set[str])
    _clients: dict[tuple[str, ...], HttpClient] = field(default_factory=dict[tuple[str, ...], "HttpClient"])

    def forewarn(self, offered: Sequence[ToolSpec], heard: Heard | None) -> None:
        """Say which of the tools that a model is offered will never run, because there is nobody to ask."""
        lost = [spec.name for spec in offered if spec.side_effects and needs_person(self.policy, spec.name)]
        if self.approve is None and not self.recorded and lost:
            them = "it" if len(lost) == 1 else "them"
            way = f"to allow {them}: {allowing(lost)}" if heard is None else \
                f"no rule can allow {them} once {heard.tool} has been heard"
            self.notice(f"{' and '.join(lost)} can't be approved here, as there is nobody to ask; {way}")

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
        if self.recorded:
            return call
        wrong = await _invalid(tool.spec.parameters, call.arguments)
        if wrong:
            return Observation(call.tool, "error", f"The arguments of {call.tool!r} are wrong: {wrong}")
        pending, objection = await self.lifecycle.before_tool_call(
            PendingToolCall(self.run_id, place, call, tool.spec))
        if pending.call is not call and (
                wrong := await _invalid(tool.spec.parameters, pending.call.arguments)):
            return _refused(call, f"A plugin changed its arguments, and they are wrong: {wrong}")
        match _graver(objection, self._objection(pending.call, tool.spec, heard, intended)):
            case None:
                return pending.call
            case Deny(reason):
                return _refused(call, reason)
            case AskPerson(reason):
                if self.approve is not None:
                    return await self._asked(self.approve, pending, reason)
                rule = Rule("allow", call.tool)
                by_rule = objection is None and not self._objection(pending.call, tool.spec, heard, intended, rule)
                return self._nobody(pending, reason, by_rule=by_rule)

    def _nobody(self, pending: PendingToolCall, reason: str, *, by_rule: bool) -> Observation:
        """What is said where there is nobody to ask, with the way out."""
        tool = pending.call.tool
        way = f"to allow it: {allowing([tool])}" if by_rule else "no rule can allow it"
        refused = _refused(pending.call, f"it needs a person's word, and there is nobody to ask: {reason} ({way})")
        lost = pending.spec.side_effects and needs_person(self.policy, tool)
        return replace(refused, data={UNASKED: True}) if lost else refused

    async def _asked(self, approve: Approve, pending: PendingToolCall, reason: str) -> ToolCall | Observation:
        """The call if a person says that it may be made, exactly as that person was shown it."""
        try:
            yes = await approved(approve, pending, reason)
        except Exception as error:  # noqa: BLE001 - who asks belongs to the application, and may fail anyhow
            self.notice(f"Nobody could be asked whether {pending.call.tool!r} may run: asking raised {error!r}.")
            return _refused(pending.call, f"it needs a person's word, and asking for it raised {error!r}.")
        return pending.call if yes else _refused(pending.call, "the user was asked and said no.")

    def _objection(self, call: ToolCall, spec: ToolSpec, heard: Heard | None,
                   intended: Collection[str], *first: Rule) -> Deny | AskPerson | None:
        word = judge((*first, *self.policy), replace(call, arguments={**_defaults(spec.parameters), **call.arguments}))
        if word == "deny":
            return Deny("the policy forbids it.")
        if word == "ask" or (word is None and spec.side_effects):
            return AskPerson(NO_RULE if word is None else "the policy says so.")
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
            SandboxError: the sandbox failed.
            JournalError: what it asked a model can't be looked up.
            RecordingError: what it said was not recorded.
        """
        pending = PendingToolCall(self.run_id, place, call, tool.spec)
        given_away = own_copy(pending).call.arguments  # what a tool does with them is not what was asked for
        observation = await self._guarded(tool, lambda given: tool.run(given_away, given), context)
        if self.recorded:
            return observation
        return await self.lifecycle.after_tool_call(pending, observation, self._kept)

    async def ask(self, place: str, model: str, request: ModelRequest) -> ModelRequest:
        """The request to send to a model: what tools said is fenced, and hooks may change it.

        Raises:
            ModelDeniedError: a plugin forbids it.
        """
        if self.recorded:
            return request
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
        watch = guard.Guard(spec, (self.folder,), guard.home_of(tool))
        keys = DeclaredSecrets(spec, self.secret)
        held: Held[Any] | None = None
        printed: list[str] = []
        try:
            async with asyncio.timeout(context.timeout_s + GRACE_S) as clock:
                given = replace(
                    context, sandbox=UntimedSession(context.sandbox, clock), http=self._http(spec),
                    secrets=keys, folder=self.folder,
                    ask=UntimedAsk(context.ask, clock) if spec.asks else nobody_asked)
                with watch.on(), prints.kept() as printed:
                    held = Held(work(given))
                    observation = await held
            return keys.struck_from(self._kept(spec.name, observation))
        except ToolError as error:
            return keys.struck_from(Observation(spec.name, error.status, str(error)))
        except TimeoutError:
            return Observation(spec.name, "timeout", f"{spec.name!r} took longer than {context.timeout_s:g} s.")
        except (SandboxError, JournalError, RecordingError):
            raise
        except (Exception, SystemExit, asyncio.CancelledError) as error:  # a tool may raise anything; it is named
            if isinstance(error, asyncio.CancelledError) and _is_cancelled():
                raise
            if (refused := guard.undeclared_in(error)) is not None:  # which `_report` tells a person
                return keys.struck_from(Observation(spec.name, "refused", refused.told))
            self._say(f"Tool {spec.name!r} is faulty: it raised {keys.struck(repr(error))}.")
            return Observation(spec.name, "fault", f"The tool {spec.name!r} failed.")
        finally:
            self._report(spec, watch, [keys.struck("".join(printed))], held)

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
            self._say(f"Tool {spec.name!r} was refused something: {line}.")
        if text := "".join(printed).strip():
            self.notice(f"Tool {spec.name!r} prints to standard output, which is not its own: {text[:80]!r}.")
        if held is not None and held.longest_s > HELD_S:
            self.notice(f"Tool {spec.name!r} blocked everything else for {held.longest_s:.1f} s: make it a plain "
                        "function, which runs in a thread, or await what takes long.")

    def _say(self, line: str) -> None:
        """Tell a person, once in a run."""
        if line not in self._told:
            self._told.add(line)
            self.notice(line)

    def _kept(self, tool: str, said: Any) -> Observation:
        """What a tool said, as it can be shown and kept.

        Raises:
            TypeError: it is none, or can't be written as JSON.
        """
        if self.recorded and isinstance(said, Observation):
            return said  # what the engine said then is the engine's still
        observation, left_out_bytes = kept(tool, said)
        if left_out_bytes:
            self.notice(f"Tool {tool!r} returned {left_out_bytes:,} bytes of data, which are left out.")
        return observation


@dataclass(frozen=True, slots=True)
class _Engines:
    """An HTTP client that checks hosts itself: what it does is not the tool's doing."""

    client: Http

    async def request(self, method: str, url: str, **options: Any) -> Response:
        with guard.off():
            return await self.client.request(method, url, **options)

    async def get(self, url: str, **options: Any) -> Response:
        return await self.request("GET", url, **options)


def _graver(one: Deny | AskPerson | None, other: Deny | AskPerson | None) -> Deny | AskPerson | None:
    """What two objections amount to: a person can't be asked for what is forbidden, and is told all there is to say."""
    if one is None or other is None or isinstance(one, Deny):
        return one or other
    return other if isinstance(other, Deny) else AskPerson(f"{one.reason}; and {other.reason}")


def _is_cancelled() -> bool:
    """Whether the run is given up; else a tool was cancelled by nothing but its own doing."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


def _defaults(schema: Mapping[str, Any]) -> dict[str, Any]:
    """What the arguments are that a call leaves out."""
    properties: Mapping[str, Any] = schema.get("properties", {})
    return {name: each["default"] for name, each in properties.items() if isinstance(each, dict) and "default" in each}


def _refused(call: ToolCall, reason: str) -> Observation:
    return Observation(call.tool, "refused", f"{call.tool!r} was not run: {reason}")


async def _invalid(schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> str:
    """The first thing wrong with a tool's arguments, or with its schema, or nothing."""
    try:
        text = json.dumps(dict(arguments))
    except (TypeError, ValueError, RecursionError) as error:
        return f"they are no JSON: {error}"[:500]
    seen = await checked(text, schema)
    return f"the tool's own schema is wrong: {seen}" if seen.why == "error" else seen.error
