"""Guesses at what comes next, from what was written before: a revision mostly repeats the attempt in its prompt.

Prompt lookup decoding (A. Saxena, 2023; Yang et al., "Inference with Reference: Lossless Acceleration of Large Language
Models", 2023, section 3). The guesses are checked by the model in one batch, and only what it draws itself is taken, so
that they change nothing but the speed.
"""

from __future__ import annotations

from collections.abc import Sequence

SURE_TOKENS, LIKE_TOKENS = 8, 3
"""How many last tokens must stand in the text before, to follow it: after a failure, and otherwise."""
FIRST_TOKENS, MOST_TOKENS = 8, 32
"""The length of the first guess, and of one after guesses that all held."""


class Drafts:
    """Follows a text as it is written.

    Args:
        tokens: what it may repeat, and what it goes on from.
    """

    def __init__(self, tokens: Sequence[int]) -> None:
        self._tokens = list(tokens)
        self._places: dict[tuple[int, ...], list[int]] = {}
        self._indexed = LIKE_TOKENS
        self._followed = 0
        self._following = False
        self._length = FIRST_TOKENS
        self._needed = LIKE_TOKENS

    def add(self, token: int) -> None:
        """Take the next token of the text."""
        self._following = self._following and self._tokens[self._followed] == token
        self._followed += self._following
        self._tokens.append(token)

    def guess(self, most: int) -> list[int]:
        """The tokens that may come next, at most so many; none where nothing suggests any."""
        if not self._following:
            self._index()
            places = self._places.get(tuple(self._tokens[-LIKE_TOKENS:]), [])
            alike = [place for place in places if self._alike(place)]
            if not alike:
                return []
            # After a change the text mostly goes on a little behind where it was left.
            self._followed = next((place for place in alike if place > self._followed), alike[-1])
            self._following = True
        return self._tokens[self._followed:self._followed + min(most, self._length)]

    def judged(self, guessed: int, right: int) -> None:
        """Learn from a guess: longer ones while they hold, more caution when one fails at once."""
        if right == guessed:
            self._length = min(MOST_TOKENS, 2 * self._length)
            self._needed = LIKE_TOKENS
        elif 2 * right < guessed:
            self._length = FIRST_TOKENS
            self._needed = SURE_TOKENS if right < LIKE_TOKENS else LIKE_TOKENS

    def _alike(self, place: int) -> bool:
        end, needed = len(self._tokens), self._needed
        return place >= needed and self._tokens[place - needed:place] == self._tokens[end - needed:end]

    def _index(self) -> None:
        """Note where each short run is followed by something."""
        for end in range(self._indexed, len(self._tokens)):
            self._places.setdefault(tuple(self._tokens[end - LIKE_TOKENS:end]), []).append(end)
        self._indexed = max(self._indexed, len(self._tokens))
