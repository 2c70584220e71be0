"""The contamination guard: no item of a data set may stand in what models are shown anyway.

Items and texts are compared by runs of words, as GPT-3's authors compared their benchmarks with their training data
(Brown et al., "Language Models are Few-Shot Learners", 2020, appendix C): in lower case, without punctuation, 13 words
for long texts and fewer, down to 8, for short ones. Three things differ, since prompts are small and hits must be
believed: all numbers are one word, so that a copy with other numbers is found; a run counts only if half of as many
words say something; and what more than three items have in common is a phrase of the data set.
"""

from __future__ import annotations

import math
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, TypeVar, cast

from agentfix.errors import ContaminationError
from agentfix.evals.shown import Shown, shown_by
from agentfix.plugins import Plugins

LONGEST, SHORTEST = 13, 8
"""Words of a run, as in the paper."""
_PART = 0.6
"""Of a text between them: so much of it must be there."""
_WHOLE = 4
"""A question of so many words or more, but too few for a run, is looked for whole."""
_COMMON = 3
"""A run that more items than this have is a phrase of the data set."""
_SHARE = 3
"""One word in so many of a run must say something."""
_WHOLE_SAYS = 2
"""So many words must do so, where a whole text is found."""
_HEAD = 4
"""Words by which runs are looked up."""
_TOLD, _EXCERPT = 3, 160
_END, _NUMBER = "", "#"
_EASTERN = "\u3040-\u30ff\u3400-\u9fff"
_WORD = re.compile(rf"[{_EASTERN}]|[^\W\d_{_EASTERN}]+(?:['’][^\W\d_{_EASTERN}]+)*|\d+(?:[.,]\d+)*")
_UNSEEN: Mapping[int, None] = dict.fromkeys((0xAD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF))
"""Soft hyphens, and what has no width."""
_TAG = re.compile(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}", re.DOTALL)
_STOP_WORDS = """
    about above after again all also am among an and another any are as at be because been before being below between
    both but by can cant could did didnt do does doesnt doing done dont down during each either else every few first
    following for found from get gets give given gives go goes had has have having he her here hers him his how i if in
    into is isnt it its itself last least less let like made make makes many may me more most much must my need needs no
    nor not now of off on once one only or other others our out over own per please same second shall she should so some
    such take takes than that the their them then there these they this those three through to too two under until up us
    use used uses using very was wasnt we were what when where whether which while who whole whom whose why will with
    within without would yes you your
    answer calculate choose compute contain contains correct determine different equal examples example expression find
    function implement integer integers list name named number numbers output input problem program python question
    return returns set solution solve string sum task total value values wrong write
    """
_STOP = frozenset([_NUMBER, *"abcdefghijklmnopqrstuvwxyz", *_STOP_WORDS.split()])
"""They say nothing of an item: words that are everywhere, and those that every task has."""


class Guarded(Protocol):
    """An item as the guard sees it."""

    @property
    def id(self) -> str: ...

    @property
    def wording(self) -> Sequence[str]:
        """All that is said by it: questions first, then what belongs to them, answers included."""
        ...


G = TypeVar("G", bound=Guarded)


@dataclass(frozen=True, slots=True)
class Hit:
    """An item that stands in what models are shown."""

    item: str
    place: str
    line: int
    plugin: str
    text: str
    """What both have, as the item has it; cut when it is long."""

    def __str__(self) -> str:
        return f"Item {self.item!r} stands in {self.place}, line {self.line} (plugin {self.plugin}): {self.text!r}."


def clean(items: Sequence[G], plugins: Plugins, *, leave_out: bool, tell: Callable[[str], None],
          lessons: Iterable[Shown] = ()) -> list[G]:
    """The items that no prompt, example, tool description or lesson holds. To be called before any model is asked.

    Args:
        items: those of an evaluation.
        plugins: in use in it.
        leave_out: go on with the other items when some are found.
        tell: told of each item that is left out.
        lessons: what strategies remember and show.

    Raises:
        ContaminationError: an item was found, and those are not to be left out; or nothing would be left.
    """
    hits = contaminated(items, [*shown_by(plugins), *lessons])
    found = {hit.item for hit in hits}
    kept = [item for item in items if item.id not in found]
    if hits and not (leave_out and kept):
        said = " ".join([*map(str, hits[:_TOLD]), *([f"{len(hits) - _TOLD} more hits."] if hits[_TOLD:] else [])])
        raise ContaminationError(said, "Nothing would be left without them: take it out of there." if leave_out else
                                 "Take it out of there; or leave such items out, with --skip-contaminated.")
    for hit in hits:
        tell(f"Left out: {hit}")
    if hits:
        tell(f"{len(kept)} of {len(items)} items are left; the others stand in what models are shown.")
    return kept


