"""Reads a verdict out of a model's reply. What can't be read is `abstain`, never `accept`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from agentfix.types import VerdictWord

VERDICT_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "feedback": {"type": "string", "maxLength": 600},
        "verdict": {"enum": ["accept", "revise", "abstain"]},
    },
    "required": ["feedback", "verdict"],
    "additionalProperties": False,
}
"""For models that can be constrained. The feedback comes first: a verdict after its reasons is a better one
(Critique-out-Loud: Ankner et al., 2024)."""

_WORDS: tuple[VerdictWord, ...] = ("accept", "revise", "abstain")
_LINE = re.compile(r"^\W*verdict\W*\b(accept|revise|abstain)\b\W*$", re.IGNORECASE | re.MULTILINE)
_LONGEST = 100_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """A verdict as read."""

    word: VerdictWord
    feedback: str = ""


def read_verdict(reply: str) -> Verdict:
    """Read the JSON object of `VERDICT_SCHEMA`, alone or in a code fence; else lines `verdict: WORD` that all agree.

    Args:
        reply: anything.

    Returns:
        `abstain` when there is no verdict, or more than one.
    """
    reply = reply[:_LONGEST].strip()
    fenced = re.fullmatch(r"```(?:json)?\s*(.*?)\s*```", reply, re.DOTALL)
    try:
        value: object = json.loads(fenced[1] if fenced else reply)
    except (ValueError, RecursionError):
        return _from_lines(reply)
    if not isinstance(value, dict):
        return Verdict("abstain")
    fields = cast("dict[str, object]", value)
    word, feedback = fields.get("verdict"), fields.get("feedback", "")
    for known in _WORDS:
        if word == known:
            return Verdict(known, feedback if isinstance(feedback, str) else "")
    return Verdict("abstain")


def _from_lines(reply: str) -> Verdict:
    said = {word.lower() for word in _LINE.findall(reply)}
    for known in _WORDS:
        if said == {known}:
            return Verdict(known, _LINE.sub("", reply).strip())
    return Verdict("abstain")
