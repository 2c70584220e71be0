"""Pictures that belong to a question, from files or the web."""

from __future__ import annotations

import base64
from pathlib import Path

from agentfix.errors import InputError
from agentfix.types import Image

LARGEST_BYTES = 20 * 2**20
_KINDS = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"))


def read_image(where: str) -> Image:
    """A picture from a file, or at an https: address, which the model's server fetches itself.

    Raises:
        InputError: the file can't be read, is too large, or is no picture; the address is another.
    """
    if where.startswith("https://"):
        return Image(where)
    if "://" in where:
        raise InputError(f"{where} is no https: address.", "Name a file or an https: address.")
    try:
        with Path(where).open("rb") as file:
            data = file.read(LARGEST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise InputError(f"{where} can't be read: {getattr(error, 'strerror', None) or error}.") from error
    if len(data) > LARGEST_BYTES:
        raise InputError(f"{where} is larger than {LARGEST_BYTES // 2**20} MB.", "Make it smaller.")
    kind = next((kind for start, kind in _KINDS if data.startswith(start)), "")
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        kind = "image/webp"
    if not kind:
        raise InputError(f"{where} is no picture.", "PNG, JPEG, GIF and WebP are understood.")
    return Image(f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}")
