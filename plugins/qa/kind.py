"""Kind `qa`: a question of fact, answered with a name, a number or a short phrase.

The first attempt is made from memory, as in CRITIC's second task; the role `open-book` answers from what a search for
the question finds.
"""

from __future__ import annotations

from collections.abc import Sequence

from agentfix import Asked, Attempt, Draft, Message, Observation, Prompt, Task, ToolCall, fence

from .answers import short
from .prompts import render
from .quotes import bare
from .searching import first_search, passages_in

PASSAGES = 5
"""How many the role `open-book` reads."""
ANSWER_TOKENS = 40
"""An answer is brief."""


class QaKind:
    """See the module."""

    name = "qa"
    critics = ("facts",)
    roles = ("answer", "open-book")

    def matches(self, task: Task) -> bool:
        """Never: what a user asks is not searched for on the web unless they say so."""
        return False

    def prompt(self, task: Task, role: str, parent: Attempt | None, guidance: str) -> Prompt:
        question = question_of(task)
        if parent is None:
            return Prompt((*_examples(), Message("user", render("answer", question=question))), ANSWER_TOKENS, ("\n",))
        user = render("revise", question=question, answer=parent.answer or "", guidance=guidance)
        return Prompt((Message("system", render("system")), Message("user", user)), ANSWER_TOKENS, ("\n",))

    def look_up(self, task: Task, role: str, known: Sequence[Asked]) -> tuple[ToolCall, ...]:
        """See `agentfix.ReadingKind`."""
        return first_search(task.question, PASSAGES, known) if role == "open-book" else ()

    def open_prompt(self, task: Task, role: str, known: Sequence[Asked]) -> Prompt | None:
        """See `agentfix.ReadingKind`."""
        found = passages_in(known[-1].observation)
        if not found:
            return None
        shown = fence("\n".join(passage.line for passage in found), found[0].tool)
        user = render("open_book", question=question_of(task), passages=shown)
        return Prompt((Message("system", render("system")), Message("user", user)), ANSWER_TOKENS, ("\n",))

    def read(self, task: Task, role: str, text: str) -> Draft:
        return Draft(short(text))

    def settle(self, task: Task, draft: Draft, observation: Observation) -> str | None:
        return draft.answer

    def same(self, a: str, b: str) -> bool:
        """The same words, whatever the case, accents, articles and punctuation."""
        return bare(a) == bare(b)


def _examples() -> list[Message]:
    """The system's words, and two answers that are as brief as they should be."""
    return [
        Message("system", render("system")),
        Message("user", render("answer", question="What is the highest mountain on earth?")),
        Message("assistant", "Mount Everest"),
        Message("user", render("answer", question="In which year did the Berlin Wall fall?")),
        Message("assistant", "1989"),
    ]


def question_of(task: Task) -> str:
    """The question as it is put to a model, with what belongs to it."""
    question = task.question.strip()
    question = question if question.endswith(("?", ".", "!", ":")) else f"{question}?"
    return f"{task.context}\n\n{question}" if task.context else question
