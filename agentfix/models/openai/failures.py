"""What can go wrong with a request, sorted into what may pass, what can be asked differently, and what is final.

Every message is one line and holds no key, whatever the server wrote.
"""

from __future__ import annotations

import email.utils
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2
import openai

from agentfix.errors import ContextOverflowError, ModelError, ModelReplyError, ModelUnavailableError

SAID_CHARS = 300
_PASSING = {408, 409, 425, 429}
_OVERFLOW = re.compile(
    r"context[ _](length|size|window)|maximum context|exceed_context|too many tokens|prompt is too long|n_ctx",
    re.IGNORECASE)
_NO_MODEL = re.compile(
    r"invalid model name|unknown model|model[^.]{0,80} (not found|does not exist|is not available)", re.IGNORECASE)
_IMAGE = re.compile(r"image|mmproj|multimodal|vision", re.IGNORECASE)


class Passing(Exception):
    """A failure that may pass: the request can be made again.

    Args:
        error: what to say when it does not pass.
        wait_s: how long the server wants to be left alone, when it says so.
        empty_stream: nothing came at all; some servers say why only when they are asked for a reply in one piece.
        bad_call: the model wrote a tool call that can't be read; it will hardly do better a third time.
    """

    def __init__(self, error: ModelError, *, wait_s: float | None = None, empty_stream: bool = False,
                 bad_call: bool = False) -> None:
        super().__init__(str(error))
        self.error = error
        self.wait_s = wait_s
        self.empty_stream = empty_stream
        self.bad_call = bad_call
        self.elsewhere = False
        """Whether another address can be asked at once."""


@dataclass(frozen=True)
class Whom:
    """Who was asked, for messages."""

    model: str
    url: str
    key_name: str
    key: str

    def said(self, text: str) -> str:
        """What a server said: one line, bounded, without the key."""
        clean = " ".join(self.without_key(text).split())
        clean = "".join(c if c.isprintable() else "?" for c in clean)
        return clean if len(clean) <= SAID_CHARS else f"{clean[:SAID_CHARS]}..."

    def without_key(self, text: str) -> str:
        """A text in which the server may have repeated the key."""
        for form in (self.key, repr(self.key)[1:-1]):
            text = text.replace(form, "***") if form else text
        return text


class MalformedCall(ValueError):
    """A tool call that can't be read; says what is wrong with it."""


class Refused(Exception):
    """The server would not have the request as it was put; carries its words in full."""

    def __init__(self, error: ModelError, said: str, parameter: str) -> None:
        super().__init__(str(error))
        self.error = error
        self.said = said
        self.parameter = parameter
        """The parameter the server names, or nothing."""


def junk(whom: Whom, what: str) -> Passing:
    """A reply that is none."""
    return Passing(ModelReplyError(f"{whom.url} gave {whom.said(what)} instead of a reply of {whom.model!r}.",
                                   "See whether the base URL is right and the server well."))


def sort(error: Exception, whom: Whom) -> Exception:
    """What an exception of the SDK or its HTTP client means.

    Returns:
        A `Passing`, a `Refused` or a `ModelError`.
    """
    match error:
        case openai.APIStatusError():
            return _status(error, whom)
        case openai.APITimeoutError() | httpx2.TimeoutException():
            return Passing(ModelUnavailableError(f"{whom.url} did not answer in time.", _HINT))
        case openai.APIConnectionError(__cause__=httpx2.LocalProtocolError() as cause):
            return ModelError(f"The request to {whom.url} can't be sent: {whom.said(str(cause))}.")
        case openai.APIConnectionError():
            cause = whom.said(str(error.__cause__ or error))
            return Passing(ModelUnavailableError(f"{whom.url} can't be reached: {cause}.", _HINT))
        case httpx2.HTTPError():
            return Passing(ModelReplyError(f"The connection to {whom.url} broke: {whom.said(str(error))}."))
        case openai.APIError():
            said = whom.said(_message(error.body) or error.message)
            if "context_length_exceeded" in _field(error.body, "code") or _OVERFLOW.search(said):
                return _overflow(whom, said)
            return Passing(ModelReplyError(f"{whom.url} broke its reply off: {said}."))
        case MalformedCall():
            return Passing(ModelReplyError(f"{whom.model!r} at {whom.url} wrote {whom.said(str(error))}.",
                                           "A larger model may do better."), bad_call=True)
        case _:
            return junk(whom, f"what can't be read ({type(error).__name__}: {error})")


