"""The live side of a run: parts, calls, and the tree as it grows. The graph's state holds ids only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from agentfix import evidence
from agentfix.graph.blame import blaming
from agentfix.graph.calls import Calls
from agentfix.protocols import Critic, Model, Session, Strategy, TaskKind, Tool
from agentfix.types import Attempt, Critique, EventKind, Evidence, EvidenceClass, Result, Standing, Task, Tree


@dataclass
class RunContext:
    """What the nodes of one run work with."""

    task: Task
    kind: TaskKind
    actor: Model
    critic_model: Model
    strategy: Strategy
    critics: Callable[[str], Critic]
    """Makes a critic by name."""
    reviewers: tuple[str, ...]
    """The critics that are asked when a strategy names none."""
    tools: Mapping[str, Tool]
    sandbox: Session
    calls: Calls
    emit: Callable[[EventKind, Mapping[str, Any]], None]
    seed: int
    tool_timeout_s: float
    required: EvidenceClass
    """The class from which an answer counts as supported."""
    watched: bool = True
    """Somebody wants to see text as it is written; nothing is streamed for nobody."""
    """The class from which an answer counts as supported."""
    attempts: list[Attempt] = field(default_factory=list[Attempt])
    result: Result | None = None
    """When the run has ended."""
    _critiques: dict[tuple[int, str], Critique] = field(default_factory=dict[tuple[int, str], Critique])
    _standings: dict[int, Standing] = field(default_factory=dict[int, Standing])
    """Those that nothing has changed since they were reckoned."""
    _grouped: tuple[int, ...] = ()

    def tree(self) -> Tree:
        """All that is known, as a strategy sees it."""
        standings = self.standings()
        return Tree(
            self.task, tuple(self.attempts), self.critiques(), standings, evidence.best(standings),
            self._groups(), self.kind.roles,
        )

    def _groups(self) -> tuple[int, ...]:
        if len(self._grouped) < len(self.attempts):
            with blaming("kind", self.kind.name):
                self._grouped = evidence.groups(self.attempts, self.kind.same, self._grouped)
        return self._grouped

    def critiques(self) -> tuple[Critique, ...]:
        """The latest word of each critic on each attempt, in the order of attempts; what attempts say of each other
        comes last."""
        return tuple(sorted(self._critiques.values(), key=lambda c: (c.attempt, c.critic == evidence.AGREEMENT)))

    def standings(self) -> tuple[Standing, ...]:
        """What the evidence for each attempt amounts to."""
        stale = [a.id for a in self.attempts if a.id not in self._standings]
        if stale:
            held: dict[int, list[Evidence]] = {number: [] for number in stale}
            for critique in self.critiques():
                if critique.attempt in held:
                    held[critique.attempt] += critique.evidence
            self._standings.update((number, evidence.standing(of_one)) for number, of_one in held.items())
        return tuple(self._standings[a.id] for a in self.attempts)

    def recall(self, attempts: Sequence[Attempt], critiques: Sequence[Critique]) -> None:
        """Take up a tree that an earlier process built."""
        self.attempts[:] = attempts
        self._critiques = {(c.attempt, c.critic): c for c in critiques}
        self._count_voices()

    def keep(self, count: int) -> None:
        """Forget attempts past a count: a node that failed halfway is run again whole."""
        if len(self.attempts) > count:
            self._grouped = self._grouped[:count]
            self._standings = {}
            self.recall(self.attempts[:count], [c for c in self._critiques.values() if c.attempt < count])

    async def add_attempts(self, made: Sequence[Attempt]) -> None:
        """Let attempts into the tree, and see what they say of each other."""
        for attempt in made:
            self.attempts.append(attempt)
            await self.calls.record("attempt", str(attempt.id), asdict(attempt))
            self.emit("attempt", {"attempt": attempt})
            if attempt.answer is None and attempt.program is None:
                await self.add_critique(_empty(attempt))
        self._count_voices()

    async def add_critiques(self, critiques: Sequence[Critique]) -> None:
        """Let the critiques of a review into the tree; what they refute has no voice any more."""
        for critique in critiques:
            await self.add_critique(critique)
        self._count_voices()

    def _count_voices(self) -> None:
        others = [c for c in self._critiques.values() if c.critic != evidence.AGREEMENT]
        refuted = {
            a.id for a in self.attempts
            if evidence.refuted_above_agreement([e for c in others if c.attempt == a.id for e in c.evidence])
        }
        said = evidence.agreement(self.attempts, self._groups(), refuted)
        for attempt in self.attempts:
            if attempt.id not in said and self._critiques.pop((attempt.id, evidence.AGREEMENT), None):
                self._standings.pop(attempt.id, None)
        for critique in said.values():
            self._admit(critique)

    async def add_critique(self, critique: Critique) -> None:
        """Let a critique into the tree with what of its evidence can be admitted; the same again changes nothing."""
        admitted = self._admit(critique)
        if admitted is not None:
            await self.calls.record("critique", f"{critique.attempt}.{critique.critic}", asdict(admitted))

    def _admit(self, critique: Critique) -> Critique | None:
        evidence_of = (evidence.admit(e, self.task) for e in critique.evidence)
        critique = Critique(critique.attempt, critique.critic, critique.verdict, critique.feedback,
                            tuple(e for e in evidence_of if e is not None))
        key = (critique.attempt, critique.critic)
        if self._critiques.get(key) == critique:
            return None
        self._critiques[key] = critique
        self._standings.pop(critique.attempt, None)
        self.emit("critique", {"critique": critique, "standing": self.standings()[critique.attempt]})
        return critique


def _empty(attempt: Attempt) -> Critique:
    """There is nothing in an empty answer to criticise: the engine says so and no critic is asked."""
    why = "it was cut off before it gave an answer" if attempt.finish_reason == "length" else "it gives no answer"
    refuted = Evidence(EvidenceClass.MEASUREMENT, "refutes", why, "engine", "instrument", "necessary")
    return Critique(attempt.id, "engine", "revise", f"Your reply was not usable: {why}.", (refuted,))
