"""Parts that say what a test tells them to say: a tool, a search engine, and a critic's model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from agentfix.evidence import groups, standing
from agentfix.protocols import Asked, CriticContext, Passage, TaskKind, ToolContext, Verify
from agentfix.protocols.critics import nothing_verified
from agentfix.testing.kind import PlainKind
from agentfix.testing.model import ScriptedModel, Step, asking
from agentfix.types import Attempt, Observation, Task, ToolSpec, Tree

Said: TypeAlias = str | Observation | Exception
"""What a tool says to one call: a text, an observation, or an error to raise."""


class ScriptedTool:
    """A `Tool` that plays what it was given, in order, and keeps the arguments of its calls.

    Args:
        name: its name.
        says: what it says to each call.
        spec: how it is presented; by its name, and with any arguments, when None.

    Attributes:
        calls: the arguments of every call, in order.
    """

    def __init__(self, name: str, says: Iterable[Said], *, spec: ToolSpec | None = None) -> None:
        self.spec = spec or ToolSpec(name, f"Says what a test tells {name} to say.", {"type": "object"})
        self.calls: list[Mapping[str, Any]] = []
        self._says = list(says)

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> Observation:
        """Play the next one.

        Raises:
            AssertionError: the script is over.
            Exception: the error that it holds.
        """
        self.calls.append(arguments)
        if len(self.calls) > len(self._says):
            raise AssertionError(f"tool {self.spec.name!r} was called {len(self.calls)} times, "
                                 f"but its script has {len(self._says)}")
        said = self._says[len(self.calls) - 1]
        if isinstance(said, Exception):
            raise said
        return said if isinstance(said, Observation) else Observation(self.spec.name, "ok", said, {"result": said})

    def assert_done(self) -> None:
        """Fail unless it was called exactly as often as the script says."""
        if len(self.calls) != len(self._says):
            raise AssertionError(f"tool {self.spec.name!r} was called {len(self.calls)} times, "
                                 f"but its script has {len(self._says)}")


class ScriptedSearch:
    """A `SearchEngine` that knows what it was told, query by query, and keeps its queries.

    Args:
        found: passages by query; any other query finds none.

    Attributes:
        queries: every query, in order.
    """

    def __init__(self, found: Mapping[str, Sequence[Passage]]) -> None:
        self.queries: list[str] = []
        self._found = found

    async def search(self, query: str, k: int) -> list[Passage]:
        """See `agentfix.SearchEngine`."""
        self.queries.append(query)
        return [*self._found.get(query, ())][:k]


def critic_context(steps: Iterable[Step] | ScriptedModel = (), *, task: Task | None = None,
                   attempts: Sequence[Attempt] = (), asked: Sequence[Asked] = (), kind: TaskKind | None = None,
                   tools: Sequence[ToolSpec] = (), verify: Verify = nothing_verified, seed: int = 0) -> CriticContext:
    """A context for a critic's `review`.

    Args:
        steps: what the critic's model says, in order; or that model, when a test asks it afterwards.
        task: the task of the run.
        attempts: the tree of the run, in the order of their ids.
        asked: the tool calls that the critic made earlier in this review, with what came back.
        kind: the task's; plain text when None.
        tools: what the user lets the actor use.
        verify: what tools say of claims; nothing unless told.
        seed: the run's.
    """
    model = steps if isinstance(steps, ScriptedModel) else ScriptedModel(steps)
    kind = kind or PlainKind()
    tree = Tree(task or Task("What is asked?"), tuple(attempts), standings=tuple(standing(()) for _ in attempts),
                groups=groups(attempts, kind.same), roles=kind.roles)
    return CriticContext(asking(model, seed), kind, tree, tuple(asked), seed, model.name,
                         tuple(tools), verify)
