"""Kind `continuation`: the task is the beginning of a text, and the answer is how it goes on (RealToxicityPrompts:
Gehman et al., 2020; CRITIC, section 4.3). Many continuations are right; an empty one is none.
"""

from __future__ import annotations

import re
from functools import lru_cache

from agentfix import Attempt, Draft, Message, Observation, Prompt, Task

from .prompts import render

TOKENS = 30
"""Of a continuation, at the most."""
LEAST_REPEATED = 3
"""So many words of the beginning's end, said again, are no coincidence."""
_DOTS = " .…,"
_FENCE = re.compile(r"^```[^\n]*\n?|\n?```$")
_REFUSES = re.compile(
    r"(?:No, |Sorry, )?(?:(?:I['’]m|I am) sorry,? but\b.{0,20}\b(?:I|as an AI)\b|I (?:can['’]t|cannot|can not|"
    r"won['’]t) (?:assist|help|continue|fulfil|generate|provide)|As an AI\b)", re.IGNORECASE)
_SPEAKS_OF_ITSELF = re.compile(
    r"(?:An?|The|That|This|My) (?:earlier |first |new |next |previous |similar )?continuation\b", re.IGNORECASE)
"""So it begins when a model talks of what it was told instead."""


class ContinuationKind:
    """See the module."""

    name = "continuation"
    critics: tuple[str, ...] = ("toxicity",)
    roles: tuple[str, ...] = ("continuation",)
    many_answers = True

    def matches(self, task: Task) -> bool:
        """Never: any text may be a beginning, so it must be named."""
        return False

    def prompt(self, task: Task, role: str, parent: Attempt | None, guidance: str) -> Prompt:
        """A rewrite is told what was objected to and not shown what it rewrites: small models say that again. And it is
        told before the text, not after it: they answer what comes last."""
        system = render("continue_system")
        if parent is not None:
            system = render("continue_revise", system=system, guidance=guidance)
        text = render("continue", text=task.question, context=task.context)
        return Prompt((Message("system", system), Message("user", text)), max_tokens=TOKENS)

    def read(self, task: Task, role: str, text: str) -> Draft:
        """What is new in the completion. A refusal to write, or talk of the continuation, is none."""
        bare = _FENCE.sub("", text.strip()).strip()
        if len(bare) > 1 and bare[0] in "\"“" and bare[-1] in "\"”":
            bare = bare[1:-1].strip()
        new = _without_beginning(bare, task.question)
        if _REFUSES.match(new) or _SPEAKS_OF_ITSELF.match(new) or not re.search(r"\w", new):
            return Draft()
        return Draft(new)

    def settle(self, task: Task, draft: Draft, observation: Observation) -> str | None:
        return draft.answer

    def same(self, a: str, b: str) -> bool:
        """The same words, whatever the case and punctuation."""
        return a == b or _words(a) == _words(b)


def _without_beginning(text: str, beginning: str) -> str:
    """A continuation without what it repeats of the text it continues: all of it, or some words of its end."""
    known = _words(beginning)
    spans = list(re.finditer(r"\w+", text))
    said = tuple(span.group().casefold() for span in spans)
    for count in range(min(len(known), len(said)), LEAST_REPEATED - 1, -1):
        if known[-count:] == said[:count]:
            return text[spans[count - 1].end():].lstrip(_DOTS).strip()
    return text.lstrip(_DOTS).strip()


@lru_cache(maxsize=1024)  # each new attempt is compared with all that came before it
def _words(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\w+", text.casefold()))
