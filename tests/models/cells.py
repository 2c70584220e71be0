"""llama.cpp's unified KV cache as it is: cells of one token each, which belong to sequences."""

from __future__ import annotations


class Cells:
    """Implements `agentfix.models.llamacpp.prefixes.Memory`.

    Args:
        most: how many there are.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.cells: list[tuple[int, int, set[int]]] = []  # token, position, sequences

    def of(self, sequence: int) -> list[int]:
        """The tokens of a sequence, which must have no gaps."""
        mine = sorted((position, token) for token, position, owners in self.cells if sequence in owners)
        assert [position for position, _ in mine] == list(range(len(mine)))
        return [token for _, token in mine]

    def write(self, sequence: int, tokens: list[int]) -> None:
        """Put tokens at its end."""
        begin = len(self.of(sequence))
        self.cells += [(token, begin + i, {sequence}) for i, token in enumerate(tokens)]
        assert len(self.cells) <= self.most, "the cache is full"

    def copy(self, source: int, target: int, tokens: int) -> None:
        """See `Memory`."""
        assert not self.of(target)
        for _, position, owners in self.cells:
            if source in owners and position < tokens:
                owners.add(target)

    def forget(self, sequence: int) -> None:
        """See `Memory`."""
        for _, _, owners in self.cells:
            owners.discard(sequence)
        self.cells = [cell for cell in self.cells if cell[2]]

    def cut(self, sequence: int, tokens: int) -> None:
        """Forget what follows a sequence's first tokens."""
        for _, position, owners in self.cells:
            if position >= tokens:
                owners.discard(sequence)
        self.cells = [cell for cell in self.cells if cell[2]]
