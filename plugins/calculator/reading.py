"""From text to a syntax tree. Knows nothing about what names mean.

Every number and name is replaced by a generated identifier before Python's parser sees the text, so that no keyword,
attribute, string or literal of the language can be written: only operators, parentheses and calls are left.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import Literal

from agentfix import ToolError

from .bounds import MAX_CHARACTERS, MAX_DEPTH, refuse

_NUMBER = r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_TOKEN = re.compile(
    rf"\s*(?:(?P<grouped>\d{{1,3}}(?:,\d{{3}})+(?![\d,])(?:\.\d+)?)|(?P<number>{_NUMBER})"
    r"|(?P<name>[A-Za-zµ°Ωπ][A-Za-z0-9_]*)|(?P<operator>\*\*|//|==|!=|<=|>=|[-+*/%^=<>(),]))"
)
_DAY = re.compile(r"\s*(?P<day>\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))(?![\d.])")
_DATED = frozenset({"days_between", "months_between", "add_days", "add_months", "weekday"})
"""Among whose arguments 2024-01-31 is a day, not a subtraction."""
_OTHER_BASE = re.compile(r"\s*0[xXoObB][0-9a-fA-F]")
_REWRITTEN = str.maketrans({"−": "-", "×": "*", "·": "*", "÷": "/", "≤": "<=", "≥": ">=", "≠": "!="})
_SPELLED = {"^": "**", "=": "=="}


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of an expression."""

    kind: Literal["number", "name", "operator", "day"]
    text: str

    @property
    def shape(self) -> str:
        return self.text if self.kind == "operator" else self.kind


@dataclass(frozen=True, slots=True)
class Parsed:
    """A syntax tree whose identifiers `v0`, `v1`, ... stand for `leaves`."""

    tree: ast.expr
    leaves: tuple[Token, ...]

    def leaf(self, name: str) -> Token:
        return self.leaves[int(name[1:])]


def tokens(text: str) -> list[Token]:
    """Split an expression. Raises ToolError: too long, too deep, or a character that has no place in one."""
    if len(text) > MAX_CHARACTERS:
        refuse(f"the expression has {len(text)} characters; at most {MAX_CHARACTERS} are read.")
    text = text.translate(_REWRITTEN).strip()
    found: list[Token] = []
    calls: list[str] = []
    """The function of each parenthesis that is open; empty for a plain one."""
    position = 0
    while position < len(text):
        match = _day(text, position, calls) or _TOKEN.match(text, position)
        if match is None:
            stray = text[position:].lstrip()[:1]
            raise ToolError(f"Refused: {stray!r} has no place in an expression.", status="refused")
        if _OTHER_BASE.match(text, position):
            raise ToolError("Write numbers in decimal.")
        if match.groupdict().get("grouped") and any(calls):
            # Inside a call a comma separates arguments: max(1,200) has two of them.
            match = re.compile(rf"\s*(?P<number>{_NUMBER})").match(text, position)
            assert match is not None
        token = _token({key: value for key, value in match.groupdict().items() if value is not None})
        if token.text == "(":
            calls.append(found[-1].text if found and found[-1].kind == "name" else "")
            if len(calls) > MAX_DEPTH:
                refuse(f"parentheses are nested more than {MAX_DEPTH} deep.")
        elif token.text == ")" and calls:
            calls.pop()
        found.append(token)
        position = match.end()
    return _percentages(found)


def parse(found: list[Token]) -> Parsed:
    """Build the tree of an expression. Raises ToolError: it is not one."""
    leaves: list[Token] = []
    pieces: list[str] = []
    index = 0
    while index < len(found):
        token = found[index]
        if index and _unjoined(found[index - 1], token):
            raise ToolError(f"Put an operator between {found[index - 1].text} and {token.text}.")
        if index and _juxtaposed(found[index - 1], token):
            pieces.append("*")
        end = _term_end(found, index)
        if end > index + 1:
            _reject_ambiguous(found, index)
            pieces.append("(" + "*".join(_factors(found[index:end], leaves)) + ")")
        else:
            pieces.append(_spell(token, leaves))
        index = max(end, index + 1)
    try:
        tree = ast.parse("".join(pieces).strip(), mode="eval").body
    except (SyntaxError, MemoryError, RecursionError):
        written = " ".join(token.text for token in found)
        raise ToolError(f"Not an expression: {written[:200]!r}. Write operators out: 3*x, 2 km + 5 m.") from None
    return Parsed(tree, tuple(leaves))