def contaminated(items: Sequence[Guarded], shown: Iterable[Shown]) -> list[Hit]:
    """Find items in texts.

    Args:
        items: what is looked for.
        shown: where.

    Returns:
        For each item and place the longest run of words that both have, if it is long enough and says enough.
    """
    texts = _Texts([*shown])
    looked_for = {item.id: [*_looked_for(item)] for item in items}
    told = {"|".join(f" {' '.join(words)} " for _, words, _ in wanted) for wanted in looked_for.values()}
    hits: list[Hit] = []
    for name, wanted in looked_for.items():
        longest: dict[str, int] = {}
        found: dict[str, Hit] = {}
        for text, words, n in wanted:
            for start, at, run in texts.runs(words, n):
                if not _telling(words[start:start + run], n, told, _WHOLE_SAYS if run == len(words) else n / _SHARE):
                    continue
                place, line, plugin = texts.place(at)
                if run > longest.get(place, 0):
                    longest[place] = run
                    found[place] = Hit(name, place, line, plugin, _excerpt(text, start, run))
        hits += found.values()
    return hits


def strings_in(value: Any) -> Iterator[str]:
    """All strings within a row of a data set, but for the keys."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in cast("Mapping[Any, Any]", value).values():
            yield from strings_in(inner)
    elif isinstance(value, list | tuple):
        for inner in cast("Sequence[Any]", value):
            yield from strings_in(inner)


def _looked_for(item: Guarded) -> Iterator[tuple[str, tuple[str, ...], int]]:
    """Texts of an item, their words, and how many in a row must be found."""
    for number, text in enumerate(dict.fromkeys(item.wording)):
        words = tuple(_words(text))
        if len(words) >= SHORTEST:
            yield text, words, min(LONGEST, max(SHORTEST, math.ceil(_PART * len(words))))
        elif number == 0 and len(words) >= _WHOLE:  # a short answer is a phrase like any other
            yield text, words, len(words)


def _telling(run: Sequence[str], n: int, told: Iterable[str], least: float) -> bool:
    """Whether so many words of a run say enough, and no more than a few items say them."""
    for start in range(len(run) - n + 1):
        words = run[start:start + n]
        if sum(word not in _STOP for word in words) >= least:
            gram = f" {' '.join(words)} "
            if sum(gram in text for text in told) <= _COMMON:
                return True
    return False


@dataclass(frozen=True)
class _Texts:
    """Texts as one row of words, in which runs are looked up by their first words."""

    shown: Sequence[Shown]
    _words: list[str] = field(default_factory=list[str], init=False)
    _starts: list[int] = field(default_factory=list[int], init=False)
    """Where each part of a text starts, in words."""
    _parts: list[tuple[Shown, int, str]] = field(default_factory=list[tuple[Shown, int, str]], init=False)

    def __post_init__(self) -> None:
        for shown in self.shown:
            for line, text in shown.parts:
                self._starts.append(len(self._words))
                self._parts.append((shown, line, text))
                self._words.extend(_words(_untagged(text)))
            self._words.append(_END)

    @cached_property
    def _heads(self) -> Mapping[tuple[str, ...], list[int]]:
        heads: dict[tuple[str, ...], list[int]] = {}
        for at, head in enumerate(zip(*(self._words[i:] for i in range(_HEAD)), strict=False)):
            heads.setdefault(head, []).append(at)
        return heads

    def runs(self, words: Sequence[str], n: int) -> Iterator[tuple[int, int, int]]:
        """Runs of at least n words that are here too: where they start there, where here, and how long they are."""
        for start, head in enumerate(zip(*(words[i:] for i in range(_HEAD)), strict=False)):
            for at in self._heads.get(head, ()):
                if start and at and words[start - 1] == self._words[at - 1]:
                    continue  # part of a longer run
                run = _HEAD
                while start + run < len(words) and words[start + run] == self._words[at + run]:
                    run += 1
                if run >= n:
                    yield start, at, run

    def place(self, at: int) -> tuple[str, int, str]:
        """File, line and plugin of a word."""
        part = bisect_right(self._starts, at) - 1
        shown, line, text = self._parts[part]
        if len(shown.parts) == 1 and not shown.place.endswith(".py"):
            before = _spans(_untagged(text))[at - self._starts[part]].start()
            line += _plain(_untagged(text)).count("\n", 0, before)
        return shown.place, line, shown.plugin


def _words(text: str) -> Iterator[str]:
    for word in _WORD.findall(_plain(text)):
        yield _NUMBER if word[0].isdigit() else word.replace("'", "").replace("’", "").casefold()


def _spans(text: str) -> list[re.Match[str]]:
    return [*_WORD.finditer(_plain(text))]


def _plain(text: str) -> str:
    """One form for what looks the same: accents and wide letters composed, without marks that are not seen."""
    return unicodedata.normalize("NFKC", text.translate(_UNSEEN))


def _untagged(text: str) -> str:
    """A template without what it says to its engine; as long as before."""
    return _TAG.sub(lambda tag: re.sub(r"[^\n]", " ", tag[0]), text) if "{" in text else text


def _excerpt(text: str, start: int, run: int) -> str:
    spans, text = _spans(text), _plain(text)
    said = " ".join(text[spans[start].start():spans[start + run - 1].end()].split())
    return said if len(said) <= _EXCERPT else f"{said[:_EXCERPT]}..."
