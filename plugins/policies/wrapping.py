"""A strategy around another one: `NAME[:OPTION]:INNER`, with `critic` inside where no other is named.

Wrappers nest: the inner one may be a wrapper too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias, cast, runtime_checkable

from agentfix import Build, LearningStrategy, Move, Remaining, Strategy, Tree, UsageError

INNER = "critic"
_OPTION = re.compile(r"[-+.0-9]")

Ask: TypeAlias = Callable[[], list[Move]]


class Policy(Protocol):
    """What a wrapper makes of the moves of the strategy in it. Pure, as strategies are."""

    name: str

    def moves(self, ask: Ask, tree: Tree, budget: Remaining, memory: Mapping[str, Any]) -> list[Move]:
        """The moves that are made.

        Args:
            ask: gives the moves that the strategy inside decides.
            tree: all that is known.
            budget: what is left of the run's limits.
            memory: what the policy remembers of earlier runs.
        """
        ...


@runtime_checkable
class LearningPolicy(Policy, Protocol):
    """A policy that remembers something from one run to the next."""

    def learn(self, tree: Tree, memory: Mapping[str, Any]) -> Mapping[str, Any]:
        """See `agentfix.LearningStrategy`."""
        ...


class Wrapped:
    """A policy around a strategy.

    Args:
        policy: decides what becomes of its moves.
        inner: the strategy.
        spec: its name, with its argument: what is remembered is kept apart by it.
    """

    def __init__(self, policy: Policy, inner: Strategy, spec: str) -> None:
        self.name = policy.name
        self._policy = policy
        self._inner = inner
        self._spec = spec

    def decide(self, tree: Tree, budget: Remaining, memory: Mapping[str, Any], seed: int) -> list[Move]:
        held = within(memory, self._spec)

        def ask() -> list[Move]:
            return self._inner.decide(tree, budget, within(held, "inner"), seed)

        return self._policy.moves(ask, tree, budget, within(held, "own"))


class WrappedLearner(Wrapped):
    """The same where one of the two learns."""

    def learn(self, tree: Tree, memory: Mapping[str, Any]) -> Mapping[str, Any]:
        held, learnt = within(memory, self._spec), dict[str, Any]()
        if isinstance(self._policy, LearningPolicy):
            learnt["own"] = dict(self._policy.learn(tree, within(held, "own")))
        if isinstance(self._inner, LearningStrategy):
            learnt["inner"] = dict(self._inner.learn(tree, within(held, "inner")))
        return {**memory, self._spec: learnt}


def within(memory: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """What is remembered under a name; nothing where it is of another form."""
    held = memory.get(name)
    return cast("Mapping[str, Any]", held) if isinstance(held, Mapping) else {}


def around(policy: Policy, inner: str, build: Build) -> Strategy:
    """A policy around the strategy of a name.

    Args:
        policy: what is around it.
        inner: `name` or `name:argument`; `critic` when empty.
        build: makes it.

    Raises:
        UnknownNameError: there is no such strategy.
        UsageError: the policy stands around it already.
    """
    spec = inner or INNER
    if policy.name in spec.split(":"):
        raise UsageError(f"{policy.name!r} stands twice in {f'{policy.name}:{spec}'[:80]!r}.", "Write it once.")
    name, _, argument = spec.partition(":")
    strategy: Strategy = build.part("strategy", name, argument)
    learns = isinstance(policy, LearningPolicy) or isinstance(strategy, LearningStrategy)
    return (WrappedLearner if learns else Wrapped)(policy, strategy, spec)


def split(argument: str) -> tuple[str, str]:
    """The option, which begins with a digit or a sign, and the inner strategy; each may be empty.

    Args:
        argument: what follows the wrapper's name.
    """
    first, _, rest = argument.partition(":")
    return (first, rest) if _OPTION.match(first) else ("", argument)
