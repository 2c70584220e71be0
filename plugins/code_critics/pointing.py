"""Reads the points of a critique out of a model's reply, and finds where in an attempt they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, StrictInt, StringConstraints, ValidationError

from agentfix import read_object, steps_of

MOST_POINTS = 8
_Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class QuotedPoint(BaseModel):
    """A fault of a piece of the text, which is quoted."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    quote: _Words
    problem: _Words


class NumberedPoint(BaseModel):
    """A fault of a numbered piece of the text."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    sentence: StrictInt
    problem: _Words


Point = TypeVar("Point", QuotedPoint, NumberedPoint)


class _Points(BaseModel, Generic[Point]):
    model_config = ConfigDict(extra="ignore", frozen=True)
    points: tuple[Point, ...]


def schema_of(field: str, of: Mapping[str, Any]) -> Mapping[str, Any]:
    """The JSON schema of a list of points.

    Args:
        field: what says where the point is.
        of: the schema of that field.
    """
    point = {"type": "object", "additionalProperties": False, "required": [field, "problem"],
             "properties": {field: dict(of), "problem": {"type": "string", "maxLength": 200}}}
    return {"type": "object", "additionalProperties": False, "required": ["points"],
            "properties": {"points": {"type": "array", "maxItems": MOST_POINTS, "items": point}}}


def points_in(reply: str, point: type[Point]) -> tuple[Point, ...] | None:
    """The points of a reply, which may stand in a code fence; None when they can't be read.

    Args:
        reply: anything.
        point: of which form they are.
    """
    try:
        return _Points[point].model_validate(read_object(reply)).points
    except ValidationError:
        return None


def step_at(text: str, at: int) -> int | None:
    """The step of a text in which a character stands; None behind the last.

    Args:
        text: of an attempt.
        at: the character's place, from 0.
    """
    end = 0
    for number, step in enumerate(steps_of(text)):
        end = text.index(step, end) + len(step)
        if at < end:
            return number
    return None
