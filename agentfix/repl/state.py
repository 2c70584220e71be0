"""What a conversation has come to, as its file tells it line by line. Pure: knows nothing about files or agents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

Line: TypeAlias = Mapping[str, Any]
"""Something that happened, as plain JSON; `is` says what."""


@dataclass(frozen=True, slots=True)
class Take:
    """One run for a question."""

    run: str
    state: Literal["cut off", "stopped", "failed", "ended"] = "cut off"
    """`cut off` until something else is known."""
    answer: str | None = None
    supported_by: str | None = None
    declined: bool = False
    heard: bool = True
    """The answer may hold what tools or documents said."""
    objection: str = ""
    """What a person said against the answer before: this run goes on from there."""
    attempt: int | None = None
    """Against which attempt; None for the answer."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A question with the runs that answered it: the last one counts."""

    question: str
    """As it was typed."""
    takes: tuple[Take, ...]

    @property
    def take(self) -> Take:
        """The run that counts."""
        return self.takes[-1]

    @property
    def answered(self) -> bool:
        """There is an answer that later questions may be about."""
        return self.take.state == "ended" and self.take.answer is not None and not self.take.declined


@dataclass(frozen=True, slots=True)
class State:
    """A conversation so far."""

    folder: str = ""
    """Where it was begun."""
    changes: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The settings that its commands changed."""
    verify: bool = True
    """Answers are checked."""
    turns: tuple[Turn, ...] = ()
    left: bool = False
    """It was left as it should be, and not cut off."""


def after(state: State, line: Line) -> State:
    """The conversation after one more line. What a later version may have written is passed over."""
    if line.get("is") == "left":
        return replace(state, left=True)
    state = replace(state, left=False)
    match line:
        case {"is": "begun", "folder": folder}:
            return replace(state, folder=str(folder))
        case {"is": "set", "name": "verify", "value": value}:
            return replace(state, verify=bool(value))
        case {"is": "set" | "given", "name": name, "value": value}:
            kept = {key: old for key, old in state.changes.items() if key != name}
            return replace(state, changes=kept if value is None else {**kept, name: value})
        case {"is": "asked", "question": question, "run": run}:
            return replace(state, turns=(*state.turns, Turn(str(question), (Take(str(run)),))))
        case {"is": "again", "run": run} if state.turns:
            take = Take(str(run), objection=str(line.get("objection", "")), attempt=line.get("attempt"))
            return _with_last(state, *state.turns[-1].takes, take)
        case {"is": "undone"} if state.turns:
            return _with_last(state, *state.turns[-1].takes[:-1])
        case {"is": "stopped" | "failed" | "ended" as how, "run": run}:
            return _ended(state, str(run), how, line)
        case _:
            return state


def _with_last(state: State, *takes: Take) -> State:
    """The last turn with these runs; without any it is gone."""
    last = (replace(state.turns[-1], takes=takes),) if takes else ()
    return replace(state, turns=(*state.turns[:-1], *last))


def _ended(state: State, run: str, how: Any, line: Line) -> State:
    told = {name: line[name] for name in ("answer", "supported_by", "declined", "heard") if name in line}

    def take(known: Take) -> Take:
        return replace(known, state=how, **told) if known.run == run else known

    return replace(state, turns=tuple(
        replace(turn, takes=tuple(take(known) for known in turn.takes)) for turn in state.turns))
