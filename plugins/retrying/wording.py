"""What of a lesson may be kept: only what is general. No item of data may get into the prompt of another task, and no
answer into that of an attempt that is to be independent."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from agentfix import Attempt, Task, defused

GRAM = 8
"""A lesson that has so many words in a row from its task is dropped."""
LONGEST = 400
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_MARK = re.compile(r"^\s*(?:[-*•#>]+|\d+[.)])\s+", re.MULTILINE)
_ENDS = (".", "!", "?")
"""Without one, a sentence was cut off."""
_WORD = re.compile(r"\w+")
_CAPITALISED = re.compile(r"(?P<first>^|[.!?:\n]\s*|[\"'(\u201c\u2018]\s*)?(?P<word>\b[^\W\d_]\w+)")
_IDENTIFIER = re.compile(r"\b(?:\w*_\w+|[a-z]+[A-Z]\w*|\w+(?=\())")
_OPENERS = frozenset(_WORD.findall(
    "a after all also although an and any are as at be because before by calculate check compute consider create "
    "define determine do does during each every evaluate explain find first for from given has have he her his how "
    "however if implement in is it its let list make name no not of on one or our please return she should show since "
    "so solve suppose than that the their then there these they this those to two under use was we were what when "
    "where which while who whose why will with without write you your"))
"""Words that begin sentences with a capital letter and are no names."""

_WORKADAY = frozenset(_WORD.findall(
    "amount answer case condition count different example function half input integer item large last left less line "
    "list long many more most much next number only order other output part problem program question result same short "
    "small step string sum task test than time total twice value whole word"))
"""Words of so many tasks that they tell of none."""
_NUMBER_WORDS = frozenset(_WORD.findall(
    "three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen "
    "nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million"))
"""One and two say too little of a task, and too much else."""
SUBJECT = 4
"""Letters: shorter words say nothing of a task's subject."""


def general(lesson: str, task: Task, attempts: Iterable[Attempt]) -> str:
    """What of a lesson holds for other tasks too.

    Args:
        lesson: as a model wrote it.
        task: from which it was learnt.
        attempts: that the model was shown.

    Returns:
        Its whole sentences but for those with numbers, with names of the task or the answers, with an answer of less
        than eight words, or with a word of the task's subject. Empty when it shares eight words in a row with the task
        or an attempt.
    """
    shown = tuple(attempts)
    answers = [attempt.answer for attempt in shown if attempt.answer]
    material = "\n".join((task.question, task.context, *(check.source for check in task.checks)))
    grams = {gram for text in (material, *answers, *(attempt.text for attempt in shown)) for gram in _grams(text)}
    if grams.intersection(_grams(lesson)):
        return ""
    names = {name for text in (material, *answers) for name in _names(text)}
    short = [said for answer in answers if 0 < len(said := _words(answer)) < GRAM]
    subjects = _subjects(material)
    kept = [sentence for part in _SENTENCE.split(_MARK.sub("", lesson)) if (sentence := part.strip()).endswith(_ENDS)
            and not _tells(sentence, names, short) and not subjects & _subjects(sentence)]
    return _cut(defused(" ".join(kept)))


def _tells(sentence: str, names: set[str], short: list[list[str]]) -> bool:
    words = _words(sentence)
    if any(character.isnumeric() for character in sentence) or (names | _NUMBER_WORDS).intersection(words):
        return True
    return any(words[i:i + len(answer)] == answer for answer in short for i in range(len(words) - len(answer) + 1))


def _cut(text: str) -> str:
    """At most the longest, up to the end of a sentence."""
    if len(text) <= LONGEST:
        return text
    end = max(text.rfind(mark, 0, LONGEST) for mark in _ENDS)
    return text[: end + 1]


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _subjects(text: str) -> set[str]:
    """The words that say what a text is about, without the s of their plural."""
    words = {word.removesuffix("s") for word in _words(text) if word not in _OPENERS}
    return {word for word in words if len(word) >= SUBJECT and word not in _WORKADAY}


def _grams(text: str) -> Iterator[tuple[str, ...]]:
    words = _words(text)
    return (tuple(words[i:i + GRAM]) for i in range(len(words) - GRAM + 1))


def _names(text: str) -> Iterator[str]:
    """Names of persons, places and things, and identifiers of programs."""
    for match in _CAPITALISED.finditer(text):
        word = match["word"]
        if word[0].isupper() and (match["first"] is None or word.casefold() not in _OPENERS):
            yield word.casefold()
    yield from (word.casefold() for word in _IDENTIFIER.findall(text))
