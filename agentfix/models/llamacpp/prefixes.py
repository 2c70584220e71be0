"""Which tokens lie in the KV cache, under which sequence: a tree whose paths share what they have in common.

Pure bookkeeping. What is done here to a sequence is done to llama.cpp's memory by the same call of `Memory`, so that
`cells` is what the cache really holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol


class Memory(Protocol):
    """The KV cache of a context."""

    def copy(self, source: int, target: int, tokens: int) -> None:
        """Let an empty sequence share the first tokens of another."""
        ...

    def forget(self, sequence: int) -> None:
        """Forget a sequence."""
        ...


@dataclass(eq=False)
class _Node:
    """A run of tokens that the same sequences share. A leaf is the end of one sequence, and may be empty."""

    parent: _Node | None
    tokens: list[int] = field(default_factory=list[int])
    children: list[_Node] = field(default_factory=list["_Node"])
    sequence: int = -1

    @property
    def start(self) -> int:
        """The position of its first token."""
        length, node = 0, self.parent
        while node is not None:
            length, node = length + len(node.tokens), node.parent
        return length


@dataclass(eq=False)
class _Held:
    leaf: _Node
    used: int
    pinned: bool = True


class PrefixTree:
    """The sequences of one context, and what they share (after RadixAttention: Zheng et al., SGLang, section 3).

    A sequence is pinned while it is written; afterwards it is kept until its room or its number is wanted.

    Args:
        memory: where the tokens lie.
        cells: how many tokens it can hold.
        sequences: how many sequences it can tell apart.
        in_parts: whether a part of a sequence can be shared; a recurrent model's memory is shared whole or not at all.
    """

    def __init__(self, memory: Memory, cells: int, sequences: int, *, in_parts: bool = True) -> None:
        self._memory = memory
        self._most = cells
        self._in_parts = in_parts
        self._free = list(range(sequences - 1, -1, -1))
        self._root = _Node(None)
        self._held: dict[int, _Held] = {}
        self._clock = 0
        self.cells = 0
        """Tokens that lie in the cache; shared ones are counted once."""

    @property
    def pinned(self) -> int:
        """Tokens that can't be given up now."""
        return self._pinned_in(self._root)[1]

    def tokens_of(self, sequence: int) -> list[int]:
        """The tokens of a sequence, from the first."""
        node: _Node | None = self._held[sequence].leaf
        parts: list[list[int]] = []
        while node is not None:
            parts.append(node.tokens)
            node = node.parent
        return [token for part in reversed(parts) for token in part]

    def known(self, tokens: Sequence[int]) -> int:
        """How many of these tokens lie in the cache already, from the first."""
        return self._longest(tokens)[0]

    def open(self, tokens: Sequence[int]) -> tuple[int, int]:
        """Make a pinned sequence that begins with as many of these tokens as the cache has.

        Returns:
            Its number, and how many tokens it has.

        Raises:
            LookupError: every number belongs to a pinned sequence.
        """
        if not self._free:
            known, node = self._longest(tokens)
            if known:
                self._touch(_some_leaf(node).sequence)  # so that it is the last to be given up
            if not self._give_up_one():
                raise LookupError("no sequence is free")
        known, node = self._longest(tokens)
        sequence, leaf = self._free.pop(), _Node(self._root)
        if known:
            donor = _some_leaf(node).sequence
            self._touch(donor)
            self._memory.copy(donor, sequence, known)
            leaf.parent = self._part_at(node, known)
        assert leaf.parent is not None
        leaf.parent.children.append(leaf)
        leaf.sequence = sequence
        self._held[sequence] = _Held(leaf, self._tick())
        return sequence, known

    def fork(self, sequence: int, tokens: int) -> int:
        """Make a pinned sequence of the first tokens of another.

        Raises:
            LookupError: every number belongs to a pinned sequence.
        """
        made, known = self.open(self.tokens_of(sequence)[:tokens])
        assert known == tokens
        return made

    def extend(self, sequence: int, tokens: Sequence[int]) -> None:
        """Say that tokens were decoded at the end of a sequence."""
        self._held[sequence].leaf.tokens.extend(tokens)
        self.cells += len(tokens)

    def room_for(self, tokens: int) -> bool:
        """Make room for so many more tokens, giving up what was used longest ago; False when pinned ones fill it."""
        if self.pinned + tokens > self._most:
            return False
        while self.cells + tokens > self._most:
            if not self._give_up_one():
                return False
        return True

    def keep(self, sequence: int) -> None:
        """It is written: keep it for as long as there is room."""
        self._held[sequence].pinned = False
        self._touch(sequence)

    def close(self, sequence: int) -> None:
        """Forget a sequence, and the tokens that only it has."""
        leaf = self._held.pop(sequence).leaf
        self._memory.forget(sequence)
        self._free.append(sequence)
        self._remove(leaf)

    def clear(self) -> None:
        """The memory was emptied: nothing is in it any more."""
        self._free = sorted([*self._free, *self._held], reverse=True)
        self._held.clear()
        self._root = _Node(None)
        self.cells = 0

    # --- the tree -------------------------------------------------------------------------------------------------

    def _longest(self, tokens: Sequence[int]) -> tuple[int, _Node]:
        if self._in_parts:
            return self._match(self._root, tokens, 0)
        best = 0, self._root
        for number, held in self._held.items():
            whole = self.tokens_of(number)
            if len(whole) > best[0] and list(tokens[:len(whole)]) == whole:
                best = len(whole), held.leaf
        return best

    def _match(self, node: _Node, tokens: Sequence[int], at: int) -> tuple[int, _Node]:
        """The longest path that these tokens begin with: its length, and the node where it ends."""
        best = at, node
        for child in node.children:
            common = _common(child.tokens, tokens, at)
            found = at + common, child
            if common == len(child.tokens):
                found = self._match(child, tokens, at + common)
            if found[0] > best[0]:
                best = found
        return best

    def _part_at(self, node: _Node, length: int) -> _Node:
        """The node whose path is exactly so long, which is this one or a part of it."""
        offset = length - node.start
        if node.sequence < 0 and offset == len(node.tokens):
            return node
        upper = _Node(node.parent, node.tokens[:offset], [node])
        assert node.parent is not None
        node.parent.children[node.parent.children.index(node)] = upper
        node.parent, node.tokens = upper, node.tokens[offset:]
        return upper

    def _remove(self, leaf: _Node) -> None:
        node = leaf
        while node.parent is not None and not node.children:
            self.cells -= len(node.tokens)
            node.parent.children.remove(node)
            node = node.parent
        if node.parent is not None and len(node.children) == 1:
            child = node.children[0]  # nobody parts from it here any more
            child.tokens = node.tokens + child.tokens
            child.parent = node.parent
            node.parent.children[node.parent.children.index(node)] = child

    def _pinned_in(self, node: _Node) -> tuple[bool, int]:
        if node.sequence >= 0:
            pinned = self._held[node.sequence].pinned
            return pinned, len(node.tokens) if pinned else 0
        below = [self._pinned_in(child) for child in node.children]
        pinned = any(each for each, _ in below)
        return pinned, sum(count for _, count in below) + (len(node.tokens) if pinned else 0)

    # --- giving up ------------------------------------------------------------------------------------------------

    def _give_up_one(self) -> bool:
        kept = [(held.used, number) for number, held in self._held.items() if not held.pinned]
        if not kept:
            return False
        self.close(min(kept)[1])
        return True

    def _touch(self, sequence: int) -> None:
        self._held[sequence].used = self._tick()

    def _tick(self) -> int:
        self._clock += 1
        return self._clock


def _some_leaf(node: _Node) -> _Node:
    while node.children:
        node = node.children[0]
    return node


def _common(tokens: Sequence[int], others: Sequence[int], at: int) -> int:
    count = 0
    for one, other in zip(tokens, others[at:at + len(tokens)], strict=False):
        if one != other:
            break
        count += 1
    return count
