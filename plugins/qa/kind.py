"""Kind `qa`: a question of fact, answered with a name, a number or a short phrase.

The first attempt is made from memory, as in CRITIC's second task; the role `open-book` answers from what a search for
the question finds.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from agentfix import Asked, Attempt, Draft, Message, Observation, Prompt, Task, ToolCall, fence

from .prompts import render
from .quotes import words
from .searching import first_search, passages_in

PASSAGES = 5
"""How many the role `open-book` reads."""
ANSWER_TOKENS = 40
_NONE = frozenset({"unknown", "none", "not known", "not stated", "i dont know", "not specified", "na", "not mentioned"})


class QaKind:
    """See the module."""

    name = "qa"
    critics = ("facts",)
    roles = ("answer", "open-book")

    def matches(self, task: Task) -> bool:
        """Never: what a user asks is not searched for on the web unless they say so."""
        return False

    def prompt(self, task: Task, role: str, parent: Attempt | None, guidance: str) -> Prompt:
        question = _asked(task)
        if parent is None:
            messages = (Message("system", render("system")), Message("user", render("answer", question=question)))
        else:
            messages = (Message("system", render("system")),
                        Message("user", render("revise", question=question, evidence=guidance)))
        return Prompt(messages, ANSWER_TOKENS, ("\n",))

    def look_up(self, task: Task, role: str, known: Sequence[Asked]) -> tuple[ToolCall, ...]:
        """See `agentfix.ReadingKind`."""
        return first_search(task.question, PASSAGES, known) if role == "open-book" else ()

    def open_prompt(self, task: Task, role: str, known: Sequence[Asked]) -> Prompt:
        """See `agentfix.ReadingKind`."""
        found = passages_in(known[-1].observation)
        passages = fence("\n".join(passage.line for passage in found), known[-1].observation.tool)
        user = render("open_book", question=_asked(task), passages=passages)
        return Prompt((Message("system", render("system")), Message("user", user)), ANSWER_TOKENS, ("\n",))

    def read(self, task: Task, role: str, text: str) -> Draft:
        return Draft(short(text))

    def settle(self, task: Task, draft: Draft, observation: Observation) -> str | None:
        return draft.answer

    def same(self, a: str, b: str) -> bool:
        """The same words, whatever the case, accents, articles and punctuation."""
        return _bare(a) == _bare(b)


def short(text: str) -> str | None:
    """The answer that a model's reply begins with; None when it gives none."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    line = re.sub(r"^(?:the )?(?:final )?answer(?: is)?\s*:?\s*", "", line, flags=re.IGNORECASE)
    line = line.strip(" \t*\"'“”").removesuffix(".") if not re.search(r"\b[A-Z]\.$", line) else line
    return None if not line or " ".join(words(line)) in _NONE else line


def _bare(answer: str) -> list[str]:
    return [word for word in words(answer) if word not in ("a", "an", "the")]


def _asked(task: Task) -> str:
    question = task.question.strip()
    question = question if question.endswith(("?", ".", "!", ":")) else f"{question}?"
    return f"{task.context}\n\n{question}" if task.context else question
