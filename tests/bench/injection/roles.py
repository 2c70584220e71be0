"""Whether a request, rendered as a server renders it, has the turns that it should have."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from agentfix import ModelRequest
from tests.tools.chats import TEMPLATES, rendered, structure


def broken(requests: Iterable[ModelRequest]) -> list[str]:
    """The families whose turns what stands in messages changes."""
    return sorted({family for request in requests for family in TEMPLATES if _changed(family, request)})


def _changed(family: str, request: ModelRequest) -> bool:
    meant = [replace(message, content="x") for message in request.messages]
    return structure(rendered(family, request.messages)) != structure(rendered(family, meant))
