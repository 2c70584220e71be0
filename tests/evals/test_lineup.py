from __future__ import annotations

import pytest

from agentfix.evals import Contender, lineup
from agentfix.types import Usage


def names(*strategies: str, equal_tokens: bool = False, baselines: bool = True) -> list[str]:
    return [c.name for c in lineup(strategies, equal_tokens=equal_tokens, baselines=baselines)]


def test_whoever_is_no_baseline_is_followed_by_those_it_must_beat() -> None:
    assert names("critic") == ["critic", "self-consistency@critic", "best-of-n@critic"]
    assert names("none", "self-consistency:5", "best-of-n", "retrieval:3") == [
        "none", "self-consistency:5", "best-of-n", "retrieval:3"]
    assert names("mcts:4", "none", baselines=False) == ["mcts:4", "none"]
    assert [c.spender for c in lineup(["mcts:4", "critic"])] == [None, "mcts:4", "mcts:4", None, "critic", "critic"]


def test_equal_tokens_are_those_of_the_first_and_no_baseline_is_there_twice() -> None:
    assert names("critic", "self-consistency", equal_tokens=True) == [
        "critic", "best-of-n@critic", "self-consistency"]
    assert lineup(["critic", "retrieval", "self-consistency:5"], equal_tokens=True, baselines=False) == (
        Contender("critic", "critic"), Contender("retrieval", "retrieval", "critic"),
        Contender("self-consistency:5", "self-consistency:5"))


@pytest.mark.parametrize(("strategy", "spent", "alone", "ran"), [
    ("self-consistency", (500, 340), (100, 100), "self-consistency:3"),
    ("self-consistency", (500, 0), (100, 100), "self-consistency:1"),
    ("best-of-n", (500, 10_000), (100, 10), "best-of-n:64"),
    ("best-of-n", (500, 30), (100, 0), "best-of-n:30"),
    ("retrieval", (600, 40), (400, 10), "retrieval:24"),
])
def test_answers_are_drawn_for_what_the_spender_spent(strategy: str, spent: tuple[int, int], alone: tuple[int, int],
                                                      ran: str) -> None:
    usages = [Usage(prompt_tokens=read, completion_tokens=wrote) for read, wrote in (spent, alone)]
    assert Contender("x", strategy, "critic").paid_by(*usages) == ran


def test_what_one_answer_costs_holds_its_review() -> None:
    assert [Contender("x", s, "critic").probe for s in ("self-consistency", "best-of-n", "retrieval")] == [
        "none", "best-of-n:1", "retrieval:1"]
