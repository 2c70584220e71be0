"""What went wrong, in the shape in which OpenAI's clients read it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agentfix.errors import (
    AgentFixError,
    BlindModelError,
    ConfigError,
    ContextOverflowError,
    JournalError,
    ModelError,
    ModelUnavailableError,
    SandboxBusyError,
    SandboxUnavailableError,
    UsageError,
)

INVALID, SERVER = "invalid_request_error", "server_error"
NEVER_AGAIN = {"x-should-retry": "false"}
"""OpenAI's clients try again by themselves, unless they are told this."""
NOT_KEPT = "The server can't write what it has to keep: its disk may be full, or locked. Its log says more."
_LOG = logging.getLogger(__name__)


@dataclass
class Refusal(Exception):
    """A request that is not answered.

    Args:
        status: of HTTP.
        message: what is wrong, and what to do, in sentences.
        type: what sort of failure it is, in OpenAI's words.
        code: a word for programs.
        param: the field of the request that is wrong.
        headers: beside the body.
    """

    status: int
    message: str
    type: str = INVALID
    code: str | None = None
    param: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    def body(self) -> dict[str, Any]:
        """What the client reads."""
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code}}


class ClientGone(Exception):
    """The client hung up: nobody is there to be answered."""


def wrong(param: str, message: str, code: str | None = None) -> Refusal:
    """A field of the request can't be used."""
    return Refusal(400, message, code=code, param=param)


def refusal_of(error: Exception, request_id: str) -> Refusal:
    """What an error means to a client. What is no business of the client is logged, and the client told no more than
    that."""
    said = str(error)
    match error:
        case Refusal():
            return error
        case ContextOverflowError():
            return Refusal(400, said, code="context_length_exceeded", param="messages")
        case UsageError() if not isinstance(error, ConfigError):  # the settings are the server's own
            return Refusal(400, said)
        case BlindModelError():
            return Refusal(400, said, param="messages")
        case JournalError():
            _LOG.error("request %s failed: %s", request_id, said)
            return Refusal(503, NOT_KEPT, SERVER, "not_kept", headers={"retry-after": "5"})
        case ModelUnavailableError() | SandboxBusyError() | SandboxUnavailableError():
            return Refusal(503, said, SERVER, "unavailable")
        case ModelError():
            return Refusal(502, said, SERVER, "model_failed", headers=NEVER_AGAIN)
        case _:
            _LOG.error("request %s failed: %s", request_id, said, exc_info=None if _is_ours(error) else error)
            return Refusal(500, "The server failed. Its log says more, under this request's x-request-id.", SERVER,
                           headers=NEVER_AGAIN)


def _is_ours(error: Exception) -> bool:
    """Whether an error says all that there is to say."""
    return isinstance(error, AgentFixError)
