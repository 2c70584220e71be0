"""The choices of a scoring, beside each other in one batch, or in as many as there are sequences for."""

from __future__ import annotations

from agentfix.models.llamacpp.decoder import Decoder, Row
from agentfix.models.llamacpp.prefixes import PrefixTree
from agentfix.models.llamacpp.reading import Reading
from agentfix.models.llamacpp.requests import Scoring


class Choices:
    """The choices of more than one token, each in a sequence of its own after the prompt, for one step.

    Args:
        tree: where the sequences are.
        reading: whose prompt is read, and of whose choices the first tokens are scored.

    Raises:
        LookupError: no sequence is free.
    """

    def __init__(self, tree: PrefixTree, reading: Reading) -> None:
        assert isinstance(reading.asked, Scoring)
        self.reading = reading
        self._tree = tree
        self._choices = reading.asked.choices
        self._forks: dict[int, int] = {}
        self._end = reading.chosen
        """Where those of this step end."""
        for number in range(reading.chosen, len(self._choices)):
            if len(self._choices[number]) > 1:
                try:
                    self._forks[number] = tree.fork(reading.sequence, reading.read)
                except LookupError:
                    if not self._forks:
                        raise
                    break
            self._end = number + 1

    def rows(self) -> list[Row]:
        """All but the last token of each."""
        return [Row(token, self.reading.read + i, fork, True)
                for number, fork in self._forks.items() for i, token in enumerate(self._choices[number][:-1])]

    def take(self, llama: Decoder, row: int) -> None:
        """Add what follows from the rows of the last batch, of which `row` is the first."""
        for number in self._forks:
            for token in self._choices[number][1:]:
                self.reading.scores[number] += llama.logprobs([token], row)[0]
                row += 1
        self.reading.chosen = self._end

    def close(self) -> None:
        """Forget the choices."""
        for fork in self._forks.values():
            self._tree.close(fork)