_HINT = "See whether the server runs and the base URL is right."


def _status(error: openai.APIStatusError, whom: Whom) -> Exception:
    status, headers = error.status_code, error.response.headers
    full = whom.without_key(_message(error.body) or error.response.text)
    said = whom.said(full)
    if 300 <= status < 400:
        return ModelUnavailableError(f"{whom.url} has moved to {whom.said(headers.get('location', 'nowhere'))}.",
                                     "Set that as the base URL.")
    if status in (401, 403):
        where = (f"Set {whom.key_name}, or: python -m keyring set agentfix {whom.key_name}" if whom.key_name
                 else "Name the endpoint in agentfix.toml, with the name of its key.")
        return ModelUnavailableError(f"{whom.url} refuses the key ({status}): {_ended(said)}", where)
    if status == 404:
        bare = not urlsplit(whom.url).path.strip("/")
        hint = f"Most servers want /v1 at the end: {whom.url.rstrip('/')}/v1" if bare else _HINT
        return Refused(ModelUnavailableError(f"{whom.url} does not know {whom.model!r}: {_ended(said)}", hint), full,
                       "model")
    code = _field(error.body, "code")
    overflow = "context_length_exceeded" in code or (status in (400, 422, 500) and _OVERFLOW.search(full))
    if status == 413 or overflow:
        return _overflow(whom, said)
    if status == 429 and "insufficient_quota" in (code, _field(error.body, "type")):
        return ModelUnavailableError(f"{whom.url} says that the account is used up: {said}", "See its billing page.")
    failed = ModelError(f"{whom.url} answered {status} for {whom.model!r}: {said}")
    parameter = "model" if _NO_MODEL.search(full) else _field(error.body, "param")
    if (status in _PASSING or status >= 500) and not (status in (500, 501) and _is_refusal(full)):
        return Passing(failed, wait_s=_retry_after_s(headers))
    return Refused(failed, full, parameter)


def _ended(said: str) -> str:
    return said if said.endswith((".", "!", "?")) else f"{said}."


def _overflow(whom: Whom, said: str) -> ContextOverflowError:
    return ContextOverflowError(f"The prompt does not fit the context of {whom.model!r}: {said}",
                                "Shorten the question, or choose a model with a larger context.")


def _is_refusal(text: str) -> bool:
    """Some servers answer 500 to what they were not made for, and will do so again."""
    return bool(re.search(r"validation error|not supported|can only concatenate|unsupported", text, re.IGNORECASE))


def sees_no_images(refused: Refused) -> bool:
    """Whether pictures are what the server would not have."""
    return bool(_IMAGE.search(refused.said) or "can only concatenate str" in refused.said)


def _retry_after_s(headers: httpx2.Headers) -> float | None:
    """Seconds to wait, as `retry-after-ms` or `retry-after` (seconds or a date) say."""
    try:
        if "retry-after-ms" in headers:
            return max(0.0, float(headers["retry-after-ms"]) / 1000)
        return max(0.0, float(headers["retry-after"]))  # "nan" is no number of seconds: max() makes it 0
    except KeyError:
        return None
    except ValueError:
        return _until_s(headers.get("retry-after", ""))


def _until_s(date: str) -> float | None:
    try:
        return max(0.0, email.utils.parsedate_to_datetime(date).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _message(body: object) -> str:
    if isinstance(body, Mapping):
        inner: Any = body.get("error", body)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        if isinstance(inner, Mapping):
            return str(inner.get("message") or json.dumps(inner, default=str))  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]
        return str(inner)  # pyright: ignore[reportUnknownArgumentType]
    return ""


def _field(body: object, name: str) -> str:
    if isinstance(body, Mapping):
        inner: Any = body.get("error", body)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        if isinstance(inner, Mapping):
            return str(inner.get(name) or "")  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]
    return ""
