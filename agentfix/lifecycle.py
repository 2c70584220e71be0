"""Asks plugins before and after calls are made, and shows them events: `agentfix_before_...`, `..._after_...`,
`agentfix_on_event`. Their contracts are in `agentfix.hookspecs`.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

from agentfix.errors import ModelDeniedError, PluginError
from agentfix.hookspecs import Implementation
from agentfix.threads import in_thread
from agentfix.types import (
    AskPerson,
    Deny,
    Event,
    ModelRequest,
    Observation,
    PendingModelCall,
    PendingToolCall,
    Replace,
)

_LOG = logging.getLogger(__name__)
TIMEOUT_S = 10.0
"""A hook that takes longer has failed."""
FAILED = object()
"""Stands for the answer of a hook that gave none."""


def own_copy(call: PendingToolCall) -> PendingToolCall:
    """The same call with arguments that whoever it is given to may keep and change: they are nobody else's."""
    return replace(call, call=replace(call.call, arguments=deepcopy(dict(call.call.arguments))))


@dataclass
class Lifecycle:
    """The hooks of one run.

    Args:
        implementations: gives those of a hook, in the order in which they are asked.
        notice: told in a sentence what went wrong.
        timeout_s: how long one hook may take.
    """

    implementations: Callable[[str], list[Implementation]]
    notice: Callable[[str], None]
    timeout_s: float = TIMEOUT_S
    _failed: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    _queues: dict[str, asyncio.Queue[Event]] = field(default_factory=dict[str, "asyncio.Queue[Event]"])
    _showing: list[asyncio.Task[None]] = field(default_factory=list["asyncio.Task[None]"])

    @property
    def watched(self) -> bool:
        """Whether any plugin observes events."""
        return bool(self.implementations("agentfix_on_event"))

    async def before_model_call(self, call: PendingModelCall) -> ModelRequest:
        """The request to send.

        Raises:
            ModelDeniedError: a plugin forbids it.
        """
        for hook in self._asked("agentfix_before_model_call"):
            match answer := await self._answer(hook, call=call):
                case None:
                    pass
                case ModelRequest():
                    call = replace(call, request=answer)
                case Deny(reason):
                    raise ModelDeniedError(hook.plugin, reason)
                case _:
                    self._complain(hook, f"returned {answer!r}")
        return call.request

    async def before_tool_call(self, call: PendingToolCall) -> tuple[PendingToolCall, Deny | AskPerson | None]:
        """The call to make, and whether somebody objects."""
        asks: AskPerson | None = None
        for hook in self.implementations("agentfix_before_tool_call"):
            match answer := await self._answer(hook, call=own_copy(call)):
                case None:
                    pass
                case Replace():
                    call = replace(call, call=replace(call.call, arguments=answer.arguments))
                case AskPerson(reason):
                    asks = asks or AskPerson(f"plugin {hook.plugin!r}: {reason}")
                case Deny(reason):
                    return call, Deny(f"plugin {hook.plugin!r} forbids it: {reason}")
                case _:
                    if answer is not FAILED:
                        self._complain(hook, f"returned {answer!r}")
                    if call.spec.side_effects:
                        return call, Deny(f"plugin {hook.plugin!r}, which guards it, failed.")
        return call, asks

    async def after_tool_call(self, call: PendingToolCall, observation: Observation,
                              kept: Callable[[str, Any], Observation]) -> Observation:
        """The observation to use.

        Args:
            call: that was made.
            observation: what it brought.
            kept: makes what a plugin gives instead fit to be kept; raises TypeError when it can't be.
        """
        for hook in self._asked("agentfix_after_tool_call"):
            shown = replace(observation, data=deepcopy(observation.data))
            answer = await self._answer(hook, call=own_copy(call), observation=shown)
            if answer is None or answer is FAILED:
                continue
            try:
                observation = kept(call.call.tool, answer)
            except TypeError as error:
                self._complain(hook, f"failed: {error}")
        return observation

    def on_event(self, event: Event) -> None:
        """Show an event to the plugins that observe events."""
        failed: list[tuple[Implementation, BaseException]] = []
        for hook in self._asked("agentfix_on_event"):
            if inspect.iscoroutinefunction(hook.function):
                self._queue(hook).put_nowait(event)
                continue
            try:
                returned = hook.call(event=event)
                if inspect.iscoroutine(returned):
                    returned.close()
                    raise TypeError("it returned a coroutine: declare it with `async def`")
            except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything; it is named
                failed.append((hook, error))
        for hook, error in failed:  # an event of its own, which comes after this one for everybody
            self._complain(hook, f"failed: {error!r}")

    async def aclose(self) -> None:
        """Let async observers see what is left, within their time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self.timeout_s):
                for queue in self._queues.values():
                    await queue.join()
        for task in self._showing:
            task.cancel()
        await asyncio.gather(*self._showing, return_exceptions=True)
        self._queues.clear()
        self._showing.clear()

    def _queue(self, hook: Implementation) -> asyncio.Queue[Event]:
        if hook.plugin not in self._queues:
            self._queues[hook.plugin] = asyncio.Queue()
            self._showing.append(asyncio.create_task(self._show(hook, self._queues[hook.plugin])))
        return self._queues[hook.plugin]

    async def _show(self, hook: Implementation, queue: asyncio.Queue[Event]) -> None:
        while True:
            event = await queue.get()
            try:
                if (hook.plugin, hook.name) not in self._failed:
                    async with asyncio.timeout(self.timeout_s):
                        await hook.call(event=event)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything; it is named
                self._complain(hook, f"failed: {error!r}")
            finally:
                queue.task_done()

    def _asked(self, name: str) -> list[Implementation]:
        """Those that have not failed in this run."""
        return [hook for hook in self.implementations(name) if (hook.plugin, name) not in self._failed]

    async def _answer(self, hook: Implementation, **given: Any) -> Any:
        """What a plugin says; FAILED when it fails. A plain function runs in a thread, where it blocks nobody."""
        try:
            async with asyncio.timeout(self.timeout_s):
                in_loop = inspect.iscoroutinefunction(hook.function)
                answer = hook.call(**given) if in_loop else await in_thread(hook.call, **given)
                answer = await answer if inspect.isawaitable(answer) else answer
                return Replace(_plain(answer.arguments)) if isinstance(answer, Replace) else answer
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything; it is named
            timed_out = isinstance(error, TimeoutError)
            self._complain(hook, f"took longer than {self.timeout_s:g} s" if timed_out else f"failed: {error!r}")
            return FAILED

    def _complain(self, hook: Implementation, what: str) -> None:
        """Once for each hook of a plugin in a run."""
        if (hook.plugin, hook.name) not in self._failed:
            self._failed.add((hook.plugin, hook.name))
            _LOG.warning("plugin %r: %s failed, and is not asked again in this run", hook.plugin, hook.name)
            self.notice(str(PluginError(hook.plugin, f"{hook.name} {what}.")))


def _plain(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments as the journal will have them. Raises TypeError or ValueError: JSON can't say them."""
    return json.loads(json.dumps(dict(arguments)))
