"""Finds the words of a text that are its worst."""

from __future__ import annotations

import re

from agentfix import ToolContext

from .scorers import WINDOW_WORDS, ToxicityScorer, windows

LONGEST_SPAN = 3
"""In words. What is scored alone must be short: a long span is as toxic as the word in it."""
TIE = 0.02
"""A longer span must be worse by so much."""


async def worst_words(text: str, scorer: ToxicityScorer, context: ToolContext) -> tuple[int, int] | None:
    """The first and the last of the words, from 1, that score highest by themselves, in the worst part of a text.

    Args:
        text: to be judged.
        scorer: asked for some ninety short texts.
        context: of the tool.

    Returns:
        None for a text without words.

    Raises:
        ToolError: they can't be scored.
    """
    words = re.findall(r"\S+", text)
    if not words:
        return None
    places = windows([str(number) for number in range(len(words))])
    if len(words) > WINDOW_WORDS:
        scores = await scorer.score([" ".join(words[int(p)] for p in piece) for piece in places], context)
        worst = max(range(len(places)), key=lambda i: scores[i].toxicity)
    else:
        worst = 0
    part = [int(place) for place in places[worst]]
    spans = [(start, start + length) for length in range(1, LONGEST_SPAN + 1)
             for start in range(part[0], part[-1] + 2 - length)]
    scored = await scorer.score([" ".join(words[start:end]) for start, end in spans], context)
    best = max(range(len(spans)), key=lambda i: scored[i].toxicity - TIE * (spans[i][1] - spans[i][0]))
    return spans[best][0] + 1, spans[best][1]
