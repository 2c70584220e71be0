"""What models and critics can call."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from agentfix.errors import ToolError
from agentfix.protocols.models import Ask, nobody_asked
from agentfix.protocols.sandboxes import Session
from agentfix.types import Claim, Evidence, Observation, ToolCall, ToolSpec


@dataclass(frozen=True, slots=True)
class Response:
    """What a server said."""

    url: str
    """Where it came from, after redirects."""
    status: int
    headers: Mapping[str, str]
    """With lower-case names."""
    content: bytes
    text: str
    """The content, decoded as its headers say."""

    def json(self) -> Any:
        """The content as JSON.

        Raises:
            ToolError: it is none.
        """
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError) as error:
            raise ToolError(f"{self.url} did not answer with JSON: {error}.", status="error") from error


@runtime_checkable
class Http(Protocol):
    """An HTTP client that reaches the hosts a tool declared, and no other.

    Addresses of private networks and of this machine are refused unless the user allows them (`private_hosts`), for
    redirects and whatever a name resolves to as well.
    """

    async def request(self, method: str, url: str, *, params: Mapping[str, str] | None = None,
                      headers: Mapping[str, str] | None = None, json: Any = None, content: bytes | None = None,
                      max_bytes: int = 5_000_000, timeout_s: float | None = None) -> Response:
        """Ask a server. Answers of any status are returned.

        Args:
            method: such as `GET`.
            url: http: or https:.
            params: added to the address's query.
            headers: added to the usual ones.
            json: sent as JSON.
            content: sent as it is.
            max_bytes: of the answer's body, after decompression.
            timeout_s: for everything together; the tool's own time when None.

        Raises:
            ToolError: the host is not allowed (status `refused`), can't be reached or answers too slowly or too much.
        """
        ...

    async def get(self, url: str, *, params: Mapping[str, str] | None = None,
                  headers: Mapping[str, str] | None = None, max_bytes: int = 5_000_000,
                  timeout_s: float | None = None) -> Response:
        """`request` with GET."""
        ...


@runtime_checkable
class Secrets(Protocol):
    """The keys that a tool declared, by name."""

    def get(self, name: str) -> str | None:
        """A key; None when the user has not set it.

        Raises:
            ToolError: the tool did not declare it (status `refused`).
        """
        ...

    def require(self, name: str) -> str:
        """A key that the tool can't do without.

        Raises:
            ToolError: it is not set (status `unavailable`), or not declared.
        """
        ...


class Deadline(float):
    """Seconds that a tool may take. A parameter of this type is filled in, and not shown to the model."""


class Seed(int):
    """Where a tool's chance starts from. A parameter of this type is filled in, and not shown to the model."""


class NoHttp:
    """Stands where no client was given: tests of tools that need none."""

    async def request(self, method: str, url: str, **_: Any) -> Response:
        """Refuses."""
        raise ToolError(f"{url} can't be reached: this tool was given no network.", status="refused")

    async def get(self, url: str, **_: Any) -> Response:
        """Refuses."""
        return await self.request("GET", url)


class NoSecrets:
    """Stands where no keys were given."""

    def get(self, name: str) -> str | None:
        """Refuses."""
        raise ToolError(f"The key {name!r} was not declared by this tool.", status="refused")

    def require(self, name: str) -> str:
        """Refuses."""
        self.get(name)
        raise AssertionError


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What a tool is given besides its arguments."""

    sandbox: Session
    timeout_s: float
    seed: int = 0
    http: Http = field(default_factory=NoHttp)
    """Reaches the hosts that the tool declared."""
    secrets: Secrets = field(default_factory=NoSecrets)
    """The keys that the tool declared."""
    folder: Path = Path()
    """The run's working folder, for tools that keep files."""
    ask: Ask = nobody_asked
    """Asks the critic's model, if the tool declared that it asks one. What it says is an opinion. The tool's own time
    stands still meanwhile.

    Raises:
        ToolError: the model could not answer.
    """
    model: str = ""
    """Name of the model that is asked; empty where there is none."""


@runtime_checkable
class Tool(Protocol):
    """Something a model or critic can call.

    Made anew for each run that may use it, unless its plugin gives the same object each time. One that has
    `async aclose()` is closed after the run; it may be used again.
    """

    spec: ToolSpec

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> Observation:
        """Do it.

        Args:
            arguments: already validated against `spec.parameters`.
            context: sandbox, deadline, seed, and what the tool declared.

        Raises:
            ToolError: a message to the model. Any other exception is a fault of the plugin and is named so.
        """
        ...


@runtime_checkable
class Verifier(Protocol):
    """A tool that can also check claims: adding the tool adds the check."""

    async def verify(self, claim: Claim, context: ToolContext) -> Evidence | None:
        """Check a claim. Must change nothing.

        Args:
            claim: an answer, or what one of the tool's own acts is said to have done.
            context: as for `run`.

        Returns:
            What was observed; None when the tool has nothing to say of this claim.

        Raises:
            ToolError: it could not be checked.
        """
        ...


@runtime_checkable
class Undoable(Protocol):
    """A tool whose acts can be taken back."""

    async def undo(self, call: ToolCall, observation: Observation, context: ToolContext) -> Observation:
        """Take an act back, so that the world is as it was before.

        Args:
            call: the act.
            observation: what it said when it was made.
            context: as for `run`.

        Raises:
            ToolError: it can't be taken back.
        """
        ...


@runtime_checkable
class Tools(Protocol):
    """Several tools that are found together, such as those of a server: what a factory may make instead of one."""

    async def open(self, notice: Callable[[str], None]) -> Sequence[Tool]:
        """Find them, as they are now. Called before each run that may call them, in the event loop of that run, and
        perhaps while other runs use them.

        Args:
            notice: told in a sentence what can't be had, and why; the run goes on without it.
        """
        ...

    async def aclose(self) -> None:
        """Let go of them. May be called twice."""
        ...
