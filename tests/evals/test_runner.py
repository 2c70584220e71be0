from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import pytest
from agentfix_plugins.datasets.graders import Numeric

from agentfix.errors import InputError, ModelError, UnknownNameError
from agentfix.evals import Evaluation, Item, Record, RecordFile, SandboxJudge, summarise
from agentfix.testing import ScriptedSandbox
from agentfix.types import Attempt, EvidenceClass, Result, Task, Usage

ITEMS = [Item(f"i{n}", n, Task(f"What is {n}?", "math"), Numeric(Fraction(n)), "mine") for n in (1, 2, 3)]


def result(*answers: str | None, completion_tokens: int = 10) -> Result:
    attempts = tuple(Attempt(n, None, "actor", "fake", "", answer) for n, answer in enumerate(answers))
    return Result("run", answers[-1], EvidenceClass.AGREEMENT, False, "supported", "", len(answers) - 1, "math",
                  attempts, (), (), Usage(100, 40, completion_tokens, len(answers), 1), 2.0)


@dataclass
class Scripted:
    """A `Runs` that answers from a function and keeps what it was asked."""

    answer: Callable[[str, str], Result]
    asked: list[tuple[str, str, int]] = field(default_factory=list)

    async def arun(self, task: Task, *, strategy: str, seed: int) -> Result:
        self.asked.append((task.question, strategy, seed))
        return self.answer(task.question, strategy)


def evaluation(runs: Scripted, strategies: list[str], *, equal_tokens: bool = False) -> Evaluation:
    return Evaluation(runs, SandboxJudge(ScriptedSandbox([])), ITEMS, strategies, 100, equal_tokens)


async def test_first_attempts_and_results_are_scored_under_one_seed_an_item() -> None:
    runs = Scripted(lambda question, strategy: result("1") if strategy == "none" else result("1", "2"))
    records = [record async for record in evaluation(runs, ["none", "critic"]).records()]
    assert [(r.item, r.strategy, r.first_correct, r.correct) for r in records] == [
        ("i1", "none", True, True), ("i1", "critic", True, False), ("i2", "none", False, False),
        ("i2", "critic", False, True), ("i3", "none", False, False), ("i3", "critic", False, False)]
    assert [seed for _, _, seed in runs.asked] == [101, 101, 102, 102, 103, 103]
    critic = summarise(records, ["none", "critic"])[1]
    assert (critic.items, critic.wrong_to_right, critic.right_to_wrong, critic.gain.value) == (3, 1, 1, 0)
    assert (critic.prompt_tokens, critic.cached_prompt_tokens, critic.completion_tokens) == (100, 40, 10)
    assert critic.accuracy.value == pytest.approx(1 / 3)


async def test_an_item_that_fails_counts_as_wrong_and_stops_nothing() -> None:
    def answer(question: str, strategy: str) -> Result:
        if "2" in question:
            raise ModelError("The model broke.", "Try another.")
        return result("1", None)

    records = [record async for record in evaluation(Scripted(answer), ["critic"]).records()]
    assert [record.error for record in records] == ["", "The model broke. Try another.", ""]
    summary = summarise(records, ["critic"])[0]
    assert (summary.errors, summary.items, summary.right_to_wrong, summary.accuracy.value) == (1, 3, 1, 0)


async def test_what_would_fail_for_every_item_stops() -> None:
    def answer(question: str, strategy: str) -> Result:
        raise UnknownNameError("strategy", strategy, ["critic"])

    with pytest.raises(UnknownNameError):
        _ = [record async for record in evaluation(Scripted(answer), ["critik"]).records()]


async def test_equal_tokens_buy_as_many_answers_as_the_first_strategy_paid_for() -> None:
    def answer(question: str, strategy: str) -> Result:
        spent = {"critic": 10 if "1" in question else 340, "none": 100}.get(strategy, 300)
        return result("1", completion_tokens=spent)

    runs = Scripted(answer)
    records = [r async for r in evaluation(runs, ["critic", "self-consistency", "none"], equal_tokens=True).records()]
    assert [r.ran for r in records if r.strategy == "self-consistency"] == [
        "self-consistency:1", "self-consistency:3", "self-consistency:3"]


async def test_what_reads_is_paid_for_with_all_tokens_and_what_it_reads_counts_once() -> None:
    def answer(question: str, strategy: str) -> Result:
        read, wrote = {"critic": (600, 40), "retrieval:1": (400, 10)}.get(strategy, (800, 200))
        return replace(result("1"), usage=Usage(read, read - 50, wrote, 1, 1))

    runs = Scripted(answer)
    records = [r async for r in evaluation(runs, ["critic", "retrieval"], equal_tokens=True).records()]
    assert {r.ran for r in records if r.strategy == "retrieval"} == {"retrieval:24"}  # (640 - 400) / 10


async def test_finished_records_are_not_run_again(tmp_path: Path) -> None:
    path, header = tmp_path / "out.jsonl", {"model": "m", "seed": 100}
    runs = Scripted(lambda question, strategy: result("1"))
    first = RecordFile(path, header)
    async for record in evaluation(runs, ["critic"]).records():
        first.append(record)
        if record.item == "i2":
            break
    path.write_bytes(path.read_bytes() + b'{"item": "i3", "stra')  # killed while it wrote
    again = RecordFile(path, header)
    assert [record.item for record in again.records] == ["i1", "i2"]
    runs.asked.clear()
    async for record in evaluation(runs, ["critic"]).records(again.records):
        again.append(record)
    assert [question for question, _, _ in runs.asked] == ["What is 3?"]
    assert [record.item for record in RecordFile(path, header).records] == ["i1", "i2", "i3"]


def test_results_of_another_evaluation_are_not_mixed_in(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    RecordFile(path, {"model": "m"}).append(Record("i", "critic", "critic", 1))
    with pytest.raises(InputError, match="model 'm', not 'other'"):
        RecordFile(path, {"model": "other"})
    path.write_text("hello\n", encoding="utf-8")
    with pytest.raises(InputError, match="line 1"):
        RecordFile(path, {"model": "m"})
    with pytest.raises(InputError, match="can't be used"):
        RecordFile(tmp_path, {"model": "m"})


def test_a_strategy_without_records_has_no_column() -> None:
    record = Record("i", "critic", "critic", 1, first_correct=False, correct=True)
    summaries = summarise([record, replace(record, item="j")], ["none", "critic"])
    assert [(s.strategy, s.gain.low, s.gain.high) for s in summaries] == [("critic", 1, 1)]
