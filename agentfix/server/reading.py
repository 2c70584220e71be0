"""The body of a request: read within limits, and held to its form."""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from starlette.requests import ClientDisconnect, Request

from agentfix.server.failures import ClientGone, Refusal
from agentfix.threads import in_thread

M = TypeVar("M", bound=BaseModel)
BODY_S = 60.0
"""How long the sending of a body may take."""
DRAINED_BYTES = 8 * 2**20
"""Of a body that is too long, so much is read and thrown away: who still sends does not hear that it is refused."""
MOST_VALUES, MOST_QUOTES = 200_000, 800_000
"""Objects and lists in a body, and quotes, those within its texts included: nobody is answered while they are read."""
QUICK_BYTES = 50_000
"""A longer body is read in a thread."""
MESSAGE_CHARACTERS = 500


async def read_body(request: Request, form: type[M], limit_bytes: int, limit_s: float = BODY_S) -> M:
    """A request's JSON.

    Args:
        request: what came.
        form: what it must be.
        limit_bytes: how long it may be.
        limit_s: how long its sending may take.

    Raises:
        Refusal: it is not that.
        ClientGone: it never came whole.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        # A page in a browser may send anything else to any server without asking it first.
        raise Refusal(415, "Send the body as content-type application/json.")
    if request.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise Refusal(415, "Send the body as it is, without a content-encoding.")
    try:
        async with asyncio.timeout(limit_s):
            data = await _bytes(request, limit_bytes)
    except TimeoutError:
        raise Refusal(408, f"The body did not come within {limit_s:g} seconds.",
                      headers={"connection": "close"}) from None
    except ClientDisconnect:
        raise ClientGone from None
    return await in_thread(_read, data, form) if len(data) > QUICK_BYTES else _read(data, form)


def _read(data: bytes, form: type[M]) -> M:
    if data.count(b"{") + data.count(b"[") > MOST_VALUES or data.count(b'"') > MOST_QUOTES:
        raise Refusal(413, f"The body holds more than {MOST_VALUES:,} objects and lists, or {MOST_QUOTES:,} quotes.")
    try:
        read: Any = from_json(data, allow_inf_nan=False)
    except ValueError as error:
        raise Refusal(400, f"The body is no JSON: {str(error)[:MESSAGE_CHARACTERS]}.") from None
    try:
        return form.model_validate(read)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])[:MESSAGE_CHARACTERS]
        said = f"{where or 'The body'}: {first['msg'][:MESSAGE_CHARACTERS]}."
        raise Refusal(400, said, param=where or None) from None


async def _bytes(request: Request, limit_bytes: int) -> bytes:
    data, length = bytearray(), 0
    async for piece in request.stream():
        length += len(piece)
        if length <= limit_bytes:
            data += piece
        elif length > limit_bytes + DRAINED_BYTES:
            break
    if length > limit_bytes:
        raise Refusal(413, f"The body is longer than {limit_bytes:,} bytes.", headers={"connection": "close"})
    return bytes(data)
