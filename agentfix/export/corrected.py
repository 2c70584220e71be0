"""Pairs of a wrong attempt and a right one at the same question, and what led from one to the other."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence

from agentfix.export.proofs import Proved
from agentfix.types import Critique


def preferences(known: Sequence[Proved], left_out: Counter[str]) -> Iterator[tuple[Proved, Proved]]:
    """Each wrong attempt with a right one at the same question: its own correction, or else the first there is.

    Attempts count as answers to what was asked before anything was answered, so a correction can be set against what
    it corrects. Those of different roles were asked different things.

    Args:
        known: what is proved, in order.
        left_out: reasons, with how often each was one.
    """
    rights: dict[str, list[Proved]] = {}
    for each in known:
        if each.right and each.question is not None:
            rights.setdefault(json.dumps(each.question), []).append(each)
    paired: set[int] = set()
    for each in known:
        if each.right:
            continue
        if each.question is None:
            left_out["it acted, or was not written as an answer to the question alone"] += 1
            continue
        same = rights.get(json.dumps(each.question), [])
        if not same:
            left_out["it is proved wrong, and no other answer to its question is proved right"] += 1
            continue
        right = next((right for right in same if _descends(right, each)), same[0])
        paired.add(id(right))
        yield each, right
    alone = sum(each.right and id(each) not in paired for each in known)
    if alone:
        left_out["it is proved right, and no wrong answer was set against it"] += alone


def critiques(known: Sequence[Proved], left_out: Counter[str]) -> Iterator[tuple[Critique, Proved, Proved]]:
    """The critiques of wrong attempts that were told to the reviser and led it to a right one.

    Args:
        known: what is proved, in order.
        left_out: reasons, with how often each was one.
    """
    by_place = {(each.run.id, each.attempt.id): each for each in known}
    for right in known:
        parent = right.attempt.parent
        if not right.right or parent is None:
            continue
        wrong = by_place.get((right.run.id, parent))
        if wrong is None or wrong.right or wrong.question is None:
            left_out["what it corrects is not proved wrong"] += 1
            continue
        told = right.turns[0].prompt[-1]["content"]
        said = [c for c in right.run.critiques if c.attempt == parent and c.feedback.strip()]
        heard = [c for c in said if c.feedback.strip() in told]
        if not heard:
            left_out["no critique was told to the one that corrected it"] += 1
        for critique in heard:
            yield critique, wrong, right


def _descends(later: Proved, earlier: Proved) -> bool:
    parent = later.attempt.parent if later.run.id == earlier.run.id else None
    while parent is not None and parent != earlier.attempt.id:
        parent = later.run.attempts[parent].parent
    return parent is not None
