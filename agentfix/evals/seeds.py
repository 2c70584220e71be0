"""Seeds, fixed before anything is run."""

from __future__ import annotations

import random


def seed_of(seed: int, row: int, repeat: int) -> int:
    """The seed of an item.

    Args:
        seed: of the evaluation.
        row: of the item in its file, from 0.
        repeat: from 0; the first one's is the seed plus the row, those of the others are drawn from all three numbers,
            so that no two of an evaluation are neighbours.
    """
    return seed + row if repeat == 0 else random.Random(f"{seed} {row} {repeat}").randrange(2**31)
