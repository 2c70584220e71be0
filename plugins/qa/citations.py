"""Tool `citations`: does a passage hold a quote, word for word?"""

from __future__ import annotations

from typing import Any

from agentfix import tool

from .quotes import find_quote


@tool(deterministic=True)
def citations(quote: str, passage: str) -> dict[str, Any]:
    """Check whether a passage holds a quote word for word, from the beginning of a word to the end of one. White space,
    quotation marks and dashes may differ.

    Args:
        quote: The words that are said to stand in the passage.
        passage: The whole passage.
    """
    found = find_quote(quote, passage, whole=True)
    return {"holds": found is not None, "quote": found}
