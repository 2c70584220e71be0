"""Strategy `auto`: the candidate that paid best by the record, the same at each decision of a run."""

from __future__ import annotations

import asyncio
import json
from collections import Counter

import pytest
from agentfix_plugins.policies.auto import CANDIDATES, choose, noted

from agentfix import Agent, Plugins, Remaining, Settings, Task, UsageError
from agentfix.cli.main import main
from agentfix.testing import ScriptedModel, script_plugin
from tests.plugins.trees import tree

NAMES = ("critic", "none", "self-consistency:5")
MANY = Remaining(rounds=8)


def record(**of):
    """(runs, won, tokens a run) by strategy; `sc` is self-consistency:5."""
    return {{"sc": "self-consistency:5"}.get(name, name): {"runs": runs, "supported": {"agreement": won},
                                                             "tokens": runs * tokens}
            for name, (runs, won, tokens) in of.items()}


def shares(held, value=50_000):
    counts = Counter(choose(held, NAMES, value, seed) for seed in range(300))
    return {name: counts[name] / 300 for name in NAMES}


def test_without_a_record_it_is_critic():
    assert shares({}) == {"critic": 1, "none": 0, "self-consistency:5": 0}


def test_what_ends_supported_more_often_is_chosen():
    found = shares(record(critic=(100, 90, 4000), none=(100, 2, 400), sc=(100, 40, 2000)))
    assert found["critic"] == 1


def test_what_costs_less_is_chosen_where_it_succeeds_as_often():
    held = record(critic=(200, 180, 9000), none=(200, 0, 400), sc=(200, 180, 1500))
    assert shares(held)["self-consistency:5"] > 0.95
    assert shares(held, value=5_000_000)["critic"] > 0.3, "where answers are worth much, what they cost says little"


def test_where_an_answer_is_worth_less_than_any_try_the_cheapest_is_chosen():
    assert shares(record(critic=(50, 45, 4000), none=(50, 5, 400), sc=(50, 40, 2000)), value=100)["none"] == 1


def test_what_was_never_tried_is_tried_at_times():
    found = shares(record(critic=(20, 12, 2000)))
    assert 0.1 < found["none"] < 0.6 and found["critic"] > 0.2


def test_one_seed_does_not_choose_alike_for_ever():
    held = record(critic=(4, 2, 2000), none=(4, 2, 2000), sc=(4, 2, 2000))
    chosen = set()
    for _ in range(30):
        chosen.add(choose(held, NAMES, 50_000, 0))
        held = noted(held, "none", None, 2000)
    assert len(chosen) > 1


def test_successes_are_noted_by_class():
    held = noted(noted(noted({}, "critic", "contract", 10), "critic", "agreement", 20), "critic", None, 30)
    assert held == {"critic": {"runs": 3, "supported": {"contract": 1, "agreement": 1}, "tokens": 60}}


def test_the_choice_holds_for_a_whole_run():
    auto = Plugins(Settings(enabled_plugins=())).build("strategy", "auto")
    failed = {name: {"runs": 500, "supported": {}, "tokens": 500} for name in CANDIDATES}
    memory = {"record": {**failed, **record(sc=(500, 500, 1))}}
    sizes = [auto.decide(tree(*["1"] * made), MANY, memory, 3)[0] for made in (1, 3, 5)]
    assert [getattr(move, "n", None) for move in sizes] == [4, 2, None]


def test_a_value_in_money_is_refused():
    with pytest.raises(UsageError, match="tokens"):
        Plugins(Settings(enabled_plugins=())).build("strategy", "auto", "0.02$")


async def test_a_run_is_added_to_the_record_of_what_ran(tmp_path):
    program, derivation = "```python\nanswer = 12\n```", "The answer is 12"
    model = ScriptedModel([program, derivation, *[program] * 3, *[derivation] * 3])
    settings = Settings(model="scripted:", strategy="auto", sandbox="embedded", data_dir=tmp_path)
    async with Agent(settings, Plugins(settings, extra={"script": script_plugin(model)})) as agent:
        result = await agent.arun(Task("How many are 3 boxes of 4?", "math"))
        held = await agent.memory.recall("auto", "math")
    assert held["record"] == {"critic": {"runs": 1, "supported": {"agreement": 1}, "tokens": result.usage.tokens}}


def test_a_run_is_counted_for_what_ran_though_others_ended_meanwhile():
    auto = Plugins(Settings(enabled_plugins=())).build("strategy", "auto")
    auto.decide(tree(), MANY, {}, 0)
    meanwhile = {"record": record(none=(900, 900, 1))}
    learnt = auto.learn(tree("1", "1", tokens=70), meanwhile)
    assert learnt["record"] == {**meanwhile["record"], **record(critic=(1, 1, 70))}


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def taught(tmp_path, monkeypatch):
    """Teaches runs, (strategy, correct), of kind math; returns the exit status."""
    monkeypatch.setenv("AGENTFIX_DATA_DIR", str(tmp_path))

    def teach(*runs, kind="math"):
        lines = [{"data": "mine"}, *({"item": str(i), "strategy": name, "ran": name, "correct": correct,
                                      "prompt_tokens": 100, "cached_prompt_tokens": 40, "completion_tokens": 20}
                                     for i, (name, correct) in enumerate(runs))]
        file = tmp_path / "records.jsonl"
        file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        return main(["auto", "teach", str(file), "--kind", kind])

    return teach


def test_evaluations_teach_it_what_was_right_and_what_it_cost(taught, tmp_path, capsys):
    assert taught(("critic", True), ("critic", False), ("none", True), ("mine:3", True)) == 0
    out, err = capsys.readouterr()
    assert "critic: 1 of 2 right" in out and "mine:3" in err

    async def remembered():
        async with Agent(Settings(data_dir=tmp_path)) as agent:
            return await agent.memory.recall("auto", "math")

    held = asyncio.run(remembered())
    assert held["record"] == {"critic": {"runs": 2, "supported": {"contract": 1}, "tokens": 160},
                              "none": {"runs": 1, "supported": {"contract": 1}, "tokens": 80}}


@pytest.mark.parametrize(("runs", "kind", "told"), [
    ([("mine:3", True)], "math", "chooses among critic"), ([("critic", True)], "no-such", "'no-such'"),
])
def test_what_it_can_t_learn_from_is_said(taught, capsys, runs, kind, told):
    assert taught(*runs, kind=kind) == 2
    assert told in capsys.readouterr().err
