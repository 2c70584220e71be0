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
_LINE = re.compile(r"^[ \t#>*_`-]*verdict[ \t*_`]*[:=]?[ \t*_`]*\b(accept|revise|abstain)\b[ \t\r*_`.!]*$",
                   re.IGNORECASE | re.MULTILINE)
_LONGEST = 100_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """A verdict as read."""

    word: VerdictWord
    feedback: str = ""


def read_verdict(reply: str) -> Verdict:
    """Read the JSON object of `VERDICT_SCHEMA`, alone or in a code fence; else lines `verdict: WORD` that all agree,
    the last of them at the end, with no other talk of a verdict.

    Args:
        reply: anything.

    Returns:
        `abstain` when there is no verdict, or more than one.
    """
    reply = reply.strip()
    if len(reply) > _LONGEST:
        return Verdict("abstain")
    fields = read_object(reply)
    if fields is None:
        return _from_lines(reply)
    word, feedback = fields.get("verdict"), fields.get("feedback", "")
    for known in _WORDS:
        if word == known:
            return Verdict(known, feedback if isinstance(feedback, str) else "")
    return Verdict("abstain")


def read_object(reply: str) -> Mapping[str, object] | None:
    """Read a JSON object, alone or in a code fence: for critics with a schema of their own.

    Args:
        reply: anything.

    Returns:
        None when it is no JSON object, is too long to be one, or says a key twice: its last word need not be what was
        meant.
    """
    reply = reply.strip()
    if len(reply) > _LONGEST:
        return None
    try:
        value: object = json.loads(_unfenced(reply), object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError):
        return None
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else None


def _unfenced(reply: str) -> str:
    if len(reply) >= 6 and reply.startswith("```") and reply.endswith("```"):
        return reply[3:-3].removeprefix("json")
    return reply


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Raises ValueError for an object that says a key twice."""
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key is repeated")
    return dict(pairs)


def _from_lines(reply: str) -> Verdict:
    said = {word.lower() for word in _LINE.findall(reply)}
    rest = _LINE.sub("", reply).strip()
    if "verdict" in rest.lower() or not _LINE.search(reply.rpartition("\n")[2]):
        return Verdict("abstain")
    for known in _WORDS:
        if said == {known}:
            return Verdict(known, rest)
    return Verdict("abstain")
