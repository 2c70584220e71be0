"""The live side of a run: parts, calls, and the tree as it grows. The graph's state holds ids only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from agentfix import evidence
from agentfix.digest import digest
from agentfix.graph.blame import blaming
from agentfix.graph.calls import Calls
from agentfix.graph.effects import effects_of
from agentfix.protocols import Critic, Model, OpenKind, Session, Strategy, TaskKind, Tool
from agentfix.types import (
    Attempt,
    Critique,
    EventKind,
    Evidence,
    EvidenceClass,
    Inherited,
    Reflection,
    Result,
    Round,
    Standing,
    Task,
    ToolSpec,
    Tree,
)


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
    actor_tools: tuple[str, ...]
    """What the actor of a kind that acts may use, by name."""
    checking_tools: tuple[str, ...]
    """What can check claims and changes nothing, by name."""
    sandbox: Session
    calls: Calls
    emit: Callable[[EventKind, Mapping[str, Any]], None]
    seed: int
    tool_timeout_s: float
    required: EvidenceClass
    """The class from which an answer counts as supported."""
    watched: bool = True
    """Somebody wants to see text as it is written; nothing is streamed for nobody."""
    given: str | None = None
    """An answer that came with the task: it is the attempt, and the actor is not asked."""
    memory: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What the strategy remembers of earlier runs; the same from a run's beginning to its end."""
    inherited: Inherited | None = None
    """What it goes on from, where it does not begin with the task."""
    attempts: list[Attempt] = field(default_factory=list[Attempt])
    result: Result | None = None
    """When the run has ended."""
    unreadable: dict[str, str] = field(default_factory=dict[str, str])
    """What is wrong with replies that could not be read, by place: they are not asked for again."""
    reflections: dict[str, Reflection] = field(default_factory=dict[str, Reflection])
    """By their place in the run."""
    _critiques: dict[int, dict[str, Critique]] = field(default_factory=dict[int, dict[str, Critique]])
    """By attempt and critic."""
    _refuted: set[int] = field(default_factory=set[int])
    """Attempts that evidence above agreement refutes; they have no voice."""
    _standings: dict[int, Standing] = field(default_factory=dict[int, Standing])
    """Those that nothing has changed since they were reckoned."""
    _grouped: tuple[int, ...] = ()
    _rounds: dict[int, Round] = field(default_factory=dict[int, Round])
    """By how many attempts there were; later ones too, where a run is taken up at a checkpoint of the past."""
    _trails: list[str] = field(default_factory=list[str])
    """After each attempt, a hash of all up to it."""

    @property
    def trail(self) -> str:
        """A hash of the attempts; empty when there are none."""
        while len(self._trails) < len(self.attempts):
            attempt = asdict(self.attempts[len(self._trails)])
            self._trails.append(digest({"before": self._trails[-1:], "attempt": attempt})[:16])
        return self._trails[len(self.attempts) - 1] if self.attempts else ""

    @property
    def offered(self) -> tuple[ToolSpec, ...]:
        """The tools of the actor of a kind that acts."""
        return tuple(self.tools[name].spec for name in self.actor_tools)

    @property
    def at_hand(self) -> tuple[ToolSpec, ...]:
        """The tools that critics are told of: the actor's; where it does not act, those that can check claims."""
        if self.actor_tools:
            return self.offered
        return tuple(tool.spec for name in self.checking_tools if (tool := self.tools.get(name)) is not None)

    def tree(self) -> Tree:
        """All that is known, as a strategy sees it."""
        standings = self.standings()
        return Tree(
            self.task, tuple(self.attempts), self.critiques(), standings, self.best(),
            self._groups(), self.kind.roles, tuple(len(effects_of(a, self.tools)) for a in self.attempts),
            tuple(self.reflections.values()), self.calls.meter.usage,
        )

    def best(self) -> int | None:
        """The strongest attempt. Of equals it is the first, but the last where attempts act: so the world is now."""
        acted = any(map(self._acted, self.attempts))
        return evidence.best(self.attempts, self.critiques(), self.standings(), latest=acted)

    @property
    def rounds(self) -> tuple[Round, ...]:
        """Those that have ended."""
        return tuple(self._rounds[count] for count in sorted(self._rounds) if count <= len(self.attempts))

    async def end_round(self, best: int | None) -> None:
        """Note what the run has come to. What is noted already stays: a run that is taken up in the middle has counted
        what it spent later.

        Args:
            best: the attempt that would be returned now.
        """
        count = len(self.attempts)
        if best is not None and count not in self._rounds:
            ended = self._rounds[count] = Round(count, best, self.calls.meter.usage)
            await self.calls.record("round", str(count), asdict(ended))

    def chosen(self, proposed: int | None) -> int | None:
        """The attempt that is returned: the strongest, or the one that the strategy proposes if evidence holds them
        equal. Where attempts act, the last is how the world is now, and no other can be chosen."""
        best = self.best()
        known = proposed is not None and 0 <= proposed < len(self.attempts)
        if best is None or proposed is None or not known or any(map(self._acted, self.attempts)):
            return best
        standings, other = self.standings(), self.attempts[proposed]
        wrong = evidence.objected(self.critiques())
        equal = (evidence.rank(standings[proposed]) == evidence.rank(standings[best])
                 and (proposed not in wrong or best in wrong))
        as_whole = other.unfinished == self.attempts[best].unfinished and (
            other.answer is not None or self.attempts[best].answer is None)
        return proposed if equal and as_whole else best

    def _acted(self, attempt: Attempt) -> bool:
        return bool(effects_of(attempt, self.tools))

    def _groups(self) -> tuple[int, ...]:
        if len(self._grouped) < len(self.attempts):
            with blaming("kind", self.kind.name):
                self._grouped = evidence.groups(self.attempts, self.kind.same, self._grouped)
        return self._grouped

    def critiques(self) -> tuple[Critique, ...]:
        """The latest word of each critic on each attempt, in the order of attempts; a person's comes first, and what
        attempts say of each other last."""
        return tuple(critique for attempt in self.attempts for critique in self._critiques_of(attempt.id))

    def _critiques_of(self, attempt: int) -> list[Critique]:
        said = self._critiques.get(attempt, {})
        return sorted(said.values(), key=lambda c: (c.critic == evidence.AGREEMENT, c.critic != evidence.PERSON))

    def standings(self) -> tuple[Standing, ...]:
        """What the evidence for each attempt amounts to."""
        for attempt in self.attempts:
            if attempt.id not in self._standings:
                held = [e for critique in self._critiques_of(attempt.id) for e in critique.evidence]
                self._standings[attempt.id] = evidence.standing(held)
        return tuple(self._standings[a.id] for a in self.attempts)

    def recall(self, attempts: Sequence[Attempt], critiques: Sequence[Critique],
               rounds: Sequence[Round] = ()) -> None:
        """Take up a tree that an earlier process built."""
        self.attempts[:] = attempts
        self._rounds.update({ended.attempts: ended for ended in rounds})
        self._trails.clear()
        self._critiques, self._standings, self._refuted = {}, {}, set()
        for critique in critiques:
            if critique.attempt < len(attempts):
                self._keep(critique)
        self._count_voices()

    async def inherit(self, inherited: Inherited) -> None:
        """Begin with the tree of another run, and with what a person said of it."""
        self.recall(inherited.attempts, inherited.critiques)
        for attempt in inherited.attempts:
            await self.calls.record("attempt", str(attempt.id), asdict(attempt))
        for critique in inherited.critiques:
            await self.calls.record("critique", f"{critique.attempt}.{critique.critic}", asdict(critique))
        remark = inherited.remark
        if remark.attempt is not None:
            await self.add_critique(evidence.remarked(remark, remark.attempt))
        await self._heed_person(self.attempts)
        self._count_voices()

    def keep(self, count: int) -> None:
        """Forget attempts past a count: a node that failed halfway is run again whole."""
        if len(self.attempts) > count:
            self._grouped = self._grouped[:count]
            self.recall(self.attempts[:count], [c for c in self.critiques() if c.critic != evidence.AGREEMENT])

    async def add_attempts(self, made: Sequence[Attempt]) -> None:
        """Let attempts into the tree, and see what they say of each other."""
        for attempt in made:
            self.attempts.append(attempt)
            await self.calls.record("attempt", str(attempt.id), asdict(attempt))
            self.emit("attempt", {"attempt": attempt})
            if attempt.answer is None and attempt.program is None and not attempt.unfinished:
                await self.add_critique(_empty(attempt))
        if self.inherited is not None:
            await self._heed_person(made)
        self._count_voices()

    async def _heed_person(self, made: Sequence[Attempt]) -> None:
        """What a person said of an answer they say of each attempt that gives it again. Where attempts act, the same
        words may stand for other acts."""
        groups = self._groups()
        said = {groups[number]: critiques[evidence.PERSON] for number, critiques in sorted(self._critiques.items())
                if evidence.PERSON in critiques and not self._acted(self.attempts[number])}
        for attempt in made:
            known = evidence.PERSON in self._critiques.get(attempt.id, {})
            if groups[attempt.id] in said and not known and not self._acted(attempt):
                await self.add_critique(replace(said[groups[attempt.id]], attempt=attempt.id))

    async def add_critiques(self, critiques: Sequence[Critique]) -> None:
        """Let the critiques of a review into the tree; what they refute has no voice any more."""
        for critique in critiques:
            await self.add_critique(critique)
        self._count_voices()

    def _count_voices(self) -> None:
        voiceless = self._refuted | {a.id for a in self.attempts if self._acted(a)}  # each found another world
        open_ended = isinstance(self.kind, OpenKind) and self.kind.many_answers
        objected = {number for number, of in self._critiques.items() if _objects(of.get(evidence.PERSON))}
        said = evidence.votes(self.attempts, self._groups(), voiceless, objected, many_answers=open_ended)
        for attempt in self.attempts:
            if attempt.id not in said and self._critiques.get(attempt.id, {}).pop(evidence.AGREEMENT, None):
                self._standings.pop(attempt.id, None)
        for critique in said.values():
            self._admit(critique)

    async def add_reflection(self, place: str, reflection: Reflection) -> None:
        """Keep what was written at a place of the run; the same again changes nothing."""
        if place not in self.reflections:
            self.reflections[place] = reflection
            await self.calls.record("reflection", place, {"place": place, "reflection": asdict(reflection)})
            self.emit("reflection", {"reflection": reflection})

    async def add_critique(self, critique: Critique) -> None:
        """Let a critique into the tree with what of its evidence can be admitted; the same again changes nothing."""
        admitted = self._admit(critique)
        if admitted is not None:
            await self.calls.record("critique", f"{critique.attempt}.{critique.critic}", asdict(admitted))

    def _admit(self, critique: Critique) -> Critique | None:
        evidence_of = (evidence.admit(e, self.task) for e in critique.evidence)
        critique = replace(critique, evidence=tuple(e for e in evidence_of if e is not None))
        if self._critiques.get(critique.attempt, {}).get(critique.critic) == critique:
            return None
        self._keep(critique)
        self.emit("critique", {"critique": critique, "standing": self.standings()[critique.attempt]})
        return critique

    def _keep(self, critique: Critique) -> None:
        number = critique.attempt
        of_attempt = self._critiques.setdefault(number, {})
        of_attempt[critique.critic] = critique
        self._standings.pop(number, None)
        if critique.critic != evidence.AGREEMENT:
            unheard = (evidence.AGREEMENT, evidence.PERSON)  # an objection makes an attempt no less independent
            others = [e for c in of_attempt.values() if c.critic not in unheard for e in c.evidence]
            refuted = evidence.refuted_above_agreement(others)
            (self._refuted.add if refuted else self._refuted.discard)(number)


def _objects(critique: Critique | None) -> bool:
    return critique is not None and any(item.polarity == "refutes" for item in critique.evidence)


def _empty(attempt: Attempt) -> Critique:
    """There is nothing in an empty answer to criticise: the engine says so and no critic is asked."""
    why = "it gives no answer"
    if attempt.steps:
        why = f"it came to no answer in {len(attempt.steps)} steps"
    elif attempt.finish_reason == "length":
        why = "it was cut off before it gave an answer"
    refuted = Evidence(EvidenceClass.MEASUREMENT, "refutes", why, "engine", "instrument", "necessary")
    return Critique(attempt.id, "engine", "revise", f"Your reply was not usable: {why}.", (refuted,))
