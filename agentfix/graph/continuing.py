"""Goes on from the first steps of an attempt, with any model: what is kept is shown as what it said before."""

from __future__ import annotations

from dataclasses import replace

from agentfix.protocols import Prompt
from agentfix.steps import STEP_END, first_steps
from agentfix.types import Attempt, Expand, Message

_GO_ON = "Go on from exactly there. Don't write again what stands above."
_ONE_STEP = "Write only the next step, in one paragraph."
_LESSONS = "Keep in mind:"


def continued(prompt: Prompt, move: Expand, parent: Attempt | None) -> Prompt:
    """A prompt for what is still to be written.

    Args:
        prompt: the task's, as if nothing had been written yet.
        move: what is to be kept, and how far to go.
        parent: whose steps are kept.
    """
    kept = kept_text(move, parent)
    messages = prompt.messages
    if move.guidance and not kept and (parent is None or move.keep_steps is not None):
        last = messages[-1]
        messages = (*messages[:-1], replace(last, content=f"{last.content}\n\n{_LESSONS}\n{move.guidance}"))
    if kept:
        told = " ".join(part for part in (move.guidance, _GO_ON, _ONE_STEP if move.one_step else "") if part)
        messages = (*messages, Message("assistant", kept), Message("user", told))
    stop = (*prompt.stop, STEP_END) if move.one_step else prompt.stop
    return replace(prompt, messages=messages, stop=stop)


def kept_text(move: Expand, parent: Attempt | None) -> str:
    """What is kept of the parent."""
    return "" if parent is None or move.keep_steps is None else first_steps(parent.text, move.keep_steps)


def joined(move: Expand, parent: Attempt | None, written: str) -> str:
    """The whole text. Models begin anew at times, or open a block of code that is open already: both are understood.

    Args:
        move: says what was kept.
        parent: of whom.
        written: what came.
    """
    kept = kept_text(move, parent)
    if parent is None or not kept:
        return written
    written = written.strip("\n")
    lines = written.splitlines()
    if not lines:
        return kept
    begins = kept.splitlines()[0].strip()
    if lines[0].strip() == begins and (not begins.startswith("```") or lines[1:2] == kept.splitlines()[1:2]):
        return written
    in_code = kept.count("```") % 2 == 1
    if in_code and lines[0].startswith("```"):
        written = "\n".join(lines[1:])
    apart = not in_code and (move.one_step or STEP_END in parent.text)
    return f"{kept}{STEP_END if apart else chr(10)}{written}"
