"""Recorded answers of which it is known whether they are right: what critics are evaluated on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, StringConstraints

from agentfix.rows import digest_of, find, read_rows
from agentfix.steps import first_steps, steps_of
from agentfix.types import Task

_Filled = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
_RIGHT = frozenset({"true", "correct", "right", "yes", "1"})
_WRONG = frozenset({"false", "incorrect", "wrong", "no", "0"})
_JOINT = "\n\n"


class _Row(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)

    question: _Filled = Field(validation_alias=AliasChoices("question", "problem"))
    context: str = ""
    kind: str = "auto"
    steps: tuple[str, ...] = ()
    answer: str = Field("", validation_alias=AliasChoices("answer", "response"))
    label: bool | int | str


@dataclass(frozen=True, slots=True)
class JudgedAnswer:
    """A question, an answer that somebody gave, and whether it is right."""

    id: str
    index: int
    """Row of the file, from 0."""
    task: Task
    answer: str
    right: bool
    steps: tuple[str, ...] = ()
    """As the row has them; the answer is made of them then."""
    wrong_step: int | None = None
    """The first of them that is wrong; None where the answer is right, or nobody knows which."""
    digest: str = ""
    """Of the row: see `agentfix.rows.digest_of`."""

    @property
    def wording(self) -> tuple[str, ...]:
        """See `agentfix.evals.contamination.Guarded`."""
        return self.task.question, self.task.context, *(self.steps or (self.answer,))

    @property
    def located(self) -> bool:
        """Whether it is known where it goes wrong, if it does."""
        return bool(self.steps)

    def row_step(self, step: int) -> int | None:
        """Which of the row's steps holds a step of the answer's text: a step of a row may have several paragraphs.

        Args:
            step: as `agentfix.steps_of` counts them.

        Returns:
            None when there is no such step.
        """
        if not 0 <= step < len(steps_of(self.answer)):
            return None
        before = len(first_steps(self.answer, step))
        start = before + len(self.answer[before:]) - len(self.answer[before:].lstrip())
        end = 0
        for number, text in enumerate(self.steps):
            end += len(text) + len(_JOINT)
            if start < end:
                return number
        return None


def load_judged(file: str, *, data_dir: Path | None = None, offset: int = 0,
                limit: int | None = None) -> list[JudgedAnswer]:
    """Read recorded answers.

    A row has `question` (or `problem`) and, if it likes, `context` and `kind`. The answer is `steps` with a `label`
    that is the index of the first wrong one, -1 when all are right, as in ProcessBench (Zheng et al., "ProcessBench:
    Identifying Process Errors in Mathematical Reasoning", 2024); or `answer` (or `response`) with a label that is true
    or false, "correct" or "incorrect", 1 or 0.

    Args:
        file: a path, or the bare name of a file in `data_dir`, with or without `.jsonl`.
        data_dir: where bare names are looked for.
        offset: rows to leave out at the start.
        limit: rows to read; all when not given.

    Raises:
        InputError: the file or a row can't be used; names the line.
    """
    return read_rows(find(file, data_dir), _read, offset=offset, limit=limit,
                     hint="A row needs question and answer (or problem and steps), and a label.")


def _read(name: str, index: int, row: Mapping[str, Any]) -> JudgedAnswer:
    read, digest = _Row.model_validate(row), digest_of(row)
    task = Task(read.question, read.kind, context=read.context)
    if read.steps:
        label = read.label
        if isinstance(label, bool) or not isinstance(label, int) or not -1 <= label < len(read.steps):
            raise ValueError(f"the label {label!r} is no step of {len(read.steps)}, and not -1")
        return JudgedAnswer(name, index, task, _JOINT.join(read.steps), label == -1, read.steps,
                            None if label == -1 else label, digest)
    if not read.answer.strip():
        raise ValueError("there is no answer")
    said = str(read.label).strip().casefold()
    if said not in _RIGHT | _WRONG:
        raise ValueError(f"the label {read.label!r} says neither that the answer is right nor that it is wrong")
    return JudgedAnswer(name, index, task, read.answer, said in _RIGHT, digest=digest)
