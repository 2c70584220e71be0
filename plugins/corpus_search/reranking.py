"""Orders passages anew, by how likely a model finds it that each answers the question.

After Nogueira et al., Findings of EMNLP 2020, with a model that was not trained for it: it reads the question with one
passage at a time, and the probabilities of "yes" are compared.
"""

from __future__ import annotations

from collections.abc import Sequence

from agentfix import Ask, Message, fence, how_likely

from .index import Hit

POOL = 20
"""So many of the best passages by words are read."""
PASSAGE_CHARS = 1200


async def reranked(query: str, hits: Sequence[Hit], ask: Ask, source: str) -> list[Hit]:
    """The same passages, likeliest first; as they were where the model does not say of each.

    Args:
        query: what is asked.
        hits: in the order in which they were found, which stays among equals.
        ask: asks the model, about a passage at a time.
        source: the tool that found them.
    """
    likely: list[float] = []
    for hit in hits:
        said = await how_likely(ask, question(query, hit, source), ("yes", "no"))
        if said is None:
            return [*hits]
        likely.append(said[0])
    order = sorted(range(len(hits)), key=lambda place: -likely[place])
    return [hits[place] for place in order]


def question(query: str, hit: Hit, source: str) -> list[Message]:
    """What the model is asked about one passage. What all have in common stands first: it is read once."""
    shown = fence(" ".join(f"{hit.piece.title}: {hit.piece.text}".split()), source, PASSAGE_CHARS)
    return [
        Message("system", "You judge whether a passage answers a question. Say yes or no only."),
        Message("user", f"Question: {query}\n\n{shown}\n\nDoes this passage answer the question: {query}\n"
                        "Say yes or no only."),
    ]
