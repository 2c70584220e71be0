"""Which calls may be made, which need a person's word, and which are never made.

A rule is `allow|ask|deny TOOL` or `allow|ask|deny TOOL(ARGUMENT=PATTERN, ...)`; the first that fits a call decides.
TOOL and PATTERN are globs. A call with side effects that no rule fits is asked about; one without is made.

Whatever the policy, a call with side effects needs a person's word once the run has heard what is not the user's own,
unless the actor meant to make it before, and all its arguments are the user's words. So does, unless a rule allows it,
a call of a tool that reaches any host with an address that nobody said: it could carry off what was read.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal, TypeAlias, cast

from agentfix.errors import ConfigError
from agentfix.types import ToolCall

Word: TypeAlias = Literal["allow", "ask", "deny"]
NO_RULE = "it has side effects."
"""Why a person is asked where nothing but a rule is missing: `allow TOOL` would do."""
_RULE = re.compile(r"\s*(allow|ask|deny)\s+([^\s()]+)\s*(?:\((.*)\))?\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a policy."""

    word: Word
    tool: str
    """A glob."""
    arguments: tuple[tuple[str, str], ...] = ()
    """Of each argument that is looked at, its name and a glob for its value."""

    def fits(self, call: ToolCall) -> bool:
        """Whether the rule is about this call."""
        return fnmatchcase(call.tool, self.tool) and all(
            name in call.arguments and self._like(call.arguments[name], pattern) for name, pattern in self.arguments)

    def _like(self, value: Any, pattern: str) -> bool:
        """Of an argument that holds several values, all must be like the pattern to be allowed, and one is enough to
        be asked about or denied. The same goes for the ways in which a path can be read."""
        leaves = _leaves(value) or [""]
        if self.word == "allow":
            return all(_fits_all(_readings(leaf), pattern) for leaf in leaves)
        found = {reading for leaf in leaves for spelt in _readings(leaf) for reading in spelt}
        return any(fnmatchcase(text, pattern) or fnmatchcase(text.casefold(), pattern.casefold())
                   for text in {*found, str(value)})


def _fits_all(spellings: Sequence[Sequence[str]], pattern: str) -> bool:
    """Whether one spelling of a value is like a pattern in every reading of it."""
    return any(all(fnmatchcase(reading, pattern) for reading in readings) for readings in spellings)


def _readings(leaf: Any) -> list[tuple[str, ...]]:
    """Of each way to write a value, the ways to read it. `notes/../secret` is not below `notes/`."""
    if isinstance(leaf, str):
        return [(leaf, _plain(leaf), _plain(leaf.replace("\\", "/")))]
    return [(text,) for text in {str(leaf), json.dumps(leaf, default=str), _in_digits(leaf)}]


def _plain(text: str) -> str:
    """A path without detours; of an address, the part behind the host has them too."""
    scheme, mark, rest = text.partition("://")
    if mark and "/" not in scheme:
        return f"{scheme}://{_plain(rest)}{'/' if rest.endswith('/') else ''}"
    return posixpath.normpath(text) if "/" in text else text


def _in_digits(leaf: Any) -> str:
    """A number without what says nothing: 5 for 5.0."""
    return str(int(leaf)) if isinstance(leaf, float) and leaf.is_integer() else str(leaf)


def read_policy(lines: Sequence[str]) -> tuple[Rule, ...]:
    """Read the rules of a policy.

    Raises:
        ConfigError: a line is no rule.
    """
    return tuple(_read_rule(line) for line in lines)


def judge(policy: Sequence[Rule], call: ToolCall) -> Word | None:
    """What a policy says of a call; None when no rule fits."""
    return next((rule.word for rule in policy if rule.fits(call)), None)


def needs_person(policy: Sequence[Rule], tool: str) -> bool:
    """Whether a person must be asked about every call of a tool with side effects that the policy does not forbid."""
    for rule in policy:
        if fnmatchcase(tool, rule.tool):
            if rule.word == "allow":
                return False
            if not rule.arguments:
                return rule.word == "ask"
    return True


def allowing(tools: Sequence[str]) -> str:
    """The options of a command that allow tools."""
    return " ".join(f'--policy "allow {tool}"' for tool in tools)


def _read_rule(line: str) -> Rule:
    match = _RULE.fullmatch(line)
    if match is None:
        raise ConfigError(f"{line!r} is no rule of a policy.",
                          "Write: allow|ask|deny TOOL, or TOOL(ARGUMENT=PATTERN, ...).")
    pairs = [part.partition("=") for part in (match[3] or "").split(",") if part.strip()]
    if any(not equals or not name.strip() for name, equals, _ in pairs):
        raise ConfigError(f"{line!r} is no rule of a policy: {match[3]!r} says nothing of an argument.",
                          "Write: TOOL(ARGUMENT=PATTERN, ...).")
    arguments = tuple((name.strip(), pattern.strip()) for name, _, pattern in pairs)
    return Rule(cast("Word", match[1]), match[2], arguments)


# --- where arguments come from ----------------------------------------------------------------------------------------


def strange(arguments: Mapping[str, Any], said: str, *, texts_only: bool = False) -> str | None:
    """The first argument that nobody said, or None.

    A value was said when the text holds it, whatever its case and spaces. Truth values and nulls carry
    nothing.

    Args:
        arguments: of a call.
        said: a text, such as the user's question.
        texts_only: look at texts, not at numbers.
    """
    words = f" {_words(said)} "
    for name, value in arguments.items():
        leaves = (leaf for leaf in _leaves(value) if isinstance(leaf, str) or not texts_only)
        if any(not _said(leaf, words) for leaf in leaves):
            return name
    return None


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        items = cast("Mapping[Any, Any]", value)
        return [leaf for key, inner in items.items() for leaf in (key, *_leaves(inner))]
    if isinstance(value, list | tuple):
        return [leaf for inner in cast("Sequence[Any]", value) for leaf in _leaves(inner)]
    return [value]


def _said(leaf: Any, said: str) -> bool:
    if leaf is None or isinstance(leaf, bool):
        return True
    words = _words(str(leaf))
    return not words or f" {words} " in said


def _words(text: str) -> str:
    """A text as words, numbers and marks with one space between them; `1,200.50` is the number 1200.5."""
    plain = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text.casefold())
    found = re.findall(r"\d+(?:\.\d+)?|[^\W\d_]+|\S", plain)
    return " ".join(word.rstrip("0").rstrip(".") if "." in word[1:] else word for word in found)
