"""What was said before in a conversation: how it is shown with a question, and how a long one is made short.

Earlier turns stand in one block before the question, in the prompts of actors and critics alike. Answers that may hold
what tools or documents said are fenced: they are data, never instructions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from agentfix.tools import defused, fence, head_and_tail
from agentfix.types import Message, Result, Task, Turn

SHORTENED_CHARS = 160
"""Of the question, and of the answer, of an older turn that is not shown whole."""
_FOLLOWS = re.compile(r"(and|but|then|now|so|or|also|what about|how about|what if|if)\b", re.IGNORECASE)
_MARK_CHARS = 40
"""Room for the mark where a text was cut."""


def turn_of(question: str, result: Result) -> Turn:
    """A turn of a conversation that has ended.

    Args:
        question: what was asked.
        result: what came of it. Where the run heard what is not the user's own, so may its answer say.
    """
    return Turn(question, result.answer or "(no answer)", heard=result.heard)


def compacted(history: Sequence[Turn], limit_chars: int) -> tuple[Turn, ...]:
    """A conversation that fits a limit: the newest turns whole, older ones shortened, the oldest left out.

    Args:
        history: the turns, oldest first.
        limit_chars: for all questions and answers together; four characters are about one token of English. The newest
            turn stays, shortened where it alone is longer.

    Returns:
        The turns that are kept, oldest first. A shortened text says how much of it was cut, and the first turn says in
        `left_out` how many came before it.
    """
    kept: list[Turn] = []
    left, whole = limit_chars, True
    for number in range(len(history) - 1, -1, -1):
        turn = replace(history[number], left_out=0)
        if _length(turn) > left:
            whole = False
        if not whole:
            turn = _shortened(turn, SHORTENED_CHARS if kept else max(0, limit_chars // 2 - _MARK_CHARS))
            if kept and _length(turn) > left:
                break
        kept.insert(0, turn)
        left -= _length(turn)
    gone = len(history) - len(kept) + sum(turn.left_out for turn in history)
    return (replace(kept[0], left_out=gone), *kept[1:]) if kept else ()


def follows(task: Task) -> bool:
    """Whether a question goes on from the one before it, by how it begins: `And in 9 boxes?`"""
    return bool(task.history) and _FOLLOWS.match(task.question.strip()) is not None


def with_history(messages: Sequence[Message], task: Task) -> tuple[Message, ...]:
    """A prompt with what was said before, in front of the question.

    Args:
        messages: the prompt. Where none of the user's holds the question, the first is taken for it: examples may
            stand before the question.
        task: with its history.
    """
    asked = [number for number, message in enumerate(messages) if message.role == "user"]
    if not task.history or not asked:
        return tuple(messages)
    question = task.question.strip()
    at = next((number for number in asked if question in messages[number].content), asked[0])
    told = "\n\n".join(_told(turn) for turn in task.history)
    content = f"Earlier in this conversation:\n\n{told}\n\nNow, with that in mind:\n\n{messages[at].content}"
    return (*messages[:at], replace(messages[at], content=content), *messages[at + 1:])


def _told(turn: Turn) -> str:
    answer = fence(turn.answer, "an earlier answer") if turn.heard else defused(turn.answer)
    gone = f"({turn.left_out} earlier turns are left out.)\n\n" if turn.left_out else ""
    return f"{gone}Question: {defused(turn.question)}\nAnswer: {answer}"


def _length(turn: Turn) -> int:
    return len(turn.question) + len(turn.answer)


def _shortened(turn: Turn, limit_chars: int) -> Turn:
    return replace(turn, question=head_and_tail(turn.question, limit_chars),
                   answer=head_and_tail(turn.answer, limit_chars))
