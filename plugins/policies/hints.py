"""Policy `hints`: hints stand in the prompt of every attempt that is made from the question alone (Li et al., "Guiding
Large Language Models via Directional Stimulus Prompting", NeurIPS 2023).

The critic's model writes them, which may be smaller than the actor. The first attempt is therefore not the one that
other strategies begin with. All attempts follow the same hints, and their votes would count an answer in them as often
as it was read: so lines with numbers or names that the task has not are struck out. Even so such attempts are less
independent than their votes say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agentfix import Expand, Move, Reflect, Remaining, Task, Tree, defused

from .prompts import render
from .wrapping import Ask

NAME = "hints"
MAX_TOKENS = 120
_MARK = re.compile(r"^\s*(?:[-*•#>]+|\d+[.)])\s+")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_WORD = re.compile(r"[^\W\d_]\w+")
_BEGINS = re.compile(r"(?:^|[.!?]\s)\W*(?:\d+\W*)?$")
"""What stands before the first word of a sentence."""


class Hints:
    """See the module."""

    name = NAME

    def moves(self, ask: Ask, tree: Tree, budget: Remaining, memory: Mapping[str, Any]) -> list[Move]:
        hints = written(tree, NAME)
        if hints is None:
            return [Reflect(NAME, render("hints"), max_tokens=MAX_TOKENS)]
        return [guided(move, without_answers(hints, tree.task)) for move in ask()]


def without_answers(hints: str, task: Task) -> str:
    """The lines of hints that have no number and no name but those of the task.

    Args:
        hints: as a model wrote them.
        task: that they are about.
    """
    material = f"{task.question}\n{task.context}"
    known = _numbers(material) | {word.casefold() for word in _WORD.findall(material)}
    lines = (defused(line) for line in hints.splitlines())
    return "\n".join(line for line in lines if _numbers(_MARK.sub("", line)) | _names(line) <= known)


def _numbers(text: str) -> set[str]:
    return {found.replace(",", "") for found in _NUMBER.findall(text)}


def _names(line: str) -> set[str]:
    """Words with a capital letter that do not begin a sentence, or are alone in the line."""
    words = list(_WORD.finditer(line))
    return {word[0].casefold() for word in words
            if word[0][0].isupper() and (len(words) == 1 or not _BEGINS.search(line[:word.start()]))}


def written(tree: Tree, name: str) -> str | None:
    """What was written under a name; None before it was."""
    return next((reflection.text for reflection in tree.reflections if reflection.name == name), None)


def guided(move: Move, guidance: str) -> Move:
    """The move, with guidance where it is an attempt from the question alone.

    Args:
        move: what was decided.
        guidance: what is to stand before its own.
    """
    if not isinstance(move, Expand) or move.parent is not None:
        return move
    return replace(move, guidance="\n".join(part for part in (guidance, move.guidance) if part))
