"""Tries one pattern: a request as JSON on standard input, a reply on standard output. Stands alone, so that it starts
in a moment.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

MAX_MATCHES = 200
KEPT_CHARACTERS = 500
"""Of a match, and of a group."""
MAX_MEMORY_BYTES = 2**30


def tried(request: dict[str, Any]) -> dict[str, Any]:
    """The matches of a pattern, or what is wrong with it."""
    flags = re.NOFLAG
    for name in request["flags"]:
        flags |= re.RegexFlag[name]
    try:
        pattern = re.compile(str(request["pattern"]), flags)
    except (re.error, ValueError, OverflowError, RecursionError) as error:
        return {"error": str(error)[:300] or type(error).__name__}
    text = str(request["text"])
    if request["whole"]:
        match = pattern.fullmatch(text)
        return {"matches": [_said(match)] if match else [], "more": False}
    matches: list[dict[str, Any]] = []
    for match in pattern.finditer(text):
        if len(matches) == MAX_MATCHES:
            return {"matches": matches, "more": True}
        matches.append(_said(match))
    return {"matches": matches, "more": False}


def _said(match: re.Match[str]) -> dict[str, Any]:
    names = {number: name for name, number in match.re.groupindex.items()}
    groups = {str(names.get(number, number)): text if text is None else text[:KEPT_CHARACTERS]
              for number, text in enumerate(match.groups(), 1)}
    return {"start": match.start(), "end": match.end(), "text": match[0][:KEPT_CHARACTERS], "groups": groups}


def main() -> None:
    """Serve one request."""
    if sys.platform != "win32":
        import resource  # noqa: PLC0415 - not on Windows

        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    sys.stdout.write(json.dumps(tried(json.loads(sys.stdin.buffer.read()))))


if __name__ == "__main__":
    main()
