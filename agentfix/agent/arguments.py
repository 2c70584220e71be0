"""What callers give, as it is meant. What can't be meant is refused with a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from agentfix.checks import as_run
from agentfix.errors import ConfigError, InputError
from agentfix.structured import Output
from agentfix.types import Remark, Task

T = TypeVar("T")
_TASK = TypeAdapter(Task)


def task_of(task: Task | str, output: Output[Any] | None = None) -> Task:
    """The task that is meant; a question is enough.

    Args:
        task: what the caller gave.
        output: what its answer has to be parsed into.

    Raises:
        InputError: it is neither, or a field of it holds what it can't.
    """
    if isinstance(task, str):
        task = Task(task)
    elif not isinstance(task, Task):  # pyright: ignore[reportUnnecessaryIsInstance] - callers need not check types
        raise InputError(f"What is asked must be a text or a Task, not {_named(task)}.",
                         "For example: agent.run('How many are 6 times 7?')")
    try:
        task = _TASK.validate_python({each.name: getattr(task, each.name) for each in fields(task)})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        example = "For example: checks=(Check('assert double(2) == 4'),)."
        hint = example if where.startswith("checks") else "See agentfix.Task."
        raise InputError(f"The task's {where} is wrong: {first['msg']}.", hint) from error
    task = replace(task, checks=as_run(task.checks))
    return task if output is None else output.posed(task)


def output_of(output: type[T] | Output[T] | None) -> Output[T] | None:
    """What an answer is to be parsed into.

    Raises:
        ConfigError: nothing can be parsed into it.
    """
    return output if output is None or isinstance(output, Output) else Output(output)


def text_of(text: str, what: str, hint: str) -> str:
    """A text that says something.

    Args:
        text: what the caller gave.
        what: it is meant to be.
        hint: what to do where it says nothing.

    Raises:
        InputError: it is empty, or no text.
    """
    if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance] - callers need not check types
        raise InputError(f"The {what} must be a text, not {_named(text)}.")
    if not text.strip():
        raise InputError(f"The {what} is empty.", hint)
    return text


def names_of(names: Sequence[str], what: str) -> tuple[str, ...]:
    """Several names.

    Raises:
        InputError: it is one text, or none.
    """
    if isinstance(names, str) or not isinstance(names, Sequence):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InputError(f"The {what} must be a list of names, not {names!r}.")
    return tuple(names)


def objection_of(remark: Remark | str) -> Remark:
    """What is wrong with an answer; a text is enough.

    Raises:
        InputError: it is neither a text that says something nor a remark.
    """
    return Remark(text_of(remark, "objection", "Say what is wrong.")) if isinstance(remark, str) else remark_of(remark)


def remark_of(remark: Remark) -> Remark:
    """What a person says of an answer. A text alone does not tell whether they approve of it.

    Raises:
        InputError: it is no remark.
    """
    if not isinstance(remark, Remark):  # pyright: ignore[reportUnnecessaryIsInstance] - callers need not check types
        raise InputError(f"What is said of an answer must be a Remark, not {_named(remark)}.",
                         'For example: Remark("why", "supports").')
    return remark


def require_parts(**given: tuple[object, type | tuple[type, ...], str]) -> None:
    """Check what an agent is made of.

    Args:
        **given: by argument, what was given, what it must be, and how to have it.

    Raises:
        ConfigError: one is something else.
    """
    for name, (value, wanted, hint) in given.items():
        if value is not None and not isinstance(value, wanted):
            raise ConfigError(f"An agent's {name} can't be {_named(value)}.", hint)


def _named(value: object) -> str:
    return "None" if value is None else "a mapping" if isinstance(value, Mapping) else f"of type {type(value).__name__}"
