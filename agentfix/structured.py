"""Answers as Python objects: a type says what fits, and a function of the caller's may say what is right."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from agentfix.errors import AgentFixError, ConfigError, UsageError
from agentfix.places import place_of_error
from agentfix.protocols import CriticContext
from agentfix.threads import call as call_function
from agentfix.types import Attempt, Critique, Evidence, EvidenceClass, Result, Task

T = TypeVar("T")
OUTPUT = "output"
"""Name under which the caller's own type and function stand among the critics."""
_MOST_ERRORS = 3


@dataclass(frozen=True)
class Output(Generic[T]):
    """What an answer is to be parsed into.

    The answer is held to the type's JSON schema. What does not parse is refuted by measurement; that it parses
    supports nothing yet.

    Args:
        type: a pydantic model, a dataclass, a `TypedDict`, or what else pydantic can parse.
        sufficient: a function of the parsed answer, plain or async, of which you say that an answer which passes it is
            right: passing is `contract` evidence. It passes by returning something true, or None where it is annotated
            `-> None`. It fails by returning something false, or by raising ValueError or AssertionError, whose text the
            reviser is told. Any other None or error ends the run, which names the function. A plain one runs in a
            thread.

    Raises:
        ConfigError: the type has no JSON schema, or `sufficient` is no function.
    """

    type: type[T]
    sufficient: Callable[[T], Any] | None = None
    _adapter: TypeAdapter[T] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.sufficient is not None and not callable(self.sufficient):
            raise ConfigError(f"`sufficient` must be a function, not {self.sufficient!r}.")
        if isinstance(self.type, str):
            raise ConfigError(f"No answer can be parsed into {self.type!r}: it is a text.", "Give the type itself.")
        try:
            object.__setattr__(self, "_adapter", TypeAdapter(self.type))
            self._adapter.json_schema()
        except (RuntimeError, NameError, SyntaxError, TypeError, ValueError) as error:  # pydantic's own are among them
            raise ConfigError(f"No answer can be parsed into {self.type!r}: {error}") from error

    def posed(self, task: Task) -> Task:
        """The task of which the answer has to fit."""
        name = "" if self.sufficient is None else getattr(self.sufficient, "__qualname__", repr(self.sufficient))
        return replace(task, schema=self._adapter.json_schema(), validator=name)

    def parsed(self, answer: str) -> T:
        """An answer as an object.

        Raises:
            ValueError: it is none, or a validator of the type fails on it; says why.
        """
        try:
            return self._adapter.validate_json(answer)
        except KeyboardInterrupt:
            raise
        except ValidationError as error:
            raise ValueError(_said(error)) from error
        except BaseException as error:
            raise ValueError(f"a validator raised {error!r}") from error

    def read(self, result: Result) -> StructuredResult[T]:
        """A result with its answer as an object."""
        known = {each.name: getattr(result, each.name) for each in fields(result)}
        try:
            return StructuredResult(**known, output=None if result.answer is None else self.parsed(result.answer))
        except ValueError:
            return StructuredResult(**known)


@dataclass(frozen=True, slots=True)
class StructuredResult(Result, Generic[T]):
    """A result whose answer was to be an object."""

    output: T | None = None
    """The answer as an object, whatever its standing; None when it can't be parsed or there is none."""


class OutputCritic:
    """Parses answers, and has the caller's function check what they are parsed into. Asks no model.

    Args:
        output: what they are parsed into.
    """

    name = OUTPUT

    def __init__(self, output: Output[Any]) -> None:
        self._output = output

    async def review(self, task: Task, attempts: Sequence[Attempt], context: CriticContext) -> list[Critique]:
        """See `agentfix.Critic`."""
        return [await self._judged(task, attempt) for attempt in attempts]

    async def _judged(self, task: Task, attempt: Attempt) -> Critique:
        try:
            value = self._output.parsed(attempt.answer or "")
        except ValueError as error:
            what = getattr(self._output.type, "__name__", "what was asked for")
            return _refuted(attempt, Evidence(EvidenceClass.MEASUREMENT, "refutes", f"it is no {what}: {error}",
                                              OUTPUT, "instrument", "necessary"))
        if self._output.sufficient is None:
            return Critique(attempt.id, OUTPUT, "abstain")
        why = await _fault_found(self._output.sufficient, value, task.validator)
        if not why:
            return Critique(attempt.id, OUTPUT, "accept", "", (Evidence(
                EvidenceClass.CONTRACT, "supports", f"{task.validator} passes it", task.validator, "caller"),))
        return _refuted(attempt, Evidence(EvidenceClass.CONTRACT, "refutes", f"{task.validator} says: {why}",
                                          task.validator, "caller"))


async def _fault_found(sufficient: Callable[[Any], Any], value: object, name: str) -> str:
    """What a caller's function has against an answer; empty when it passes."""
    try:
        said = await call_function(sufficient, value)
    except (ValueError, AssertionError) as error:
        return str(error) or "it does not pass"
    except AgentFixError:
        raise
    except (Exception, SystemExit) as error:
        raise _misbehaved(name, error) from error
    if said is None and not _returns_nothing(sufficient):
        raise UsageError(f"Your function {name!r} returned None, which may mean anything.",
                         "Return True or False; or annotate it `-> None`, if it raises what is wrong.")
    try:
        return "" if said is None or said else "it does not pass"
    except (Exception, SystemExit) as error:  # an array, for one, is neither true nor false
        raise _misbehaved(name, error) from error


def _misbehaved(name: str, error: BaseException) -> UsageError:
    place = place_of_error(error)
    return UsageError(f"Your function {name!r} failed: {error!r}{f' at {place}' if place else ''}.",
                      "To refuse an answer, return False, or raise ValueError or AssertionError.")


def _returns_nothing(function: Callable[..., Any]) -> bool:
    """Whether it is annotated so."""
    try:
        return inspect.signature(function).return_annotation in (None, "None")
    except (TypeError, ValueError):
        return False


def _refuted(attempt: Attempt, evidence: Evidence) -> Critique:
    return Critique(attempt.id, OUTPUT, "revise", f"The answer is wrong: {evidence.summary}.", (evidence,))


def _said(error: ValidationError) -> str:
    """The first things that are wrong, each with where it is."""
    wrong = error.errors(include_url=False, include_input=False, include_context=False)[:_MOST_ERRORS]
    return "; ".join(": ".join(filter(None, (".".join(map(str, each["loc"])), each["msg"]))) for each in wrong)
