"""Asks a person whether a call may be made."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from agentfix.errors import ConfigError
from agentfix.lifecycle import own_copy
from agentfix.threads import call
from agentfix.types import PendingToolCall

Approve: TypeAlias = Callable[[PendingToolCall, str], bool | Awaitable[bool]]
"""Asks a person whether a call may be made, and tells why it is asked: `(call: PendingToolCall, reason: str) -> bool`,
plain or async. Nothing but `True` approves. A plain function runs in a thread, where it may wait for its person."""


def require_askable(approve: object) -> None:
    """Raise ConfigError for what can't be asked with a call and a reason: at once, not when a person is needed."""
    way = "Give a function like: def approve(call: PendingToolCall, reason: str) -> bool, plain or async."
    if not callable(approve):
        raise ConfigError(f"on_approval is {approve!r}, which can't be called.", way)
    try:
        signature = inspect.signature(approve)
    except (TypeError, ValueError):
        return  # of what is not written in Python; then the call itself shows it
    try:
        signature.bind("call", "reason")
    except TypeError as error:
        raise ConfigError(f"on_approval takes {signature}, and is given a call and a reason: {error}.", way) from error


async def approved(approve: Approve, pending: PendingToolCall, reason: str) -> bool:
    """Whether a person says that a call may be made. Whatever asking raises is raised."""
    return await call(approve, own_copy(pending), reason) is True
