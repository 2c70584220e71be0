"""The frames between this host and a box: two u32 lengths, a JSON object, bytes.

What comes from a box is untrusted: capped in size, and checked strictly. The other side is sandboxes/python/worker.
"""

from __future__ import annotations

import json
import signal
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from agentfix.errors import SandboxLostError
from agentfix.protocols import OutputStream, SessionState
from agentfix.sandbox.output import VALUE_BYTES

PROTOCOL = 2
"""What the worker in an image and this room have agreed on."""
HEADER_BYTES = 2 * 2**20
BODY_BYTES = 16 * 2**20
_LENGTHS = struct.Struct(">II")


def _small(value: str) -> str:
    if len(value.encode()) > VALUE_BYTES:
        raise ValueError(f"more than {VALUE_BYTES} bytes")
    return value


Count: TypeAlias = Annotated[int, Field(ge=0, lt=2**63)]
Seconds: TypeAlias = Annotated[float, Field(ge=0, lt=1e9, allow_inf_nan=False)]
Path: TypeAlias = Annotated[str, Field(min_length=1, max_length=10_000)]
Words: TypeAlias = Annotated[str, Field(max_length=4000)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Hello(_Strict):
    """The box is ready."""

    type: Literal["hello"]
    protocol: Count
    imported: list[Words] = []


class Pong(_Strict):
    """The box is alive."""

    type: Literal["pong"]


class Output(_Strict):
    """A piece of what the program printed; the bytes are the body."""

    type: Literal["output"]
    stream: OutputStream


class Call(_Strict):
    """The program calls a function of the host; name, arguments and named arguments are the body, as JSON."""

    type: Literal["call"]


class ArtefactFrame(_Strict):
    """A file that the program left; the bytes are the body where it is given whole."""

    type: Literal["artefact"]
    path: Path
    size_bytes: Count
    whole: bool


class Done(_Strict):
    """What process 1 observed of a program."""

    type: Literal["done"]
    state: SessionState
    stopped_for: Literal["", "timeout", "output_limit", "host"]
    exit_code: Annotated[int, Field(ge=0, le=255)] | None
    signal: Annotated[int, Field(ge=0, le=255)] | None
    oom_kills: Annotated[int, Field(gt=-(2**63), lt=2**63)]
    seconds: Seconds
    cpu_seconds: Seconds
    peak_memory_bytes: Count
    report: str
    """What the program's own process says, as JSON; see `read_report`."""
    clean: bool
    """Nothing is left of it that a later program could find."""

    @property
    def signal_name(self) -> str:
        """Such as `SIGSEGV`; empty when no signal ended it."""
        known = {each.value: each.name for each in signal.Signals}
        return "" if self.signal is None else known.get(self.signal, f"signal {self.signal}")


class Report(_Strict):
    """What a program's process says of itself: as trustworthy as the program."""

    error: Words = ""
    line: Annotated[int, Field(ge=1, lt=2**31)] | None = None
    value: Annotated[str, AfterValidator(_small)] | None = None
    cut: bool = False
    memory: bool = False
    """The error is a MemoryError."""


class Facts(_Strict):
    """What a box found out about its walls; see `agentfix.sandbox.docker.isolation`."""

    type: Literal["facts"]
    facts: dict[str, Any]


class Put(_Strict):
    """The file is there."""

    type: Literal["put"]


class File(_Strict):
    """The file that was asked for; the bytes are the body."""

    type: Literal["file"]


class Files(_Strict):
    """The files in the working folder: path and size."""

    type: Literal["files"]
    files: list[tuple[Path, Count]]


class FileProblem(_Strict):
    """The file can't be had or made."""

    type: Literal["file_error"]
    error: Words


class Failed(_Strict):
    """The box could not do it at all."""

    type: Literal["failed"]
    error: Words


Frame: TypeAlias = (Hello | Pong | Output | Call | ArtefactFrame | Done | Facts | Put | File | Files | FileProblem
                    | Failed)
_FRAME: TypeAdapter[Frame] = TypeAdapter(Annotated[Frame, Field(discriminator="type")])


@dataclass(frozen=True, slots=True)
class Received:
    """A frame with its body."""

    frame: Frame
    body: bytes


def pack(header: Mapping[str, Any], body: bytes = b"") -> bytes:
    """A frame for the box."""
    text = json.dumps(header).encode()
    return _LENGTHS.pack(len(text), len(body)) + text + body


class FrameReader:
    """Cuts a stream of bytes into frames."""

    def __init__(self) -> None:
        self._data = bytearray()

    @property
    def unread_bytes(self) -> int:
        return len(self._data)

    def feed(self, data: bytes | bytearray) -> None:
        """Take bytes."""
        self._data += data

    def next(self) -> Received | None:
        """The next frame that is complete, or None.

        Raises:
            SandboxLostError: this is not the worker's protocol.
        """
        if len(self._data) < _LENGTHS.size:
            return None
        header_bytes, body_bytes = _LENGTHS.unpack_from(self._data)
        if header_bytes > HEADER_BYTES or body_bytes > BODY_BYTES:
            raise _not_ours()
        body_at = _LENGTHS.size + header_bytes
        if len(self._data) < body_at + body_bytes:
            return None
        header = bytes(self._data[_LENGTHS.size:body_at])
        body = bytes(self._data[body_at:body_at + body_bytes])
        del self._data[:body_at + body_bytes]
        try:
            return Received(_FRAME.validate_json(header), body)
        except ValidationError as error:
            raise _not_ours() from error


def read_report(done: Done) -> Report:
    """What the program's process says of itself; nothing where that is not well-formed."""
    try:
        return Report.model_validate_json(done.report or "{}")
    except ValidationError:
        return Report()


def _not_ours() -> SandboxLostError:
    return SandboxLostError("The box does not speak the worker's protocol.",
                            "Make its image anew: agentfix sandbox build")
