"""Runs a program with many calls, and reads what each of them gave. One call that fails does not end the others."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from agentfix import Observation, defused

from .examples import UNREADABLE, Example

OURS = frozenset({"unsupported", "budget", "spawn_failed", "refused", "fault", "missing"})
"""Outcomes that say something of the sandbox or the tool, not of the program."""
SHOWN = 200
"""Characters of a value or an error: more is cut."""
_REPORT = """
def _tell_test(_number, _call, _right):
    try:
        _got = _call()
        print('\\n{token}', _number, 'pass' if _right(_got) else 'fail', repr(_got)[:{shown}])
    except BaseException as _error:
        _said = (type(_error).__name__ + ': ' + str(_error))[:{shown}].replace('\\n', ' ')
        print('\\n{token}', _number, 'raise', _said)
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call gave."""

    how: Literal["pass", "fail", "raise", "hang", "start"]
    """With `start` the program failed before anything could be called."""
    said: str
    """The value, or the error."""


def joined(program: str, examples: Sequence[Example]) -> str:
    """A program that goes on with calls of itself, each of which reports.

    Args:
        program: a source that can be parsed.
        examples: what is called, and what it should give.
    """
    report = _REPORT.format(token=_token(program), shown=SHOWN)
    return "\n".join([program, report, *(_report(number, example) for number, example in enumerate(examples))])


def outcomes(program: str, examples: Sequence[Example], observation: Observation) -> Mapping[int, Outcome]:
    """What each call gave, by its place; what never came to be called is left out.

    Args:
        program: as it was given to `joined`.
        examples: likewise.
        observation: of the tool `python`.
    """
    found: dict[int, Outcome] = {}
    for line in str(observation.data.get("stdout") or "").splitlines():
        match line.split(" ", 3):
            case [token, number, ("pass" | "fail" | "raise") as how, said] if token == _token(program):
                found[int(number)] = Outcome(how, defused(said))
            case _:
                pass
    missing = next((number for number in range(len(examples)) if number not in found), None)
    if missing is not None and not observation.ok and observation.status not in OURS:
        error = defused(str(observation.data.get("error") or observation.status))[:SHOWN]
        if not found and observation.status != "timeout":
            return dict.fromkeys(range(len(examples)), Outcome("start", error))
        found[missing] = Outcome("hang" if observation.status == "timeout" else "raise", error)
    return found


def parses(program: str) -> bool:
    """Whether a program can be joined with calls: the end of one that can't be parsed would swallow them."""
    try:
        ast.parse(program)
    except UNREADABLE:
        return False
    return True


def _report(number: int, example: Example) -> str:
    return f"_tell_test({number}, lambda: {example.call}, lambda _got: _got {example.by} ({example.expected}))"


def _token(program: str) -> str:
    """Marks the lines that are not the program's own."""
    return hashlib.sha256(program.encode("utf-8", "replace")).hexdigest()[:16]
