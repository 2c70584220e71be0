"""Small worlds in which tasks are done: each a few tools over a state that can be looked at afterwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from agentfix import Evidence, EvidenceClass, Tool


class World(Protocol):
    """Something that tools change."""

    def tools(self) -> Sequence[Tool]: ...


@dataclass(frozen=True)
class Job:
    """A task in a world.

    Args:
        name: short.
        question: what is asked.
        world: makes the world as it is before.
        done: whether the world is as it was asked for.
    """

    name: str
    question: str
    world: Callable[[], World]
    done: Callable[[Any], bool]


def seen(holds: bool, summary: str) -> Evidence:
    """What a look at the world says of an act."""
    return Evidence(EvidenceClass.MEASUREMENT, "supports" if holds else "refutes", summary, "world", "instrument")
