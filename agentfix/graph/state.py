"""The graph's state: ids and plain JSON. Texts live in the journal, live objects in the context."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypedDict

from pydantic import TypeAdapter

from agentfix.types import Expand, Move, Reflect, Review, Stop


class Question(TypedDict, total=False):
    """What the graph is given by who invokes it."""

    question: str
    """What is asked."""
    task: dict[str, Any]
    """The whole `Task` as plain JSON, instead of `question`."""
    run_id: str
    """Names the run in the journal; made up when not given."""


class Outcome(TypedDict):
    """What the graph gives back."""

    run: str
    answer: str | None
    """The best attempt's answer, whatever its standing."""
    result: dict[str, Any]
    """The whole `Result` as plain JSON."""


class RunState(Outcome):
    """What LangGraph carries from node to node."""

    run_id: str
    task: dict[str, Any]

    moves: list[dict[str, Any]]
    """Moves still to be made; the first is under way."""
    decisions: int
    """How often the strategy was asked; part of the place of every call."""
    move_number: int
    """Which of the moves of the last decision is under way, from 0."""
    reviewer: int
    """Which of the review's critics is speaking."""
    caller: Literal["actor", "critic"]
    """Who asked for tools."""
    pending: list[dict[str, Any]]
    """Tool calls asked for: {place, tool, arguments}."""
    observed: list[str]
    """Places of the calls of this move that have been made."""
    rounds: int
    """How often the actor has attempted."""
    attempts: int
    """How many attempts there are; their texts are in the journal."""
    trail: str
    """A hash of those attempts: by it a checkpoint is told from one of another branch."""
    stop: str
    """Why the run ends; empty while it goes on."""
    proposed: int | None
    """The attempt that the strategy stopped with."""
    declined: bool | None
    """Whether the strategy would rather give no answer; None where it did not end the run itself."""


def initial(run: str) -> RunState:
    """The state of a run that begins. What was given is used up: a thread's next question comes without it."""
    return RunState(run=run, run_id="", task={}, moves=[], decisions=0, move_number=0, reviewer=0, caller="actor",
                    pending=[], observed=[], rounds=0, attempts=0, trail="", stop="", proposed=None, declined=None,
                    answer=None, result={})


_ADAPTERS: Mapping[str, TypeAdapter[Any]] = {
    sort.__name__.lower(): TypeAdapter(sort) for sort in (Expand, Review, Reflect, Stop)
}


def dump_move(move: Move) -> dict[str, Any]:
    """A move as plain JSON."""
    name = type(move).__name__.lower()
    return {"move": name, **_ADAPTERS[name].dump_python(move, mode="json")}


def load_move(data: Mapping[str, Any]) -> Move:
    """The move of which this is the plain JSON."""
    rest = {name: value for name, value in data.items() if name != "move"}
    return _ADAPTERS[data["move"]].validate_python(rest)
