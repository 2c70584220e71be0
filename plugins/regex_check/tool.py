"""Tries a pattern in a process of its own: a pattern can backtrack for years, and nothing in Python stops it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

from agentfix import Deadline, Observation, ToolError, tool

MAX_PATTERN_CHARACTERS = 2_000
MAX_TEXT_CHARACTERS = 100_000
SHOWN_MATCHES = 20
SHOWN_CHARACTERS = 200
_WORKER = Path(__file__).with_name("worker.py")


@tool(deterministic=True, processes=True)
def regex_check(pattern: str, text: str, mode: Literal["search", "whole"] = "search", ignore_case: bool = False,
                multiline: bool = False, dot_all: bool = False, *, deadline: Deadline) -> Observation:
    """Try a regular expression (of Python's `re`) on a text: see whether it matches, where, and what its groups hold.

    Args:
        pattern: The regular expression.
        text: The text to try it on.
        mode: search finds every match in the text; whole tells whether the text matches from end to end.
        ignore_case: Take large and small letters as equal.
        multiline: Let ^ and $ match at each line.
        dot_all: Let . match line ends.
    """
    if len(pattern) > MAX_PATTERN_CHARACTERS or len(text) > MAX_TEXT_CHARACTERS:
        raise ToolError(f"A pattern has at most {MAX_PATTERN_CHARACTERS} characters, a text {MAX_TEXT_CHARACTERS}.",
                        status="refused")
    reply = _asked({"pattern": pattern, "text": text, "whole": mode == "whole",
                    "flags": [name for name, on in (("IGNORECASE", ignore_case), ("MULTILINE", multiline),
                                                    ("DOTALL", dot_all)) if on]}, deadline)
    if "error" in reply:
        raise ToolError(f"The pattern can't be used: {reply['error']}.")
    return Observation("regex_check", "ok", _told(reply, mode), reply)


def _asked(request: dict[str, Any], timeout_s: float) -> dict[str, Any]:
    """What the worker says. Raises ToolError: it took too long, or died."""
    try:
        done = subprocess.run([sys.executable, "-I", "-S", str(_WORKER)], input=json.dumps(request), encoding="utf-8",
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=timeout_s, check=True)
    except subprocess.TimeoutExpired:
        raise ToolError(f"The pattern did not come to an end within {timeout_s:g} s on this text. Nested repetitions "
                        "such as (a+)+ can take forever: write it without them.", status="timeout") from None
    except subprocess.CalledProcessError:
        raise ToolError("The pattern took more memory than it may have.", status="refused") from None
    return json.loads(done.stdout)


def _told(reply: dict[str, Any], mode: str) -> str:
    matches: list[dict[str, Any]] = reply["matches"]
    if not matches:
        return "No match." if mode == "search" else "The text as a whole does not match."
    if mode == "whole":
        return f"The whole text matches.{_groups(matches[0])}"
    count = "1 match" if len(matches) == 1 else f"{'more than ' * reply['more']}{len(matches)} matches"
    lines = [f"{count}:"]
    lines += [f"{each['start']}-{each['end']}: {each['text'][:SHOWN_CHARACTERS]!r}{_groups(each)}"
              for each in matches[:SHOWN_MATCHES]]
    if len(matches) > SHOWN_MATCHES:
        lines.append("...")
    return "\n".join(lines)


def _groups(match: dict[str, Any]) -> str:
    groups: dict[str, str | None] = match["groups"]
    if not groups:
        return ""
    held = ", ".join(f"{name}={'nothing' if text is None else repr(text[:SHOWN_CHARACTERS])}"
                     for name, text in groups.items())
    return f" (groups {held})"
