"""What went wrong, in the shape in which OpenAI's clients read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agentfix.errors import (
    AgentFixError,
    CallInDoubtError,
    ConfigError,
    ContextOverflowError,
    ModelError,
    ModelUnavailableError,
    SandboxBusyError,
    SandboxUnavailableError,
    UsageError,
)

INVALID, SERVER = "invalid_request_error", "server_error"
NEVER_AGAIN = {"x-should-retry": "false"}
"""OpenAI's clients try again by themselves, unless they are told this."""


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


def refusal_of(error: AgentFixError) -> Refusal:
    """What an error of the engine means to a client."""
    said = str(error)
    match error:
        case ContextOverflowError():
            return Refusal(400, said, code="context_length_exceeded", param="messages")
        case ConfigError():  # the server's own settings; what a request may set was read before
            return Refusal(500, said, SERVER, headers=NEVER_AGAIN)
        case UsageError():
            return Refusal(400, said)
        case ModelUnavailableError() | SandboxBusyError() | SandboxUnavailableError():
            return Refusal(503, said, SERVER, "unavailable")
        case ModelError():
            return Refusal(502, said, SERVER, "model_failed", headers=NEVER_AGAIN)
        case CallInDoubtError():
            return Refusal(409, said, SERVER, headers=NEVER_AGAIN)
        case _:
            return Refusal(500, said, SERVER, headers=NEVER_AGAIN)
