"""What a caller may put into a sandbox as a file."""

from __future__ import annotations

from collections.abc import Mapping

from agentfix.errors import SandboxFileError
from agentfix.protocols import FileInfo

FILE_BYTES = 16 * 2**20
ALL_BYTES = 32 * 2**20
MOST_PARTS = 32
_PART_BYTES = 255


def check_input(path: str, data: bytes, others: Mapping[str, bytes]) -> None:
    """Check a file that is to be put.

    Args:
        path: relative, with slashes.
        data: the whole file.
        others: what was put before.

    Raises:
        SandboxFileError: the path is none of a file below the folder, or it is too much.
    """
    parts = path.split("/")
    if len(parts) > MOST_PARTS or "\0" in path or any(part in ("", ".", "..") for part in parts):
        raise SandboxFileError(f"{path!r} is no relative path of a file.")
    try:
        long = any(len(part.encode()) > _PART_BYTES for part in parts)
    except UnicodeEncodeError:
        raise SandboxFileError(f"{path!r} is no relative path of a file.") from None
    if long:
        raise SandboxFileError(f"{path[:80]!r}... has a part of more than {_PART_BYTES} bytes.")
    clash = next((other for other in others if other.startswith(f"{path}/") or path.startswith(f"{other}/")), None)
    if clash is not None:
        raise SandboxFileError(f"{path!r} can't be a file beside {clash!r}: one would be a folder of the other.")
    if len(data) > FILE_BYTES:
        raise SandboxFileError(f"{path!r} has {len(data)} bytes; {FILE_BYTES} are allowed.")
    if sum(len(other) for name, other in others.items() if name != path) + len(data) > ALL_BYTES:
        raise SandboxFileError(f"There is no room for {path!r}: {ALL_BYTES} bytes are allowed in all.")


def read_input(path: str, inputs: Mapping[str, bytes]) -> bytes:
    """A file as it was put. Raises SandboxFileError when it was not."""
    if path not in inputs:
        raise SandboxFileError(f"There is no file {path!r} in the sandbox.")
    return inputs[path]


def list_inputs(inputs: Mapping[str, bytes]) -> list[FileInfo]:
    """What was put, by path."""
    return [FileInfo(path, len(data)) for path, data in sorted(inputs.items())]
