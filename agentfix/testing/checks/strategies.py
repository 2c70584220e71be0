"""What every strategy must do alike."""

from __future__ import annotations

import asyncio
import inspect
import random
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from agentfix import evidence
from agentfix.protocols import Strategy
from agentfix.testing.checks.calling import Caller
from agentfix.testing.checks.check import Checks, Fault, check, require, require_is
from agentfix.testing.checks.trial import Trial, shortened, tried
from agentfix.types import (
    Attempt,
    Critique,
    Evidence,
    EvidenceClass,
    Expand,
    Move,
    Observation,
    Reflect,
    Reflection,
    Remaining,
    Review,
    Stop,
    Task,
    Tree,
)

MOST_SAMPLES = 64
IDLE_DECISIONS = 3
"""As the engine has them."""
ROUNDS = 12
MOST_DECISIONS = 100
"""A strategy that has not come to an end by then never does."""
_ANSWERS = ("42", "41", "42", "7", None)
_ROLES = ("program", "derivation")

Word: TypeAlias = Literal["supports", "refutes", "nothing", "anything"]


@dataclass
class Game:
    """A run without models: attempts are drawn, and checks say what they are told to say.

    Args:
        says: what checks say of every attempt; `anything` for chance.
        seed: of what is drawn.
    """

    says: Word
    seed: int
    attempts: list[Attempt] = field(default_factory=list[Attempt])
    critiques: list[Critique] = field(default_factory=list[Critique])
    reflections: list[Reflection] = field(default_factory=list[Reflection])
    rounds: int = 0
    decisions: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def tree(self) -> Tree:
        """All that a strategy may look at."""
        said: dict[int, list[Evidence]] = {attempt.id: [] for attempt in self.attempts}
        for critique in self.critiques:
            said[critique.attempt] += critique.evidence
        standings = [evidence.standing(each) for each in said.values()]
        groups = evidence.groups(self.attempts, lambda a, b: a == b)
        return Tree(Task("What is 6 times 7?"), tuple(self.attempts), tuple(self.critiques), tuple(standings),
                    evidence.best(self.attempts, self.critiques, standings), groups, _ROLES,
                    reflections=tuple(self.reflections))

    def make(self, move: Move) -> bool:
        """Carry a move out. Returns whether the run goes on."""
        match move:
            case Expand():
                if self.rounds == ROUNDS:
                    return False
                self.rounds += 1
                for _ in range(move.n):
                    self.attempts.append(self._attempt(move))
            case Review():
                self.critiques += [self._critique(attempt, critic) for critic in move.critics or ("check",)
                                   for attempt in move.attempts]
            case Reflect():
                self.reflections.append(Reflection(move.name, move.attempts, "Read the question twice."))
            case Stop():
                return False
        return True

    def _attempt(self, move: Expand) -> Attempt:
        answer = self._random.choice(_ANSWERS)
        text = f"answer = {answer}"
        said = Observation("python", "ok" if answer else "error", str(answer))
        role = _ROLES[0] if move.role == "actor" else move.role
        if move.one_step and self._random.random() < 0.6:
            kept = "" if move.parent is None else f"{self.attempts[move.parent].text}\n\n"
            step = f"{kept}Step {len(self.attempts)}."
            return Attempt(len(self.attempts), move.parent, _ROLES[1], "checked", step, None,
                           temperature=move.temperature, unfinished=True)
        return Attempt(len(self.attempts), move.parent, role, "checked", text, answer, text, said,
                       temperature=move.temperature)

    def _critique(self, attempt: int, critic: str) -> Critique:
        words: tuple[Word, ...] = ("supports", "refutes", "nothing")
        word = self._random.choice(words) if self.says == "anything" else self.says
        score = round(self._random.random(), 3)
        if word not in ("supports", "refutes"):
            return Critique(attempt, critic, "abstain", score=score)
        found = Evidence(EvidenceClass.MEASUREMENT, word, "as the check says", critic, "instrument")
        return Critique(attempt, critic, "accept" if word == "supports" else "revise", "Look again.", (found,), score,
                        self._random.choice((None, 0)))


