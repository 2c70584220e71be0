"""The keys that a tool is given, and what it says of them: nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from agentfix.errors import ToolError
from agentfix.tools import guard
from agentfix.types import Observation, ToolSpec

SHORTEST_CHARACTERS = 8
"""A shorter key is not struck out: it could be a word."""


@dataclass(frozen=True, slots=True)
class DeclaredSecrets:
    """The keys that a tool declared, for one call. Implements `agentfix.Secrets`."""

    spec: ToolSpec
    read: Callable[[str], str | None]
    given: dict[str, str] = field(default_factory=dict[str, str])
    """Those that the tool asked for."""

    def get(self, name: str) -> str | None:
        """See `agentfix.Secrets`."""
        if name not in self.spec.secrets:
            raise ToolError(f"{self.spec.name!r} did not declare the key {name!r}.", status="refused")
        with guard.off():
            key = self.read(name)
        if key is not None and len(key) >= SHORTEST_CHARACTERS:
            self.given[name] = key
        return key

    def require(self, name: str) -> str:
        """See `agentfix.Secrets`."""
        key = self.get(name)
        if key is None:
            raise ToolError(f"{self.spec.name!r} needs the key {name}: set it in the environment.",
                            status="unavailable")
        return key

    def struck(self, text: str) -> str:
        """A text of the tool's without the keys that it was given, as errors of libraries quote them."""
        for name, key in self.given.items():
            for spelt in (json.dumps(key)[1:-1], repr(key)[1:-1], key):
                text = text.replace(spelt, f"[{name}]")
        return text

    def struck_from(self, said: Observation) -> Observation:
        """The same of an observation."""
        data = json.dumps(said.data)
        struck = self.struck(data)
        return replace(said, text=self.struck(said.text), data=said.data if struck == data else json.loads(struck))
