"""Kind `math`: a question whose answer is a number.

The actor writes a program that stores `answer`, or a function `solution()` that returns it (Program of Thoughts: Chen
et al., 2023; PAL: Gao et al., 2023; CRITIC, section 4.2). Its second role derives the number in words (chain of
thought: Wei et al., 2022), an independent way to the same answer.
"""

from __future__ import annotations

import re
from fractions import Fraction

from agentfix import Attempt, Draft, Message, Observation, Prompt, Task, ToolCall

from .prompts import render
from .reading import conclusion, number_in, plain, program_in

_ASKS = re.compile(
    r"\bhow (?:many|much|old|long|far|fast|tall|heavy|big|large|wide|deep|high|often)\b|\bcalculate\b|\bcompute\b|"
    r"\bwhat (?:is|was|are|were|will be|would be|percentage|percent|fraction|number|amount|distance|speed|time)\b|"
    r"\bfind the\b|\bsolve\b|\bin total\b|\baltogether\b",
    re.IGNORECASE,
)
_NUMBERS = re.compile(
    r"\d|\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty|hundred|thousand|"
    r"dozen|half|twice|double|triple|third|quarter|sum|product|average)\b",
    re.IGNORECASE,
)
_DEFINES = re.compile(r"^def solution\(\)", re.MULTILINE)
_STORES = re.compile(r"^answer\s*=", re.MULTILINE)
TOLERANCE = Fraction(1, 10**6)
"""Relative: programs compute in binary floating point."""


class MathKind:
    """See the module."""

    name = "math"
    critics = ("program", "tests")
    roles = ("program", "derivation")

    def matches(self, task: Task) -> bool:
        return bool(_ASKS.search(task.question) and _NUMBERS.search(task.question))

    def prompt(self, task: Task, role: str, parent: Attempt | None, guidance: str) -> Prompt:
        question = render(f"math_{role}", question=task.question, context=task.context)
        if role == "derivation":
            system = Message("system", render("math_derivation_system"))
            return Prompt((system, Message("user", question)), max_tokens=450)
        messages = (Message("system", render("math_system")), Message("user", question))
        if parent is not None:
            messages = (*messages, Message("assistant", parent.text),
                        Message("user", render("math_revise", guidance=guidance)))
        return Prompt(messages, max_tokens=300)

    def read(self, task: Task, role: str, text: str) -> Draft:
        if role == "derivation":
            said = conclusion(text)
            number = None if said is None else number_in(said)
            return Draft(None if number is None else plain(number))
        program = program_in(text)
        if program is None:
            return Draft()
        if _DEFINES.search(program) and not _STORES.search(program):
            program += "\n\nanswer = solution()"
        return Draft(program=program, call=ToolCall("python", {"code": program, "want": "answer"}))

    def settle(self, task: Task, draft: Draft, observation: Observation) -> str | None:
        value = observation.data.get("value") if observation.ok else None
        if not isinstance(value, str) or value.strip() in ("", "None"):
            return None
        number = number_in(value)
        return plain(number) if number is not None else value.strip()

    def same(self, a: str, b: str) -> bool:
        x, y = number_in(a), number_in(b)
        if x is None or y is None:
            return a.casefold().split() == b.casefold().split()
        if x.denominator == y.denominator == 1:
            return x == y
        return abs(x - y) <= TOLERANCE * max(abs(x), abs(y))
