"""Reads JSON as its standard has it, and says where it stops being that."""

from __future__ import annotations

import json
from typing import Any


class NotJsonError(ValueError):
    """What is wrong with a text, and where."""


def read_json(text: str) -> Any:
    """The value of a JSON text.

    Raises:
        NotJsonError: it is none.
    """
    try:
        return json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise NotJsonError(f"{error.msg} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise NotJsonError("it is nested too deeply") from None
    except NotJsonError:
        raise
    except ValueError:
        raise NotJsonError("a number has more digits than are read") from None


def _no_constant(name: str) -> None:
    raise NotJsonError(f"{name} is no JSON value")
