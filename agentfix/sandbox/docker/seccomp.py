"""Turns the list of allowed system calls (sandboxes/python/seccomp.toml) into the engine's seccomp profile."""

from __future__ import annotations

import functools
import importlib.resources
import itertools
import json
import tomllib
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

_SOURCE = importlib.resources.files("agentfix_sandboxes") / "python" / "seccomp.toml"
_ARCHITECTURES = ("SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64")


def _split(text: object) -> object:
    return tuple(text.split()) if isinstance(text, str) else text


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
    reason: Annotated[str, Field(min_length=1)]
    calls: Annotated[tuple[str, ...], BeforeValidator(_split), Field(min_length=1)]


class _Argument(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
    index: Annotated[int, Field(ge=0, le=5)]
    mask: Annotated[int, Field(gt=0, lt=2**64)] = 0xFFFFFFFF
    values: Annotated[dict[str, int], Field(min_length=1)]


class _Allow(_Strict):
    arguments: Annotated[list[_Argument], Field(default_factory=list[_Argument])]


class _Refuse(_Strict):
    errno: Annotated[int, Field(gt=0, lt=134)]


class _Source(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
    allow: list[_Allow]
    refuse: list[_Refuse]


@functools.cache
def profile() -> str:
    """The profile, as the engine's option `seccomp=` takes it: JSON in one line."""
    source = _Source.model_validate(tomllib.loads(_SOURCE.read_text(encoding="utf-8")))
    rules = [rule for group in source.allow for rule in _allowed(group)]
    rules += [{"names": group.calls, "action": "SCMP_ACT_ERRNO", "errnoRet": group.errno}
              for group in source.refuse]
    return json.dumps({
        "defaultAction": "SCMP_ACT_ERRNO",  # EPERM where no number is given, and older engines know no field for one
        "archMap": [{"architecture": each, "subArchitectures": []} for each in _ARCHITECTURES],
        "syscalls": rules,
    })


def _allowed(group: _Allow) -> Iterator[dict[str, Any]]:
    """One rule for each combination of values: the engine takes two conditions on one argument as alternatives."""
    conditions = [[_condition(argument, value) for value in argument.values.values()] for argument in group.arguments]
    for combination in itertools.product(*conditions):
        yield {"names": group.calls, "action": "SCMP_ACT_ALLOW", "args": combination}


def _condition(argument: _Argument, value: int) -> dict[str, Any]:
    return {"index": argument.index, "op": "SCMP_CMP_MASKED_EQ", "value": argument.mask, "valueTwo": value}
