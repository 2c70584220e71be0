"""What judges are shown of a task and of an attempt."""

from __future__ import annotations

import json
from collections.abc import Iterator

from agentfix import Attempt, Task, defused, fence, head_and_tail

QUESTION_CHARS = 6000
ANSWER_CHARS = 6000
MOST_ACTS = 12
ACT_CHARS = 300
"""Of an act, and of what came of it."""
IDEA_CHARS = 400
"""Of an answer that is shown beside the one that is judged."""


def question_of(task: Task) -> str:
    """The question with what belongs to it."""
    return head_and_tail(f"{task.question}\n\n{task.context}".strip(), QUESTION_CHARS)


def answer_of(attempt: Attempt) -> str:
    """All that an attempt says, what its program yields, and what it did: all data, which opens no turn."""
    said = defused(head_and_tail(attempt.text.strip(), ANSWER_CHARS))
    if attempt.steps:
        return "\n".join([said, "", "What was done for it, the last acts:", *[*_acts(attempt)][-MOST_ACTS:]])
    if attempt.program is None or attempt.answer in (None, attempt.program):
        return said
    return f"{said}\n\nThe program yields: {idea_of(attempt)}"


def _acts(attempt: Attempt) -> Iterator[str]:
    for step in attempt.steps:
        for call, seen in zip(step.calls, step.observations, strict=False):  # the last call may have been cut off
            arguments = head_and_tail(json.dumps(dict(call.arguments), ensure_ascii=False), ACT_CHARS)
            yield f"{defused(f'{call.tool}({arguments})')}\n{fence(seen.text, call.tool, ACT_CHARS)}"


def idea_of(attempt: Attempt) -> str:
    """The bare answer of an attempt, in short."""
    return head_and_tail(defused(attempt.answer or ""), IDEA_CHARS)
