"""What judges are shown of a task and of an attempt."""

from __future__ import annotations

from agentfix import Attempt, Task, defused, head_and_tail

QUESTION_CHARS = 6000
ANSWER_CHARS = 6000
IDEA_CHARS = 400
"""Of an answer that is shown beside the one that is judged."""


def question_of(task: Task) -> str:
    """The question with what belongs to it."""
    return head_and_tail(f"{task.question}\n\n{task.context}".strip(), QUESTION_CHARS)


def answer_of(attempt: Attempt) -> str:
    """All that an attempt says, and what its program yields: that is a tool's word."""
    said = head_and_tail(attempt.text.strip(), ANSWER_CHARS)
    if attempt.program is None or attempt.answer in (None, attempt.program):
        return said
    return f"{said}\n\nThe program yields: {idea_of(attempt)}"


def idea_of(attempt: Attempt) -> str:
    """The bare answer of an attempt, in short."""
    return head_and_tail(defused(attempt.answer or ""), IDEA_CHARS)
