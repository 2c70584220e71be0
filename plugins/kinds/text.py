"""Kind `text`: a question answered in words."""

from __future__ import annotations

import re
from functools import lru_cache

from agentfix import Attempt, Draft, Message, Observation, Prompt, Task

from .prompts import render


class TextKind:
    """See the module."""

    name = "text"
    critics = ("tests", "self-critique")
    roles = ("answer",)

    def matches(self, task: Task) -> bool:
        return True

    def prompt(self, task: Task, role: str, parent: Attempt | None, guidance: str) -> Prompt:
        messages = (Message("user", render("text_answer", question=task.question, context=task.context)),)
        if parent is not None:
            messages = (*messages, Message("assistant", parent.text),
                        Message("user", render("text_revise", guidance=guidance)))
        return Prompt(messages, max_tokens=512)

    def read(self, task: Task, role: str, text: str) -> Draft:
        return Draft(text.strip() or None)

    def settle(self, task: Task, draft: Draft, observation: Observation) -> str | None:
        return draft.answer

    def same(self, a: str, b: str) -> bool:
        """The same words, whatever the case and punctuation."""
        return a == b or _words(a) == _words(b)


@lru_cache(maxsize=1024)  # each new attempt is compared with all that came before it
def _words(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\w+", text.casefold()))
