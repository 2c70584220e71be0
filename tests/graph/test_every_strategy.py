"""What every strategy must do, whatever it is: end within the budget with nothing worse than its first attempt, and be
replayed and resumed to the same result."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest

from agentfix import Agent, Check, InputError, Plugins, Settings, Task, hookimpl
from agentfix.evidence import rank
from agentfix.journal import SqliteJournal
from tests.graph.student import PowerCut, Student

TASK = Task("How many are 3 boxes of 4?", "math")
STRATEGIES = [entry.name for entry in Plugins(Settings(enabled_plugins=())).names("strategy")]


class Registering:
    """Registers a student as the model."""

    def __init__(self, student) -> None:
        self.student = student

    @hookimpl
    def agentfix_register_models(self, register):
        register("student", lambda build: self.student)


def agent(strategy, student, journal, **changes):
    settings = Settings(model="student:", sandbox="embedded", strategy=strategy, memory=False, **changes)
    return Agent(settings, Plugins(settings, {"student": Registering(student)}), journal=journal)


async def run(strategy, student, journal=None, seed=0, task=TASK, **changes):
    async with agent(strategy, student, journal or SqliteJournal(None), seed=seed, **changes) as made:
        return await made.arun(task, run_id="run")


def told(result):
    """A result without what differs from one machine and moment to another."""
    return replace(result, seconds=0.0)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("budget", [
    {"max_rounds": 3}, {"max_tokens": 60}, {"max_tokens": 400, "max_rounds": 4}, {"max_model_calls": 4},
    {"max_tool_calls": 2, "max_rounds": 4}, {"max_rounds": 1},
], ids=str)
async def test_it_ends_within_its_budget_with_nothing_worse_than_its_first_attempt(strategy, budget):
    for seed in range(3):
        limits = Settings(**budget)
        result = await run(strategy, Student(limits=limits), seed=seed, **budget)
        assert not result.stop_reason.startswith("failed"), result.stop_reason
        assert result.stop_reason != "no progress", result.stop_reason
        if result.attempts:
            ranks = [rank(standing) for standing in result.standings]
            assert ranks[result.best or 0] >= ranks[0] or result.attempts[0].unfinished


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_it_ends_by_itself(strategy):
    result = await run(strategy, Student(), max_rounds=40, max_tool_calls=400)
    assert not result.stop_reason.startswith(("failed", "no progress")), result.stop_reason


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("task", [
    Task("How many are 3 boxes of 4?", "tools"), Task("Who packed the boxes?", "text"),
    Task("Write a function `double(x)`.", "code", (Check("assert double(2) == 4"),)),
], ids=lambda task: task.kind)
async def test_it_works_with_kinds_that_act_and_kinds_of_one_role(strategy, task):
    tools = {"tools": ("calculator",)} if task.kind == "tools" else {}
    result = await run(strategy, Student(), task=task, max_rounds=6, max_tool_calls=60, **tools)
    assert not result.stop_reason.startswith(("failed", "no progress")), result.stop_reason


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_it_goes_on_from_an_objection_within_its_budget_and_is_replayed(strategy):
    journal, student = SqliteJournal(None), Student()
    async with agent(strategy, student, journal, max_rounds=4) as made:
        first = await made.arun(TASK, run_id="run")
        if not first.attempts:  # it looked for notes and found none
            with pytest.raises(InputError, match="made no attempt"):
                await made.achallenge("run", "I doubt it.")
            return
        second = await made.achallenge("run", "I doubt it.", into="on")
        again = await made.areplay("on")
    assert not second.stop_reason.startswith(("failed", "no progress")), second.stop_reason
    assert second.attempts[: len(first.attempts)] == first.attempts and len(second.attempts) > len(first.attempts)
    assert second.attempts[len(first.attempts)].parent == first.best
    assert told(again) == told(second)


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_the_same_seed_gives_the_same_run_and_a_replay_asks_nobody(strategy):
    journal, student = SqliteJournal(None), Student()
    async with agent(strategy, student, journal, max_rounds=5) as made:
        first = await made.arun(TASK, run_id="run")
        asked = student.calls
        again = await made.areplay("run")
        assert student.calls == asked
    assert told(again) == told(first)
    assert told(await run(strategy, Student(), max_rounds=5)) == told(first)


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_it_is_resumed_to_the_same_result_wherever_it_was_cut_off(strategy, tmp_path):
    whole = Student()
    expected = await run(strategy, whole, max_rounds=5)
    for cut_at in {min(cut, whole.calls) for cut in (1, 2, whole.calls // 2, whole.calls)} - {0}:
        file = tmp_path / f"{cut_at}.sqlite"
        with suppress(PowerCut):
            await run(strategy, Student(cut_at), SqliteJournal(file), max_rounds=5)
        calls = await SqliteJournal(file).calls("run")
        kept = sum(call.reply is not None and "tool" not in call.request for call in calls)
        rest = Student()
        result = await run(strategy, rest, SqliteJournal(file), max_rounds=5)
        assert told(result) == told(expected)
        assert kept >= cut_at - 1 and rest.calls == whole.calls - kept, "what had ended is kept, and not asked again"
