"""The tree of cached sequences, against a memory that keeps every cell by itself."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentfix.models.llamacpp.prefixes import PrefixTree
from tests.models.cells import Cells

SEQUENCES, CELLS = 5, 24


TOKENS = st.lists(st.integers(0, 2), max_size=12)
STEPS = st.lists(st.tuples(st.sampled_from(["open", "extend", "keep", "close", "fork"]), TOKENS, st.integers(0, 99)),
                 max_size=60)


@settings(max_examples=1000, deadline=None)
@given(STEPS, st.booleans())
def test_what_the_tree_says_is_what_the_memory_holds(steps, in_parts):
    memory = Cells(CELLS)
    tree = PrefixTree(memory, CELLS, SEQUENCES, in_parts=in_parts)
    pinned: dict[int, list[int]] = {}
    for what, tokens, chance in steps:
        chosen = sorted(pinned)[chance % len(pinned)] if pinned else None
        if what == "open":
            if len(pinned) == SEQUENCES:
                with pytest.raises(LookupError):
                    tree.open(tokens)
                continue
            sequence, known = tree.open(tokens)
            assert sequence not in pinned
            pinned[sequence] = tokens[:known]
        elif chosen is None:
            continue
        elif what == "extend":
            if tree.room_for(len(tokens)):
                memory.write(chosen, tokens)
                tree.extend(chosen, tokens)
                pinned[chosen] = pinned[chosen] + tokens
            else:
                assert tree.pinned + len(tokens) > CELLS
        elif what == "keep":
            tree.keep(chosen)
            del pinned[chosen]
        elif what == "close":
            tree.close(chosen)
            del pinned[chosen]
        elif what == "fork" and len(pinned) < SEQUENCES:
            length = chance % (len(pinned[chosen]) + 1) if in_parts else len(pinned[chosen])
            pinned[tree.fork(chosen, length)] = pinned[chosen][:length]
        assert tree.cells == len(memory.cells)
        assert {s: memory.of(s) for s in pinned} == {s: tree.tokens_of(s) for s in pinned} == pinned
    for sequence in pinned:
        tree.close(sequence)
    assert tree.pinned == 0 and tree.room_for(CELLS)
    assert not memory.cells and tree.cells == 0


def test_what_was_used_longest_ago_is_given_up_first():
    memory = Cells(CELLS)
    tree = PrefixTree(memory, CELLS, SEQUENCES)
    for first in (1, 2):
        sequence, _ = tree.open([first] * 10)
        memory.write(sequence, [first] * 10)
        tree.extend(sequence, [first] * 10)
        tree.keep(sequence)
    again, known = tree.open([1] * 10)
    assert known == 10
    tree.keep(again)
    assert tree.room_for(10)
    assert tree.known([1] * 10) == 10 and tree.known([2] * 10) == 0


def test_samples_of_one_prompt_share_its_cells():
    memory = Cells(CELLS)
    tree = PrefixTree(memory, CELLS, SEQUENCES)
    prompt, _ = tree.open([7] * 9)
    memory.write(prompt, [7] * 9)
    tree.extend(prompt, [7] * 9)
    for _ in range(3):
        tree.fork(prompt, 9)
    assert tree.cells == len(memory.cells) == 9
