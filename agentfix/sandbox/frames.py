"""Reads what the runner in a container says. Everything from there is untrusted: capped, and strictly checked.

The runner is sandboxes/python/runner.py: frames of a type byte, a u32 length and a payload, on standard output.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from agentfix.errors import SandboxLostError
from agentfix.sandbox.output import VALUE_BYTES

_HEADER_BYTES = 5
_FRAME_BYTES = 8 * 2**20
_KINDS = frozenset(b"SOER")


class FrameReader:
    """Cuts a stream of bytes into frames."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[str, bytes]]:
        """Take bytes, yield the frames that are complete: type and payload.

        Raises:
            SandboxLostError: this is not the runner's protocol.
        """
        self._data += data
        while len(self._data) >= _HEADER_BYTES:
            kind, length = self._data[0], int.from_bytes(self._data[1:_HEADER_BYTES], "big")
            if kind not in _KINDS or length > _FRAME_BYTES:
                raise SandboxLostError("The container does not speak the runner's protocol.",
                                       "Make its image anew: agentfix sandbox build")
            if len(self._data) < _HEADER_BYTES + length:
                return
            payload = bytes(self._data[_HEADER_BYTES:_HEADER_BYTES + length])
            del self._data[:_HEADER_BYTES + length]
            yield chr(kind), payload


def _small(value: str) -> str:
    if len(value.encode()) > VALUE_BYTES:
        raise ValueError(f"more than {VALUE_BYTES} bytes")
    return value


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class ProgramReport(_Strict):
    """What the child says of itself: as trustworthy as the program that ran in it."""

    error: Annotated[str, Field(max_length=4000)] = ""
    line: Annotated[int, Field(ge=1, lt=2**31)] | None = None
    value: Annotated[str, AfterValidator(_small)] | None = None
    cut: bool = False


class RunnerReport(_Strict):
    """What process 1 observed."""

    exit_code: Annotated[int, Field(ge=0, le=255)] | None
    signal: Annotated[int, Field(ge=1, le=64)] | None
    oom_kills: int
    seconds: Annotated[float, Field(ge=0)]
    peak_memory_bytes: Annotated[int, Field(ge=0)]
    report: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a program ended."""

    runner: RunnerReport
    program: ProgramReport

    @property
    def signal_name(self) -> str:
        """Such as `SIGSEGV`; empty when no signal ended it."""
        number = self.runner.signal
        known = {each.value: each.name for each in signal.Signals}
        return "" if number is None else known.get(number, f"signal {number}")


def read_outcome(payload: bytes) -> Outcome:
    """Read the runner's report. A report of the program that is not well-formed counts as none.

    Raises:
        SandboxLostError: the runner's own part is not well-formed.
    """
    try:
        runner = RunnerReport.model_validate_json(payload)
    except ValidationError as error:
        raise SandboxLostError("The container's report can't be read.") from error
    try:
        program = ProgramReport.model_validate_json(runner.report or "{}")
    except ValidationError:
        program = ProgramReport()
    return Outcome(runner, program)
