"""Tool `reflect`: a small search of its own for a question that comes up on the way.

The critic's model answers it several times over; the answer that most of them give is returned with how many do, and
with how likely the model finds it. It takes at most SAMPLES * TOKENS completion tokens and one more for each answer,
of what the run has left.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from agentfix import Completion, Message, Observation, ToolContext, ToolError, how_likely, tool

from .prompts import render

NAME = "reflect"
SAMPLES = 5
TOKENS = 160
TEMPERATURE = 0.7
JUDGED = 3
"""Different answers that are judged."""
_ANSWER = re.compile(r"^\W*answer\W*:\s*(.+?)\s*$", re.IGNORECASE | re.MULTILINE)


@tool(name=NAME, asks=True)
async def reflect(question: str, *, context: ToolContext) -> Observation:
    """Think a question over several times, and see which answer comes up most often. For a question on the way to your
    answer that no other tool can answer. It knows nothing but what the question says.

    Args:
        question: The whole question, with all that is needed to answer it.
    """
    if not question.strip():
        raise ToolError("There is no question.", status="error")
    replies = await context.ask([Message("user", render("reflect", question=question))], temperature=TEMPERATURE,
                                max_tokens=TOKENS, n=SAMPLES)
    answers = [answer for reply in replies if (answer := _answer(reply))]
    if not answers:
        raise ToolError("No answer came: nothing is left of the run's budget, or the model gave none.",
                        status="unavailable")
    groups = _groups(answers)
    likely = [await _likely(question, group[0], context) for group in groups[:JUDGED]]
    best = max(range(len(likely)), key=lambda i: (len(groups[i]), likely[i] or 0.0, -i))
    told = "" if likely[best] is None else f", found right with probability {likely[best]:.2f}"
    others = [group[0] for i, group in enumerate(groups) if i != best]
    beside = f"\nother answers: {'; '.join(others)}" if others else ""
    support = f"{len(groups[best])} of {len(answers)} samples of {context.model} say so{told}: an opinion"
    return Observation(NAME, "ok", f"{groups[best][0]}\n({support}){beside}", {
        "answer": groups[best][0], "agree": len(groups[best]), "samples": len(answers), "probability": likely[best],
        "class": "opinion", "author": context.model})


def _answer(reply: Completion) -> str:
    """What a sample answers: its last line that says so; nothing where it was cut off before."""
    found: list[str] = _ANSWER.findall(reply.text)
    return found[-1] if found else ""


def _groups(answers: Sequence[str]) -> list[list[str]]:
    """Answers that are the same but for case and punctuation, the most frequent first."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for answer in answers:
        groups.setdefault(tuple(re.findall(r"[\w.]*\w", answer.casefold())), []).append(answer)
    return sorted(groups.values(), key=len, reverse=True)


async def _likely(question: str, answer: str, context: ToolContext) -> float | None:
    prompt = render("reflect_value", question=question, answer=answer)
    found = await how_likely(context.ask, [Message("user", prompt)], ("Yes", "No"))
    return None if found is None else found[0]
