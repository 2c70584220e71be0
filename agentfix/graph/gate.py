"""What stands between the machine and the tools and models that it asks."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from agentfix.protocols import Tool, ToolContext
from agentfix.types import Claim, Heard, ModelRequest, Observation, ToolCall


class Gate(Protocol):
    """Says whether a call may be made, and makes it. Nothing that a tool does wrong is raised."""

    async def ask(self, place: str, model: str, request: ModelRequest) -> ModelRequest:
        """The request to send.

        Raises:
            ModelDeniedError: it must not be sent.
        """
        ...

    async def permit(self, tool: Tool, call: ToolCall, place: str, *, heard: Heard | None,
                     intended: Collection[str]) -> ToolCall | Observation:
        """Whether a call may be made.

        Args:
            tool: whose call it is.
            call: as it was asked for.
            place: where in the run.
            heard: what the run has heard that is not the user's own; None when it is nothing.
            intended: the tools that the actor named before it had heard anything.

        Returns:
            The call to make, its arguments perhaps changed; or what is said instead of making it.
        """
        ...

    async def run(self, tool: Tool, call: ToolCall, place: str, context: ToolContext) -> Observation:
        """Make a call that was permitted. Raises SandboxError: the sandbox failed."""
        ...

    async def verify(self, tool: Tool, claim: Claim, context: ToolContext) -> Observation:
        """Have a tool check a claim; the observation's data holds `evidence`. Raises SandboxError as `run` does."""
        ...

    async def undo(self, tool: Tool, call: ToolCall, observation: Observation, context: ToolContext) -> Observation:
        """Have a tool take an act back. Raises SandboxError as `run` does."""
        ...
