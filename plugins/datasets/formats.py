"""The data sets that can be read: for each, the shape of a row and what a row asks. No data set is shipped."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, StringConstraints

from agentfix import Check, DataSource, Grader, Task

from .graders import Assertions, Choice, Numeric, Text, last_number
from .upstream import SOURCES, rows

_Filled = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
_Answer = _Filled | float


class _Row(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False, coerce_numbers_to_str=True)


class _Problem(_Row):
    question: _Filled
    answer: _Answer


class _Table(_Problem):
    table: _Filled
    table_title: str | None = None
    choices: tuple[_Filled, ...] | None = None
    unit: str | None = None


class _Function(_Row):
    prompt: _Filled
    test_list: tuple[_Filled, ...] = Field(min_length=2)
    test_imports: tuple[str, ...] = ()


class _Bug(_Row):
    buggy_program: _Filled
    docstring: str = ""
    tests: _Filled


class _Open(_Row):
    question: _Filled
    answers: tuple[_Filled, ...] = Field(min_length=1, validation_alias=AliasChoices("answers", "golden_answers"))


class _Pair(BaseModel):
    answer: tuple[_Filled, ...]


class _Annotation(BaseModel):
    answer: tuple[_Filled, ...] = ()
    pairs: tuple[_Pair, ...] = Field((), validation_alias="qaPairs")


class _Ambiguous(_Row):
    question: _Filled
    annotations: tuple[_Annotation, ...] = Field(min_length=1)


class _Plain(_Row):
    question: _Filled
    answers: _Answer | tuple[_Answer, ...] = Field(validation_alias=AliasChoices("answer", "answers"))


def _word_problem(row: _Problem) -> tuple[Task, Grader]:
    return Task(row.question, "math"), Numeric(_reference(row.answer))


def _table_problem(row: _Table) -> tuple[Task, Grader]:
    context = f"{row.table_title}\n{row.table}" if row.table_title else row.table
    if row.choices:
        question = f"{row.question}\nChoose one of: {'; '.join(row.choices)}."
        return Task(question, context=context), Choice(str(row.answer), row.choices)
    question = f"{row.question}\nUnit of the answer: {row.unit}." if row.unit else row.question
    return Task(question, "math", context=context), Numeric(_reference(row.answer))


def _function(row: _Function) -> tuple[Task, Grader]:
    shown, *hidden = row.test_list
    called = _function_name(shown)
    question = f"{row.prompt}\nThe function must be named `{called}`."
    imports = "\n".join(row.test_imports)
    check = Check(f"{imports}\n{shown}".strip(), "example")
    return Task(question, "code", (check,)), Assertions("\n".join([imports, *hidden]))


def _bug(row: _Bug) -> tuple[Task, Grader]:
    question = (
        "This Python function has a bug. Repair it and give the whole corrected function.\n\n"
        f"```python\n{row.buggy_program}\n```\n\nWhat it should do:\n{row.docstring.strip()}"
    )
    return Task(question, "code"), Assertions(row.tests)


def _open(row: _Open) -> tuple[Task, Grader]:
    return _brief(row.question, row.answers)


def _single(row: _Problem) -> tuple[Task, Grader]:
    return _brief(row.question, (str(row.answer),))


def _ambiguous(row: _Ambiguous) -> tuple[Task, Grader]:
    """Any answer to any reading of the question counts."""
    answers = [
        answer for annotation in row.annotations
        for group in (annotation.answer, *(pair.answer for pair in annotation.pairs)) for answer in group
    ]
    if not answers:
        raise ValueError("no annotation holds an answer")
    return _brief(row.question, tuple(answers))


def _plain(row: _Plain) -> tuple[Task, Grader]:
    answers = row.answers if isinstance(row.answers, tuple) else (row.answers,)
    if not answers:
        raise ValueError("there is no answer")
    if len(answers) == 1 and (number := _number(answers[0])) is not None:
        return Task(row.question), Numeric(number)
    return Task(row.question), Text(tuple(str(answer) for answer in answers))


def _brief(question: str, answers: tuple[str, ...]) -> tuple[Task, Grader]:
    """The kind's own prompt asks for a brief answer."""
    return Task(question, "qa"), Text(answers)


def _reference(answer: str | float) -> Fraction:
    number = last_number(str(answer))
    if number is None:
        raise ValueError(f"the answer {str(answer)[:80]!r} holds no number")
    return number


def _number(answer: str | float) -> Fraction | None:
    """The answer as a number, unless there is more to it."""
    if not isinstance(answer, str):
        return Fraction(answer)
    bare = answer.strip(" $€£%").replace(",", "").replace(" ", "")
    return last_number(answer) if bare and not set(bare) - set("0123456789.-+/") else None


def _function_name(assertion: str) -> str:
    """The function that an assertion is about: the first call of a plain name that is no builtin."""
    try:
        tree = ast.parse(assertion)
    except (SyntaxError, ValueError, RecursionError):
        raise ValueError("the first assertion is no Python") from None
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not hasattr(builtins, node.func.id):
            return node.func.id
    raise ValueError("the first assertion calls no function")


@dataclass(frozen=True, slots=True)
class Format:
    """A data set by the shape of its rows and what a row asks."""

    row: type[_Row]
    adapt: Callable[[Any], tuple[Task, Grader]]

    def read(self, row: Mapping[str, Any]) -> tuple[Task, Grader]:
        return self.adapt(self.row.model_validate(row))


@dataclass(frozen=True, slots=True)
class Published(Format):
    """One whose rows can be fetched from where they are published."""

    source: DataSource
    unpack: Callable[[bytes], Iterable[Mapping[str, Any]]]

    def rows(self, file: bytes) -> Iterator[Mapping[str, Any]]:
        return rows(self.unpack, file)


_FORMATS: Mapping[str, Format] = {
    "gsm8k": Format(_Problem, _word_problem),
    "svamp": Format(_Problem, _word_problem),
    "tabmwp": Format(_Table, _table_problem),
    "mbpp": Format(_Function, _function),
    "quixbugs": Format(_Bug, _bug),
    "hotpotqa": Format(_Problem, _single),
    "nq": Format(_Open, _open),
    "triviaqa": Format(_Open, _open),
    "ambignq": Format(_Ambiguous, _ambiguous),
    "plain": Format(_Plain, _plain),
}
FORMATS: Mapping[str, Format] = {
    name: Published(known.row, known.adapt, *SOURCES[name]) if name in SOURCES else known
    for name, known in _FORMATS.items()
}
