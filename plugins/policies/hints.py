"""Policy `hints`: hints stand in the prompt of every attempt that is made from the question alone (Li et al., "Guiding
Large Language Models via Directional Stimulus Prompting", NeurIPS 2023).

The critic's model writes them, which may be smaller than the actor. The first attempt is therefore not the one that
other strategies begin with. Attempts that follow the same hints are less independent than their votes say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agentfix import Expand, Move, Reflect, Remaining, Tree

from .prompts import render
from .wrapping import Ask

NAME = "hints"
MAX_TOKENS = 120


class Hints:
    """See the module."""

    name = NAME

    def moves(self, ask: Ask, tree: Tree, budget: Remaining, memory: Mapping[str, Any]) -> list[Move]:
        hints = written(tree, NAME)
        if hints is None:
            return [Reflect(NAME, render("hints"), max_tokens=MAX_TOKENS)]
        return [guided(move, hints) for move in ask()]


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
