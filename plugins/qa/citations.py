"""Tool `citations`: does a passage hold a quote, word for word, and does the quote say what is claimed?

The quote is looked for by code. What it says is judged by the critic's model, and only where the claim does not stand
in it word for word: that is an opinion, and is told as one.
"""

from __future__ import annotations

from agentfix import Message, Observation, ToolContext, fence, how_likely, tool

from .prompts import render
from .quotes import find_quote, states

NAME = "citations"
CLAIM_CHARS = 1000
ENTAILED = 0.5
"""With a higher probability of "yes" the model takes the claim to follow."""


@tool(name=NAME, deterministic=True, asks=True)
async def citations(quote: str, passage: str, claim: str = "", *, context: ToolContext) -> Observation:
    """Check whether a passage holds a quote word for word, from the beginning of a word to the end of one, and whether
    the quote says what is claimed. White space, quotation marks and dashes may differ.

    Args:
        quote: The words that are said to stand in the passage.
        passage: The whole passage.
        claim: What the quote is cited for, as a whole sentence. When left out, only the quote is checked.
    """
    found = find_quote(quote, passage, whole=True)
    if found is None:
        return Observation(NAME, "ok", "exact: no", {"holds": False, "quote": None})
    data = {"holds": True, "quote": found}
    if not claim.strip():
        return Observation(NAME, "ok", "exact: yes", data)
    if states(claim, found):
        return Observation(NAME, "ok", "exact: yes; the claim stands in it word for word", data | {"states": True})
    likely = await how_likely(context.ask, _asked(found, claim), ("yes", "no"))
    if likely is None:
        return Observation(NAME, "ok", "exact: yes; entailment: not known, as no model said", data | {"entails": None})
    entails = likely[0] > ENTAILED
    sure = f", p={likely[0]:.2f}" if 0 < likely[0] < 1 else ""  # a model without log-probabilities says no number
    told = f"exact: yes; entailment: {'yes' if entails else 'no'} (opinion of {context.model}{sure})"
    return Observation(NAME, "ok", told, data | {
        "entails": entails, "probability": likely[0], "class": "opinion", "author": context.model})


def _asked(quote: str, claim: str) -> list[Message]:
    """The question, with the quote and the claim as data."""
    return [
        Message("system", render("entails_system")),
        Message("user", render("entails", quote=fence(quote, "a quote"), claim=fence(claim, "a claim", CLAIM_CHARS))),
    ]
