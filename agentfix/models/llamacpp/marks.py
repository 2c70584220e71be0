"""Data on its way through a chat template: marks go in its place, and it comes back as tokens without control tokens.

A mark is made of ASCII letters and digits, so that it passes through a template's filters as it is. Where a template
writes it as a part of JSON, the text is escaped as JSON demands.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

Tokenize = Callable[[str, bool], list[int]]
"""(text, whether control tokens are recognised) -> tokens."""

_WORD = re.compile(r"[A-Za-z0-9_.$-]{0,64}")
"""Templates compare such strings (`object`, `string`, the keys of a schema), and no control token is made of these
characters alone: they stay as they are."""


class Marks:
    """What is hidden from one rendering of a template.

    Args:
        secret: begins each mark; nobody who writes data may know it.
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._mark = re.compile(rf"{secret}n(\d+)q(\d+)e")
        self._texts: list[str] = []
        self._needed: dict[int, str] = {}
        self._numbers: dict[str, int] = {}

    @staticmethod
    def secret() -> str:
        """Make one."""
        return secrets.token_hex(8)

    def hide(self, text: str, needed_as: str = "") -> str:
        """The mark for a text, another each time.

        Args:
            text: any.
            needed_as: what it is, if a rendering without it is no use.
        """
        self._texts.append(text)
        number = len(self._texts) - 1
        if needed_as:
            self._needed[number] = needed_as
        return self._written(number, 0)

    def hidden(self, value: Any) -> Any:
        """A JSON value with marks in place of its strings and keys, where they are no plain words.

        Equal strings have equal marks: a template may look for a property's name among the required ones.
        """
        if isinstance(value, str):
            return value if _WORD.fullmatch(value) else self._known(value)
        if isinstance(value, Mapping):
            items = cast("Mapping[Any, Any]", value).items()
            return _Object({self.hidden(str(key)): self.hidden(each) for key, each in items}, self.dumps)
        if isinstance(value, list | tuple):
            return [self.hidden(each) for each in cast("Sequence[Any]", value)]
        return value

    def dumps(self, value: Any, ensure_ascii: bool = False, indent: int | str | None = None,
              separators: tuple[str, str] | None = None, sort_keys: bool = False) -> str:
        """JSON with marks that know that they stand in JSON. It is what Transformers' `tojson` makes: nothing is
        escaped for HTML, and keys keep their order."""
        text = json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)
        return self._mark.sub(lambda mark: self._written(int(mark[1]), int(mark[2]) + 1), text)

    def missing(self, rendered: str) -> str | None:
        """What a rendering lacks of what it needs, or None."""
        there = {int(mark[1]) for mark in self._mark.finditer(rendered)}
        return next((what for number, what in self._needed.items() if number not in there), None)

    def tokens(self, rendered: str, tokenize: Tokenize) -> list[int]:
        """The tokens of a rendering with the texts in place of their marks."""
        tokens, begin = list[int](), 0
        for mark in [*self._mark.finditer(rendered), None]:
            written = rendered[begin:mark.start() if mark else len(rendered)]
            tokens += tokenize(written, True) if written else []
            if mark and (text := self._text(int(mark[1]), int(mark[2]))):
                tokens += tokenize(text, False)
            begin = mark.end() if mark else begin
        return tokens

    def _known(self, text: str) -> str:
        if text not in self._numbers:
            self.hide(text)
            self._numbers[text] = len(self._texts) - 1
        return self._written(self._numbers[text], 0)

    def _written(self, number: int, quoted: int) -> str:
        return f"{self._secret}n{number}q{quoted}e"

    def _text(self, number: int, quoted: int) -> str:
        text = self._texts[number]
        for _ in range(quoted):
            text = json.dumps(text, ensure_ascii=False)[1:-1]
        return text


class _Object(dict[str, Any]):
    """A JSON object that is JSON as a text too: some templates write a call's arguments as if they were one."""

    def __init__(self, items: Mapping[str, Any], dumps: Callable[[Any], str]) -> None:
        super().__init__(items)
        self._dumps = dumps

    def __str__(self) -> str:
        return self._dumps(self)

    __repr__ = __str__

    def __add__(self, text: str) -> str:
        return str(self) + text

    def __radd__(self, text: str) -> str:
        return text + str(self)
