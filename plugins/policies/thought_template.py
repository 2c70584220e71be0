"""Policy `thought-template`: a template of thoughts guides the first attempt, and a correction names the wrong thought
(Yang et al., "SuperCorrect", ICLR 2025, sections 3.1 and 3.2, at inference and without its training).

The template is hierarchical: the pattern of the question, and the steps in detail. Later attempts from the question
alone go without it, so that their votes stay independent of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agentfix import Expand, Move, Reflect, Remaining, Tree, defused, head_and_tail, steps_of

from .hints import guided, written
from .prompts import render
from .wrapping import Ask

NAME = "thought-template"
MAX_TOKENS = 240
LONGEST_STEP = 300
"""Characters of the wrong thought that are quoted."""


class ThoughtTemplate:
    """See the module."""

    name = NAME

    def moves(self, ask: Ask, tree: Tree, budget: Remaining, memory: Mapping[str, Any]) -> list[Move]:
        template = written(tree, NAME)
        if template is None:
            return [Reflect(NAME, render("thought_template"), max_tokens=MAX_TOKENS)]
        decided = [_located(move, tree) for move in ask()]
        if not tree.attempts:
            decided[:1] = [guided(move, defused(template)) for move in decided[:1]]
        return decided


def _located(move: Move, tree: Tree) -> Move:
    """A revision is told the first wrong thought, where a critic knows it. What keeps some steps is told already."""
    if not isinstance(move, Expand) or move.parent is None or move.keep_steps is not None:
        return move
    steps = steps_of(tree.attempts[move.parent].text)
    wrong = next((c.step for c in tree.critiques_of(move.parent) if c.step is not None and c.step in range(len(steps))),
                 None)
    if wrong is None:
        return move
    step = " ".join(head_and_tail(defused(steps[wrong]), LONGEST_STEP).split())
    return replace(move, guidance=render("wrong_thought", good=wrong, step=step, guidance=move.guidance))