class StrategyConformance(Checks):
    """Subclass it, with a fixture `strategy` that is the strategy meant. It plays runs without models."""

    @check
    def test_it_has_a_name_and_decides(self, strategy: Strategy) -> None:
        require(isinstance(getattr(strategy, "name", None), str) and strategy.name, "it has no name")
        require(not inspect.iscoroutinefunction(strategy.decide), "its decide is async: a strategy is a pure function")

    @check
    def test_its_moves_can_be_made(self, strategy: Strategy) -> None:
        for what, trial in self._games(strategy).items():
            trial.require_fine(what)

    @check
    def test_it_comes_to_an_end(self, strategy: Strategy) -> None:
        for what, trial in self._games(strategy).items():
            require(trial.outcome.value != "no progress",
                    f"{what} it decides again and again without anything new: give Stop(reason)")

    @check
    def test_it_decides_alike_on_what_is_alike(self, strategy: Strategy) -> None:
        for what, trial in self._games(strategy).items():
            require(trial.outcome.value != "differs",
                    f"{what} it decides differently on the same tree, budget and seed: draw from random.Random(seed), "
                    "keep nothing, read no clock")

    @check
    def test_it_does_nothing_but_decide(self, strategy: Strategy) -> None:
        for what, trial in self._games(strategy).items():
            trial.require_nothing_done(what)

    def _games(self, strategy: Strategy) -> Mapping[str, Trial]:
        return self.once(strategy.name, lambda: _played(strategy, self.seed, self.timeout_s))


def _played(strategy: Strategy, seed: int, timeout_s: float) -> dict[str, Trial]:
    """A game of each sort, up to one that hangs."""
    caller, played = Caller(), dict[str, Trial]()
    words: tuple[Word, ...] = ("supports", "refutes", "nothing", "anything")
    for says in words:
        what = f"when checks say {says} of every attempt"
        played[what] = tried(caller, strategy, _playing(strategy, says, seed), 4 * timeout_s)
        if played[what].outcome.hung:
            break
    return played


def _playing(strategy: Strategy, says: Word, seed: int) -> Callable[[], Any]:
    async def play() -> str:
        """How the run ended: `ended`, `no progress` or `differs`."""
        game = Game(says, seed)
        while True:
            await asyncio.sleep(0)  # each decision may hold the event loop for itself, not all of them together
            known = len(game.attempts) + len(game.critiques) + len(game.reflections)
            idle = game.decisions >= IDLE_DECISIONS + 2 * known
            if idle or game.decisions == MOST_DECISIONS:
                return "no progress"
            moves = _decided(strategy, game)
            if moves is None:
                return "differs"
            game.decisions += 1
            for move in moves:
                _require_possible(move, game)
                if not game.make(move):
                    return "ended"
            if not moves:
                return "ended"

    return play


def _decided(strategy: Strategy, game: Game) -> list[Move] | None:
    """What it decides; None when it decides otherwise the second time."""
    given: list[Any] = []
    tree = game.tree()
    trees = (tree, deepcopy(tree))
    chance = random.getstate()
    try:
        for each in trees:
            random.seed(len(given))
            given.append(strategy.decide(each, Remaining(rounds=ROUNDS - game.rounds), {}, game.seed))
    finally:
        random.setstate(chance)
    require_is(given[0], list, "it must decide a list of moves: it")
    return given[0] if given[0] == given[1] else None


def _require_possible(move: Move, game: Game) -> None:
    """What the engine demands of a move."""
    known = range(len(game.attempts))
    match move:
        case Expand(parent=parent, n=n, role=role, keep_steps=keep):
            require(keep is None or (parent is not None and keep >= 0), f"it keeps {keep} steps of attempt {parent}")
            require(parent is None or parent in known, f"it expands attempt {parent}, but there are {len(known)}")
            require(1 <= n <= MOST_SAMPLES, f"it asks for {n} attempts at once: 1 to {MOST_SAMPLES} are possible")
            require(role == "actor" or role in _ROLES, f"it expands in role {role!r}, which tree.roles does not name")
        case Review(attempts=attempts):
            require(attempts and all(a in known for a in attempts), f"it reviews attempts {attempts}, but there are "
                                                                    f"{len(known)}")
        case Reflect(attempts=attempts):
            require(all(a in known for a in attempts), f"it reflects on attempts {attempts} of {len(known)}")
        case Stop():
            pass
        case _:  # pyright: ignore[reportUnnecessaryComparison] - a plugin may decide anything
            raise Fault(f"it decides {shortened(move)}, which is no move")
