"""Guesses at what comes next, from what was written before: a revision mostly repeats the attempt in its prompt.

Prompt lookup decoding (A. Saxena, 2023; Yang et al., "Inference with Reference: Lossless Acceleration of Large Language
Models", 2023, section 3). The guesses are checked by the model in one batch, and only what it draws itself is taken, so
that they change nothing but the speed.
"""

from __future__ import annotations

from collections.abc import Sequence

LIKE_TOKENS = 3
"""How many last tokens must stand in the text before, to follow it."""
MOST_TOKENS = 32
"""The length of a guess, and of a run that is looked at."""
MOST_PLACES = 64
"""How many places, the last ones, are compared."""
DOUBTS = 6
"""So many failures are thought of beforehand: most runs of three tokens are chance."""
HALF_LIFE_TOKENS = 32
"""After so many judged tokens, what was learnt before counts half."""


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
        """The place that is followed: the token there is the next one's guess."""
        self._run = 0
        """How many tokens before that place are like the last ones; 0 while nothing is followed."""
        self._right = self._judged = 0.0

    @property
    def chance(self) -> float:
        """How likely each token of the guess is to be right, after those before it.

        The longer the text has gone on as it did at the place that is followed, the likelier it goes on so: a run
        counts as if guesses had held, three tokens for three, eight for 21, sixteen for 85.
        """
        held = self._run ** 2 / LIKE_TOKENS
        return (self._right + held) / (self._judged + held + DOUBTS)

    def add(self, token: int) -> None:
        """Take the next token of the text."""
        if self._run and self._tokens[self._followed] == token:
            self._run = min(MOST_TOKENS, self._run + 1)
            self._followed += 1
        else:
            self._run = 0
        self._tokens.append(token)

    def guess(self, most: int) -> list[int]:
        """The tokens that may come next, at most so many; none where nothing suggests any."""
        if not self._run:
            self._index()
            places = self._places.get(tuple(self._tokens[-LIKE_TOKENS:]), [])[-MOST_PLACES:]
            if not places:
                return []
            # After a change the text mostly goes on a little behind where it was left.
            self._followed = max(places, key=lambda place: (place > self._followed, self._run_to(place), -place))
            self._run = self._run_to(self._followed)
        return self._tokens[self._followed:self._followed + min(most, MOST_TOKENS)]

    def judged(self, guessed: int, right: int) -> None:
        """Learn from a guess, of which so many tokens were checked and so many were right."""
        tried = right + (right < guessed)
        kept = 0.5 ** (tried / HALF_LIFE_TOKENS)
        self._right, self._judged = kept * self._right + right, kept * self._judged + tried

    def _run_to(self, place: int) -> int:
        """How many tokens before a place are like the last ones, as far as is looked."""
        end, run = len(self._tokens), LIKE_TOKENS
        while run < min(MOST_TOKENS, place) and self._tokens[place - run - 1] == self._tokens[end - run - 1]:
            run += 1
        return run

    def _index(self) -> None:
        """Note where each short run is followed by something."""
        for end in range(self._indexed, len(self._tokens)):
            self._places.setdefault(tuple(self._tokens[end - LIKE_TOKENS:end]), []).append(end)
        self._indexed = max(self._indexed, len(self._tokens))
