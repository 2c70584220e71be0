"""What is sent, as JSON. A model may write half of a character: U+FFFD is sent for it."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import JSONResponse


class Json(JSONResponse):
    """A body of JSON."""

    def render(self, content: Any) -> bytes:
        """See `Response`."""
        return whole(json.dumps(content, ensure_ascii=False, separators=(",", ":"))).encode()


def in_a_line(content: Any) -> str:
    """JSON in ASCII: some readers of lines end them at more than line ends."""
    text = json.dumps(content)
    return json.dumps(json.loads(whole(json.dumps(content, ensure_ascii=False)))) if "\\ud" in text else text


def whole(text: str) -> str:
    """A text of whole characters."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