def _day(text: str, position: int, calls: list[str]) -> re.Match[str] | None:
    """A day, where one may stand. Raises ToolError: it stands where it could be a subtraction."""
    match = _DAY.match(text, position)
    if match is None or next(filter(None, reversed(calls)), "") in _DATED:
        return match
    if position and (text[position - 1].isalnum() or text[position - 1] in "_."):
        return None
    raise ToolError(f"Ambiguous: {match['day']} is a day only within {', '.join(sorted(_DATED))}; to subtract, put "
                    "spaces around the minus signs.")


def _token(groups: dict[str, str]) -> Token:
    if "day" in groups:
        return Token("day", groups["day"])
    if "grouped" in groups:
        return Token("number", groups["grouped"].replace(",", ""))
    if "number" in groups:
        return Token("number", groups["number"])
    return Token("name", groups["name"]) if "name" in groups else Token("operator", groups["operator"])


def _percentages(found: list[Token]) -> list[Token]:
    """`15%` is a number unless an operand follows, which makes it a remainder; `of` after it multiplies."""
    result: list[Token] = []
    for index, token in enumerate(found):
        after = found[index + 1] if index + 1 < len(found) else None
        remainder = after is not None and after.shape in ("number", "name", "(") and after.text not in ("of", "to")
        if token.text == "%" and not remainder and result and result[-1].kind == "number":
            result[-1] = Token("number", result[-1].text + "%")
        elif token.text == "of" and result and result[-1].text.endswith("%"):
            result.append(Token("operator", "*"))
        elif token.text == "per":
            result.append(Token("operator", "/"))
        else:
            result.append(token)
    return result


def _juxtaposed(before: Token, token: Token) -> bool:
    return (before.shape == ")" or before.kind == "number") and token.shape in ("name", "(")


def _unjoined(before: Token, token: Token) -> bool:
    """Two operands in a row that no convention joins: `2 3`, `(1) 2`, `x y`."""
    after_operand = before.shape in ("number", "name", "day", ")")
    return (token.kind in ("number", "day") and after_operand) or before.kind == token.kind == "name"


def _term_end(found: list[Token], start: int) -> int:
    """End of a number and the names that follow it, each perhaps with a power: `5 kg m**2` binds like one factor."""
    if found[start].kind != "number":
        return start
    end = start + 1
    while end < len(found) and found[end].kind == "name":
        if end + 1 < len(found) and found[end + 1].text == "(":
            break
        end += 1
        if end + 1 < len(found) and found[end].text in ("**", "^") and found[end + 1].kind == "number":
            end += 2
    return end


def _reject_ambiguous(found: list[Token], start: int) -> None:
    """`1/2 km` could be (1/2) km or 1/(2 km)."""
    if start >= 2 and found[start - 1].text == "/" and found[start - 2].kind == "number":
        term = f"{found[start].text} {found[start + 1].text}"
        raise ToolError(f"Ambiguous: write {found[start - 2].text}/({term}) or "
                        f"({found[start - 2].text}/{found[start].text})*{found[start + 1].text}.")


def _factors(term: list[Token], leaves: list[Token]) -> list[str]:
    factors: list[str] = []
    for token in term:
        if factors and (token.kind == "operator" or factors[-1].endswith("**")):
            factors[-1] += _spell(token, leaves)
        else:
            factors.append(_spell(token, leaves))
    return factors


def _spell(token: Token, leaves: list[Token]) -> str:
    if token.kind == "operator":
        return _SPELLED.get(token.text, token.text)
    leaves.append(token)
    return f" v{len(leaves) - 1} "
