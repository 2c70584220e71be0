"""Replies that shall satisfy a JSON schema, or match a regular expression, where no server enforces it."""

from __future__ import annotations

import re

from agentfix.errors import InputError
from agentfix.schemas import checked
from agentfix.types import Message, ModelRequest

MAX_REPAIRS = 2
_FENCE = re.compile(r"^\s*```\w*\s*\n(.*?)\n?```\s*$", re.DOTALL)


def is_held(request: ModelRequest) -> bool:
    """Whether a request says how its replies must be written.

    Raises:
        InputError: it says so twice, or with a regular expression that is none.
    """
    if request.regex is None:
        return request.schema is not None
    if request.schema is not None:
        raise InputError("A completion can't be held to a JSON schema and a regular expression at once.",
                         "Give one of them; a schema of a string may have a `pattern`.")
    try:
        re.compile(request.regex)
    except (re.error, OverflowError, RecursionError) as error:
        raise InputError(f"The regular expression {request.regex!r} is not valid ({error}).", "Correct it.") from None
    return True


def wanted_in(text: str, request: ModelRequest) -> str:
    """A reply without the code fence that models like to put around what they are asked for."""
    fenced = _FENCE.match(text)
    found = fenced.group(1) if fenced else text.strip()
    return text if request.regex is not None and re.fullmatch(request.regex, text) else found


async def fault_of(text: str, request: ModelRequest) -> str:
    """What is wrong with a reply; empty when it is as the request says, or nobody can tell."""
    if request.regex is not None:
        matches = re.fullmatch(request.regex, text)
        return "" if matches else f"it does not match the regular expression {request.regex} from its start to its end"
    if request.schema is None:
        return ""
    seen = await checked(text, request.schema)
    if seen.why:
        return ""
    return str(seen) if seen.path or seen.fits else f"it is no JSON ({seen})"


def repair(text: str, fault: str, request: ModelRequest) -> tuple[Message, Message]:
    """The two messages that ask for a better reply."""
    wanted = "JSON" if request.regex is None else "text"
    return (Message("assistant", text[:4000] or "(nothing)"),
            Message("user", f"That reply can't be used: {fault}. Reply with the corrected {wanted} and nothing else."))
