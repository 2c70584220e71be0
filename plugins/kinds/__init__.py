"""The task kinds `math`, `code` and `text`."""

from __future__ import annotations

from typing import Any

from agentfix import Build, hookimpl


def _math(_: Build) -> Any:
    from .math import MathKind  # noqa: PLC0415

    return MathKind()


def _code(_: Build) -> Any:
    from .code import CodeKind  # noqa: PLC0415

    return CodeKind()


def _text(_: Build) -> Any:
    from .text import TextKind  # noqa: PLC0415

    return TextKind()


@hookimpl
def agentfix_register_kinds(register: Any) -> None:
    """Register the kinds."""
    register("math", _math, "A number, computed by a program that stores `answer`; numbers are compared as numbers.")
    register("code", _code, "A Python function or program, checked by the caller's tests or self-written ones.")
    register("text", _text, "Anything else, answered in words.")
