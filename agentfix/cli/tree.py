"""The attempts of a run as a tree, for a terminal: each in a line under the one that it goes on from."""

from __future__ import annotations

from dataclasses import dataclass

from agentfix import evidence
from agentfix.cli import words
from agentfix.cli.visible import one_line
from agentfix.journal import RunStory
from agentfix.steps import steps_of
from agentfix.types import Attempt, Standing, Task, Tree
from agentfix.valuation import SEARCH_ROOT, SearchStatistic, search_statistics, worth_of

ANSWER_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class Row:
    """An attempt in its place of the tree."""

    attempt: Attempt
    standing: Standing
    worth: float | None
    line: SearchStatistic
    """Of itself and all that goes on from it."""
    best: bool
    """It is the one that is returned."""
    parent: int | None
    """The row of what it goes on from."""
    branches: tuple[bool, ...]
    """From the outermost to its own: whether more comes at that depth further down."""

    @property
    def depth(self) -> int:
        """How many attempts it goes back to."""
        return len(self.branches) - 1

    @property
    def label(self) -> str:
        """It in a line, safe to show."""
        attempt = self.attempt
        parts = [f"{attempt.id} {one_line(attempt.role)}: {answered(attempt)}", words.judged(self.standing)]
        if self.worth is not None:
            parts.append(f"worth {self.worth:.2f}")
        if self.line.visits > 1:
            parts.append(f"{self.line.visits} visits of value {self.line.value:.2f}")
        return ", ".join(parts) + (" ★" if self.best else "")


def tree_of(story: RunStory) -> Tree:
    """A run of the journal as its strategy saw it at the end; of one that has not ended, without votes."""
    run, result = story.summary, story.summary.result
    attempts = tuple(story.attempts if result is None else result.attempts)
    critiques = tuple(story.critiques if result is None else result.critiques)
    if result is not None:
        standings, best = result.standings, result.best
    else:
        standings = tuple(evidence.standing([e for c in critiques if c.attempt == a.id for e in c.evidence])
                          for a in attempts)
        best = evidence.best(attempts, critiques, standings)
    firsts: dict[str, int] = {}
    groups = tuple(a.id if a.answer is None else firsts.setdefault(a.answer, a.id) for a in attempts)
    return Tree(Task(run.question), attempts, critiques, standings, best, groups)


def rows_of(tree: Tree) -> list[Row]:
    """The attempts in the order in which a tree is read: what goes on from an attempt comes right after it."""
    known = search_statistics(tree)
    children: dict[int, list[int]] = {}
    for attempt in tree.attempts:
        children.setdefault(SEARCH_ROOT if attempt.parent is None else attempt.parent, []).append(attempt.id)
    rows: list[Row] = []
    places: dict[int, int] = {}
    waiting: list[tuple[int, tuple[bool, ...]]] = _siblings(children, SEARCH_ROOT, ())
    while waiting:
        number, branches = waiting.pop()
        attempt = tree.attempts[number]
        places[number] = len(rows)
        parent = None if attempt.parent is None else places[attempt.parent]
        rows.append(Row(attempt, tree.standings[number], worth_of(tree, number), known[number], tree.best == number,
                        parent, branches))
        waiting += _siblings(children, number, branches)
    return rows


def lines_of(tree: Tree) -> list[str]:
    """The tree for a terminal."""
    return [f"{_rails(row.branches)}{row.label}" for row in rows_of(tree)]


def _siblings(children: dict[int, list[int]], parent: int,
              above: tuple[bool, ...]) -> list[tuple[int, tuple[bool, ...]]]:
    """What goes on from an attempt, the last first: it is taken from the end."""
    found = children.get(parent, [])
    return [(number, (*above, number != found[-1])) for number in reversed(found)]


def _rails(branches: tuple[bool, ...]) -> str:
    *above, own = branches
    return "".join("│  " if more else "   " for more in above) + ("├─ " if own else "└─ ")


def answered(attempt: Attempt) -> str:
    """What it answers, or where its reasoning has come to, in a short line."""
    if attempt.unfinished:
        steps = steps_of(attempt.text)
        said = f"... {one_line(steps[-1])}" if steps else "..."
    else:
        said = "no answer" if attempt.answer is None else one_line(attempt.answer)
    return said if len(said) <= ANSWER_CHARACTERS else f"{said[:ANSWER_CHARACTERS]}..."
