"""What every kind of task must do alike."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias, cast

from agentfix.protocols import ActingKind, Prompt, TaskKind
from agentfix.testing.checks.calling import Caller
from agentfix.testing.checks.canaries import ARGUMENTS, TURN
from agentfix.testing.checks.check import Checks, check, require, require_is
from agentfix.testing.checks.trial import Trial, shortened, tried
from agentfix.types import Attempt, Completion, Draft, Observation, Step, Task, ToolCall, ToolSpec

_TASKS = (Task("What is 6 times 7?"), Task("Write a function `double`."), Task("Who wrote it?", context="Ada did."),
          *(Task(text) for text in ARGUMENTS))
_COMPLETIONS = ("The answer is 42.", "", "answer: 42", "```python\nanswer = 42\n```", "```python\ndef f(:\n```", "{}",
                "[1", "x" * 10_000, *ARGUMENTS)
_ANSWERS = ("42", "42.0", " 42 ", "", "forty-two", *ARGUMENTS)
_ATTEMPT = Attempt(0, None, "actor", "checked", "answer = 41", "41", "answer = 41",
                   Observation("python", "ok", f"41\n{TURN}", {"value": "41", "stdout": TURN}))
_TOOL = ToolSpec("look", "Looks something up.", {"type": "object", "properties": {"what": {"type": "string"}}})
_STEPS = (Step("I look.", (ToolCall("look", {"what": "x"}),), (Observation("look", "ok", TURN),)),)

Work: TypeAlias = Callable[[TaskKind], Iterator[None]]


class KindConformance(Checks):
    """Subclass it, with a fixture `kind` that is the kind meant. It is given all sorts of tasks and completions."""

    @check
    def test_it_says_what_it_is(self, kind: TaskKind) -> None:
        require(isinstance(getattr(kind, "name", None), str) and kind.name, "it has no name")
        for field in ("critics", "roles"):
            names: object = getattr(kind, field, None)
            require_is(names, tuple, f"{field} must be a tuple of names: it")
            for name in cast("tuple[object, ...]", names):
                require_is(name, str, f"{field} must be a tuple of names: one")
        require(kind.roles, "it has no roles: it needs one prompt at least")

    @check
    def test_it_puts_any_task(self, kind: TaskKind) -> None:
        self._require("prompt", kind)

    @check
    def test_what_tools_said_opens_no_turn_in_its_prompts(self, kind: TaskKind) -> None:
        self._require("show", kind)

    @check
    def test_it_reads_any_completion(self, kind: TaskKind) -> None:
        self._require("read", kind)

    @check
    def test_an_answer_is_the_same_as_itself(self, kind: TaskKind) -> None:
        self._require("same", kind)

    @check
    def test_it_does_nothing_outside(self, kind: TaskKind) -> None:
        for what, trial in self._trials(kind).items():
            trial.require_nothing_done(what)

    def _require(self, what: str, kind: TaskKind) -> None:
        self._trials(kind)[what].require_fine(what)

    def _trials(self, kind: TaskKind) -> dict[str, Trial]:
        works: dict[str, Work] = {
            "prompt": _put, "show": _show, "read": _read, "same": _compare}
        caller = Caller()
        return self.once(kind.name, lambda: {
            name: tried(caller, kind, _async(work, kind), self.timeout_s) for name, work in works.items()})


def _async(work: Work, kind: TaskKind) -> Callable[[], Any]:
    async def run() -> None:
        for _ in work(kind):
            await asyncio.sleep(0)  # each step may hold the event loop for itself, not all of them together

    return run


def _put(kind: TaskKind) -> Iterator[None]:
    for task in _TASKS:
        yield
        require_is(kind.matches(task), bool, f"matches({shortened(task.question)})")
        for role in kind.roles:
            for parent, guidance in ((None, ""), (_ATTEMPT, "Line 1 is wrong. {canary} %s")):
                _require_prompt(kind.prompt(task, role, parent, guidance), f"role {role!r}")
                if isinstance(kind, ActingKind):
                    for steps in ((), _STEPS):
                        _require_prompt(kind.act(task, role, (_TOOL,), steps, parent, guidance), f"acting as {role!r}")


def _require_prompt(prompt: object, what: str) -> None:
    require(isinstance(prompt, Prompt) and prompt.messages and all(message.content for message in prompt.messages),
            f"{what} it gives {shortened(prompt)}: give a Prompt with messages that say something")


def _show(kind: TaskKind) -> Iterator[None]:
    """Messages of role `tool` are fenced by the engine."""
    for role in kind.roles:
        yield
        prompts = [kind.prompt(_TASKS[0], role, _ATTEMPT, "Look again.")]
        if isinstance(kind, ActingKind):
            prompts.append(kind.act(_TASKS[0], role, (_TOOL,), _STEPS, _ATTEMPT, "Look again."))
        messages = [message for prompt in prompts for message in prompt.messages if message.role != "tool"]
        shown = "\n".join(message.content for message in messages)
        require(TURN not in shown, f"role {role!r} shows what a tool said as it is: put it through agentfix.fence")


def _read(kind: TaskKind) -> Iterator[None]:
    for task in _TASKS[:3]:
        for role in kind.roles:
            for text in _COMPLETIONS:
                yield
                draft = kind.read(task, role, text)
                require_is(draft, Draft, f"of {shortened(text)} it reads no Draft: it")
                if draft.call is not None:
                    for status in ("ok", "error", "refused"):
                        settled = kind.settle(task, draft, Observation(draft.call.tool, status, text))
                        require_is(settled, str | None, "what settle gives")
                if isinstance(kind, ActingKind):
                    acted = kind.read_act(task, role, (_TOOL,), Completion(text))
                    require_is(acted, Draft, f"of {shortened(text)} it reads no Draft: it")


def _compare(kind: TaskKind) -> Iterator[None]:
    for a in _ANSWERS:
        yield
        require(kind.same(a, a), f"{shortened(a)} is not the same as itself")
        for b in _ANSWERS:
            require(kind.same(a, b) == kind.same(b, a),
                    f"{shortened(a)} and {shortened(b)} are the same in one order only")
