"""What a question mentions with `@`: the text of files becomes material, pictures are shown to the model."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agentfix.errors import InputError

if TYPE_CHECKING:
    from agentfix.types import Image

LARGEST_BYTES = 256 * 1024
"""Of a text: no model that runs here reads more."""
PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp")
_MENTION = re.compile(r'(?<!\S)@(?:"([^"\n]+)"|(\S*[^\s.,;:!?)]))')


@dataclass(frozen=True, slots=True)
class Mentioned:
    """What belongs to a question."""

    context: str = ""
    images: tuple[Image, ...] = ()
    files: tuple[str, ...] = ()
    """What was read."""
    missing: tuple[str, ...] = ()
    """What has no ending and is no file: a name, say. It stays a part of the question."""


def mentioned(question: str, folder: Path) -> Mentioned:
    """Read the files that a question mentions as `@path` or `@"a path"`.

    Args:
        question: as it was typed; it is not changed.
        folder: where relative paths begin.

    Raises:
        InputError: a file is not there, is too large, is neither text nor picture, or can't be read.
    """
    texts: list[str] = []
    images: list[Image] = []
    files: list[str] = []
    missing: list[str] = []
    for match in _MENTION.finditer(question):
        name = match[1] or match[2]
        path = folder / Path(name).expanduser()
        if name in files or name in missing:
            continue
        if not path.is_file():
            if path.suffix:
                raise InputError(f"There is no file {name} here.", "Write another path, or leave out the @.")
            missing.append(name)
            continue
        files.append(name)
        if path.suffix.lower() in PICTURES:
            from agentfix.cli.images import read_image  # noqa: PLC0415 - few questions have a picture

            images.append(read_image(str(path)))
        else:
            texts.append(f"{name}:\n{_text(path, name)}")
    return Mentioned("\n\n".join(texts), tuple(images), tuple(files), tuple(missing))


def _text(path: Path, name: str) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise InputError(f"{name} can't be read: {error.strerror}.") from error
    if len(data) > LARGEST_BYTES:
        raise InputError(f"{name} is larger than {LARGEST_BYTES // 1024} kB.",
                         "Mention a part of it, or put it into a corpus: /corpus PATH")
    if b"\0" in data:
        raise InputError(f"{name} is neither text nor a picture that is understood.", "Mention a text.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is not UTF-8.", "Convert it to UTF-8.") from error
