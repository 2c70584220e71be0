"""Kind `tools`: a task that is done with tools, step by step.

Each step is shown what the steps before it brought, errors included (ReAct: Yao et al., ICLR 2023). A step is written
as JSON that is held to the tools' schemas, or by the model's own way of calling tools.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from agentfix import (
    Attempt,
    Completion,
    Draft,
    InputError,
    Message,
    Observation,
    Prompt,
    Step,
    Task,
    ToolSpec,
    defused,
    fence,
)

from .describe import described
from .prompts import render
from .textform import once, read_step, step_schema

STEP_TOKENS = 500
RECENT = 4
"""So many steps are shown whole; what came back in earlier ones is cut shorter."""
RECENT_CHARS, EARLIER_CHARS = 4000, 800
SENTENCE_WORDS = 30
_NUMBER = re.compile(r"(?<![\w.,])-?\d+(?:,\d{3})*(?:\.\d+)?(?!\w)")
_NEGATION = re.compile(r"\b(?:not?|none|never|nothing|cannot|without)\b|n't\b", re.IGNORECASE)
_PLAN = re.compile(r"\s*\**plan\b\W*", re.IGNORECASE)


@dataclass
class ToolsKind:
    """See the module.

    Args:
        native: calls are made by the model's own way.
    """

    native: bool = False

    name = "tools"
    critics: tuple[str, ...] = ("effects", "verify", "tests")
    roles: tuple[str, ...] = ("act",)

    @classmethod
    def of(cls, argument: str) -> ToolsKind:
        """From what follows the colon of `tools:...`.

        Raises:
            InputError: it is no protocol.
        """
        if argument not in ("", "text", "native"):
            raise InputError(f"Kind 'tools' can't call tools by {argument!r}.", "Write tools, or tools:native.")
        return cls(argument == "native")

    def matches(self, task: Task) -> bool:
        """No question looks like it: it is chosen by name, or by naming tools."""
        return False

    def prompt(self, task: Task, role: str, parent: Attempt | None, guidance: str) -> Prompt:
        return self.act(task, role, (), (), parent, guidance)

    def read(self, task: Task, role: str, text: str) -> Draft:
        """An answer from elsewhere: a last step, or the bare words."""
        draft = self.read_act(task, role, (), Completion(text))
        return Draft(draft.answer or text.strip() or None)

    def settle(self, task: Task, draft: Draft, observation: Observation) -> str | None:
        return draft.answer

    def same(self, a: str, b: str) -> bool:
        """The same words, whatever the case and punctuation; or sentences that tell one number, the same, in words half
        of which are the same: models word anew what a tool said."""
        return _words(a) == _words(b) or (_figure(a) is not None and _figure(a) == _figure(b) and _alike(a, b))

    # --- acting ------------------------------------------------------------------------------------------------------

    def act(self, task: Task, role: str, tools: Sequence[ToolSpec], steps: Sequence[Step], parent: Attempt | None,
            guidance: str) -> Prompt:
        """See `agentfix.ActingKind`."""
        guidance = defused(guidance)  # it tells of arguments and evidence, in which a page's words may stand
        question = render("task", question=task.question, context=task.context)
        messages = [Message("system", self._system(tools)), Message("user", question)]
        before = () if parent is None else parent.steps
        messages += self._told(before, tools, later=len(steps))
        if parent is not None:
            said = Message("assistant", parent.text if parent.answer is not None else "(no answer)")
            messages += [said, Message("user", render("revise", guidance=guidance))]
        elif guidance:
            messages[1] = Message("user", f"{question}\n\n{guidance}")
        messages += self._told(steps, tools)
        if self.native:
            return Prompt(tuple(messages), STEP_TOKENS, tools=tuple(tools))
        first = parent is None and not any(step.calls for step in steps)
        schema = step_schema(tools, first=first, stuck=_stuck(steps, tools))
        return Prompt(tuple(messages), STEP_TOKENS, schema=schema)

    def read_act(self, task: Task, role: str, tools: Sequence[ToolSpec], completion: Completion) -> Draft:
        """See `agentfix.ActingKind`."""
        if not self.native:
            return read_step(completion)
        said = completion.text.strip()
        planned = _PLAN.match(said)
        plan = tuple(line.strip() for line in said[planned.end():].splitlines() if line.strip()) if planned else ()
        if completion.tool_calls:
            return Draft(calls=once(completion.tool_calls), plan=plan)
        if planned:
            return Draft(problem="Now make the first call of your plan.", plan=plan)
        return Draft(said) if said else Draft(problem="Your reply is empty. Call a tool, or answer.")

    def _system(self, tools: Sequence[ToolSpec]) -> str:
        if self.native:
            return render("native_system")
        return render("text_system", looking=[described(tool) for tool in tools if not tool.side_effects],
                      acting=[described(tool) for tool in tools if tool.side_effects])

    def _told(self, steps: Sequence[Step], tools: Sequence[ToolSpec], later: int = 0) -> Iterator[Message]:
        """Steps as a conversation.

        Args:
            steps: what was done.
            tools: what there is to call.
            later: how many steps came after these.
        """
        names = ", ".join(tool.name for tool in tools)
        for number, step in enumerate(steps):
            limit = RECENT_CHARS if number + RECENT >= len(steps) + later else EARLIER_CHARS
            if not self.native or not step.calls:
                results = [{"tool": defused(seen.tool), "status": defused(seen.status),
                            "text": fence(seen.text, seen.tool, limit)} for seen in step.observations]
                yield Message("assistant", step.text or "(nothing)")
                yield Message("user", render("results", problem=step.problem, results=results, names=names))
                continue
            yield Message("assistant", step.text, step.calls)
            for call, seen in zip(step.calls, step.observations, strict=True):
                text = _cut(seen.text, limit)  # the engine fences what messages of tools say
                yield Message("tool", text if seen.ok else f"{seen.status}: {text}", tool_call_id=call.id)


def _cut(text: str, limit: int) -> str:
    half = limit // 2
    return text if len(text) <= limit else f"{text[:half]}\n[...]\n{text[-half:]}"


def _stuck(steps: Sequence[Step], tools: Sequence[ToolSpec]) -> set[str]:
    """The tools that are left out of the next step: those that the last one called in vain, as it had called them
    before. Who only acts again what was done, or did not work, looks next, or answers: else the next best act is made,
    which nobody asked for."""
    last = steps[-1].observations if steps else ()
    if any(seen.status != "repeated" for seen in last):
        return set()
    called, acting = {seen.tool for seen in last}, {tool.name for tool in tools if tool.side_effects}
    return called | acting if called & acting else called


def _figure(text: str) -> tuple[Decimal, bool] | None:
    """The one number that a sentence tells, and whether it denies something; None when it tells none, or several."""
    words = _words(text)
    numbers = {Decimal(number.replace(",", "")) for number in _NUMBER.findall(text)}
    if len(numbers) != 1 or len(words) > SENTENCE_WORDS:
        return None
    return numbers.pop(), bool(_NEGATION.search(text))


def _alike(a: str, b: str) -> bool:
    """Whether of two sentences that tell one number, counted as a word, half of the shorter one's words are in both."""
    one, other = ({"", *_words(_NUMBER.sub(" ", text))} for text in (a, b))
    return 2 * len(one & other) >= min(len(one), len(other))


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())
