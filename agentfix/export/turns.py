"""What the model was asked for an attempt, and what it wrote: from the calls of its run, never made up again."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from agentfix.export.runs import Run
from agentfix.protocols import JournalledCall
from agentfix.types import Attempt

Chat: TypeAlias = list[dict[str, str]]
"""Messages as TRL has them."""
GIVEN = "given"
"""The role of an answer that came with its task."""
_OF_ATTEMPTS = re.compile(r"a(\d+)\.model")


@dataclass(frozen=True, slots=True)
class Turn:
    """One call of the model."""

    prompt: Chat
    text: str


def turns_of(run: Run, attempt: Attempt, left_out: Counter[str]) -> list[Turn]:
    """The calls that made an attempt, in order: one, or of an attempt that acts one for each step that went well and
    the one that answered. Where there are none to use, `left_out` counts why.

    Args:
        run: whose attempt it is.
        attempt: one of the run's.
        left_out: reasons, with how often each was one.
    """
    if attempt.role == GIVEN:
        left_out["the answer was given, not written by a model"] += 1
        return []
    found = list(_acted(run, attempt) if attempt.steps else _written(run, attempt))
    if not found:
        left_out["its prompt is not in the journal"] += 1
    elif any(_foreign(call.request, completion) for call, completion in found):
        left_out["its prompt holds pictures, or calls of tools in the model's own form"] += 1
    else:
        return [Turn(_chat(call.request), str(completion["text"])) for call, completion in found]
    return []


def _written(run: Run, attempt: Attempt) -> Iterator[tuple[JournalledCall, Mapping[str, Any]]]:
    """The call of an attempt: it stands at the place of the first attempt that it made."""
    firsts = {int(match[1]) for call in run.calls if (match := _OF_ATTEMPTS.fullmatch(call.place))}
    for first in sorted((n for n in firsts if n <= attempt.id), reverse=True):
        for call in reversed(run.calls):
            if call.place != f"a{first}.model":
                continue
            given = _completions(call)[attempt.id - first:]
            if given and _ends_alike(str(given[0]["text"]), attempt.text):
                yield call, given[0]
                return


def _acted(run: Run, attempt: Attempt) -> Iterator[tuple[JournalledCall, Mapping[str, Any]]]:
    texts = [(step.text, not step.problem and all(seen.ok for seen in step.observations)) for step in attempt.steps]
    if attempt.answer is not None:
        texts.append((attempt.text, True))
    for number, (text, well) in enumerate(texts):
        at_place = [call for call in run.calls if call.place == f"a{attempt.id}.s{number}.model"]
        found = ((call, given) for call in reversed(at_place) for given in _completions(call) if given["text"] == text)
        if well and (made := next(found, None)):
            yield made


def _completions(call: JournalledCall) -> Sequence[Mapping[str, Any]]:
    return (call.reply or {}).get("completions", ())


def _ends_alike(written: str, text: str) -> bool:
    """Whether a text is what was written, perhaps behind steps that were kept of an earlier attempt."""
    return written == text or written.rstrip().splitlines()[-1:] == text.rstrip().splitlines()[-1:]


def _foreign(request: Mapping[str, Any], completion: Mapping[str, Any]) -> bool:
    asked = request["messages"]
    return bool(completion.get("tool_calls")) or any(
        message.get("images") or message.get("tool_calls") or message["role"] == "tool" for message in asked)


def _chat(request: Mapping[str, Any]) -> Chat:
    return [{"role": message["role"], "content": message["content"]} for message in request["messages"]]
