from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import pytest
from agentfix_plugins.datasets.graders import Numeric

from agentfix.errors import InputError, ModelError, UnknownNameError
from agentfix.evals import Evaluation, Item, Record, RecordFile, Runs, SandboxJudge, in_order, lineup, stored, summarise
from agentfix.protocols import ExecResult
from agentfix.testing import ScriptedSandbox
from agentfix.types import Attempt, EvidenceClass, Result, Round, Task, Usage

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


def evaluation(runs: Runs, strategies: list[str], *, equal_tokens: bool = False, repeats: int = 1,
               concurrency: int = 1) -> Evaluation:
    contenders = lineup(strategies, equal_tokens=equal_tokens, baselines=False)
    return Evaluation(runs, SandboxJudge(ScriptedSandbox([])), ITEMS, contenders, 100, repeats, concurrency)


async def records_of(evaluation: Evaluation) -> list[Record]:
    made: list[Record] = []
    await evaluation.run(made.append)
    return made


async def test_first_attempts_and_results_are_scored_under_one_seed_an_item() -> None:
    runs = Scripted(lambda question, strategy: result("1") if strategy == "none" else result("1", "2"))
    records = await records_of(evaluation(runs, ["none", "critic"]))
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

    records = await records_of(evaluation(Scripted(answer), ["critic"]))
    assert [record.error for record in records] == ["", "The model broke. Try another.", ""]
    summary = summarise(records, ["critic"])[0]
    assert (summary.errors, summary.items, summary.right_to_wrong, summary.accuracy.value) == (1, 3, 1, 0)


async def test_what_would_fail_for_every_item_stops() -> None:
    def answer(question: str, strategy: str) -> Result:
        raise UnknownNameError("strategy", strategy, ["critic"])

    with pytest.raises(UnknownNameError):
        _ = await records_of(evaluation(Scripted(answer), ["critik"]))


async def test_equal_tokens_buy_as_many_answers_as_the_first_strategy_paid_for() -> None:
    def answer(question: str, strategy: str) -> Result:
        spent = {"critic": 10 if "1" in question else 340, "none": 100}.get(strategy, 300)
        return result("1", completion_tokens=spent)

    runs = Scripted(answer)
    records = await records_of(evaluation(runs, ["critic", "self-consistency", "none"], equal_tokens=True))
    assert [r.ran for r in records if r.strategy == "self-consistency"] == [
        "self-consistency:1", "self-consistency:3", "self-consistency:3"]


async def test_what_reads_is_paid_for_with_all_tokens_and_what_it_reads_counts_once() -> None:
    def answer(question: str, strategy: str) -> Result:
        read, wrote = {"critic": (600, 40), "retrieval:1": (400, 10)}.get(strategy, (800, 200))
        return replace(result("1"), usage=Usage(read, read - 50, wrote, 1, 1))

    runs = Scripted(answer)
    records = await records_of(evaluation(runs, ["critic", "retrieval"], equal_tokens=True))
    assert {r.ran for r in records if r.strategy == "retrieval"} == {"retrieval:24"}  # (640 - 400) / 10


async def test_finished_records_are_not_run_again(tmp_path: Path) -> None:
    path, header = tmp_path / "out.jsonl", {"model": "m", "seed": 100}
    runs = Scripted(lambda question, strategy: result("1"))
    with RecordFile(path, header) as first:
        for record in (await records_of(evaluation(runs, ["critic"])))[:2]:
            first.append(record)
    path.write_bytes(path.read_bytes() + b'{"item": "i3", "stra')  # killed while it wrote
    with RecordFile(path, header) as again:
        assert [record.item for record in again.records] == ["i1", "i2"]
        runs.asked.clear()
        await evaluation(runs, ["critic"]).run(again.append, again.records)
    assert [question for question, _, _ in runs.asked] == ["What is 3?"]
    assert [record.item for record in stored(path, Record)[1]] == ["i1", "i2", "i3"]


def test_results_of_another_evaluation_are_not_mixed_in(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    with RecordFile(path, {"model": "m"}) as kept:
        kept.append(Record("i", "critic", "critic", 1))
    with pytest.raises(InputError, match="model 'm', not 'other'"):
        RecordFile(path, {"model": "other"})
    path.write_text("hello\n", encoding="utf-8")
    with pytest.raises(InputError, match="line 1"):
        RecordFile(path, {"model": "m"})
    with pytest.raises(InputError, match="can't be used"):
        RecordFile(tmp_path, {"model": "m"})


@pytest.mark.parametrize("content", [b"my only copy", b'{"question": "1?"}\n{"question": "2?"}', b'{"model": "o'])
def test_a_file_that_is_no_file_of_results_is_left_as_it_is(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "precious.jsonl"
    path.write_bytes(content)
    with pytest.raises(InputError):
        RecordFile(path, {"model": "m"})
    assert path.read_bytes() == content


def test_an_evaluation_that_was_killed_in_its_first_line_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_bytes(b'{"model": ')
    with RecordFile(path, {"model": "m"}) as kept:
        kept.append(Record("i", "critic", "critic", 1))
    assert [record.item for record in stored(path, Record)[1]] == ["i"]


def test_a_file_of_results_has_one_writer_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    with RecordFile(path, {"model": "m"}), pytest.raises(InputError, match="Another process writes"):
        RecordFile(path, {"model": "m"})
    with RecordFile(path, {"model": "m"}) as free:
        assert free.records == []


def test_a_full_disk_is_said_and_what_was_finished_is_kept(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    path, before = tmp_path / "out.jsonl", resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with RecordFile(path, {"model": "m"}) as kept:
        kept.append(Record("i", "critic", "critic", 1))
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 100, before[1]))
        try:
            with pytest.raises(InputError, match="can't be written"):
                kept.append(Record("j", "critic", "critic", 1))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            signal.signal(signal.SIGXFSZ, handler)
    with RecordFile(path, {"model": "m"}) as again:
        assert [record.item for record in again.records] == ["i"]
        again.append(Record("j", "critic", "critic", 1))
    assert [record.item for record in stored(path, Record)[1]] == ["i", "j"]


def test_a_strategy_without_records_has_no_column() -> None:
    record = Record("i", "critic", "critic", 1, first_correct=False, correct=True)
    summaries = summarise([record, replace(record, item="j")], ["none", "critic"])
    assert [(s.strategy, s.gain.low, s.gain.high) for s in summaries] == [("critic", 1, 1)]


@dataclass
class Jumbled:
    """A `Runs` whose runs end in an order that chance decides; keeps how many went on at once."""

    chance: random.Random
    under_way: list[str] = field(default_factory=list)
    at_once: list[list[str]] = field(default_factory=list)

    async def arun(self, task: Task, *, strategy: str | None = None, seed: int | None = None) -> Result:
        self.under_way.append(task.question)
        self.at_once.append(sorted(self.under_way))
        for _ in range(self.chance.randrange(10)):
            await asyncio.sleep(0)
        self.under_way.remove(task.question)
        last = random.Random(f"{seed} {strategy}").randrange(4)
        return result("1", str(last), completion_tokens=10 + (seed or 0) % 7)


async def test_items_run_at_once_and_the_order_of_the_records_does_not_tell() -> None:
    strategies = ["critic", "none"]
    alone = await records_of(evaluation(Jumbled(random.Random(0)), strategies, repeats=3))
    runs = Jumbled(random.Random(1))
    jumbled = await records_of(evaluation(runs, strategies, repeats=3, concurrency=3))
    assert max(map(len, runs.at_once)) == 3
    assert all(len(set(questions)) == len(questions) for questions in runs.at_once[:3])
    ordered = in_order(jumbled, ["i1", "i2", "i3"], strategies)
    assert ordered == alone != jumbled
    assert [(r.item, r.repeat, r.strategy) for r in ordered[:3]] == [
        ("i1", 0, "critic"), ("i1", 0, "none"), ("i2", 0, "critic")]


async def test_repeats_have_seeds_of_their_own_that_are_the_same_each_time() -> None:
    runs = Scripted(lambda question, strategy: result("1"))
    records = await records_of(evaluation(runs, ["critic", "none"], repeats=3))
    seeds = {(r.item, r.repeat): r.seed for r in records}
    assert [seeds["i1", 0], seeds["i2", 0]] == [101, 102]
    assert len(set(seeds.values())) == 9
    assert all(seeds[r.item, r.repeat] == r.seed for r in records)
    assert seeds == {(r.item, r.repeat): r.seed
                     for r in await records_of(evaluation(runs, ["none"], repeats=3, concurrency=2))}


async def test_the_strategies_of_an_item_wait_for_each_other_so_that_they_share_the_first_attempt() -> None:
    runs = Jumbled(random.Random(2))
    await records_of(evaluation(runs, ["critic", "none", "self-consistency"], concurrency=3))
    assert all(len(set(questions)) == len(questions) for questions in runs.at_once)


async def test_an_evaluation_that_is_killed_at_any_time_is_resumed_to_the_same_records() -> None:
    whole = await records_of(evaluation(Jumbled(random.Random(0)), ["critic", "none"], repeats=2))

    class Killed(Exception): ...

    for after in range(1, len(whole)):
        kept: list[Record] = []

        def keep(record: Record, kept: list[Record] = kept, after: int = after) -> None:
            if len(kept) == after:
                raise Killed
            kept.append(record)

        with pytest.raises(Killed):
            await evaluation(Jumbled(random.Random(after)), ["critic", "none"], repeats=2, concurrency=2).run(keep)
        await evaluation(Jumbled(random.Random(9)), ["critic", "none"], repeats=2).run(kept.append, list(kept))
        assert in_order(kept, ["i1", "i2", "i3"], ["critic", "none"]) == whole


async def test_programs_judged_at_once_have_a_session_each_and_all_are_closed() -> None:
    sandbox = ScriptedSandbox([ExecResult("ok", value="1")] * 4)
    opened: list[object] = []
    opening = sandbox.open

    async def open_() -> object:
        await asyncio.sleep(0)
        opened.append(session := await opening())
        return session

    sandbox.open = open_  # type: ignore[method-assign]
    judge = SandboxJudge(sandbox)
    await asyncio.gather(judge.run("a = 1", want="a"), judge.run("a = 2", want="a"))
    await judge.run("a = 3", want="a")
    await judge.run("a = 4", want="a")
    assert len(opened) == 2 and len(sandbox.programs) == 4
    await judge.aclose()
    assert not sandbox.is_open


async def test_each_distinct_answer_is_graded_once_and_the_rounds_say_when_it_became_right() -> None:
    graded: list[str] = []

    class Counting(Numeric):
        async def score(self, answer: str, judge: object) -> object:
            graded.append(answer)
            return await Numeric.score(self, answer, judge)  # type: ignore[arg-type]

    def answer(question: str, strategy: str) -> Result:
        rounds = (Round(1, 0, Usage(completion_tokens=10)), Round(2, 1, Usage(completion_tokens=25)),
                  Round(4, 1, Usage(completion_tokens=60)))
        return replace(result("2", "1", "2", "1"), best=1, rounds=rounds)

    item = replace(ITEMS[0], grader=Counting(Fraction(1)))
    runs = Scripted(answer)
    contenders = lineup(["critic", "none"], baselines=False)
    records = await records_of(Evaluation(runs, SandboxJudge(ScriptedSandbox([])), [item], contenders))
    assert graded == ["2", "1"]
    assert [(s.attempts, s.correct, s.completion_tokens) for s in records[0].stages] == [
        (1, False, 10), (2, True, 25), (4, True, 60)]
    summary = summarise(records, ["critic"])[0]
    assert summary.wrong_to_right_by_round == (0, 1, 0) and summary.right_to_wrong_by_round == (0, 0, 0)
    assert [point.completion_tokens for point in summary.curve] == [10, 25, 60]
    assert [point.accuracy.value for point in summary.curve] == [0, 1, 1]


async def test_the_oracle_takes_any_attempt_that_is_right() -> None:
    runs = Scripted(lambda question, strategy: result("3", "1", "0"))
    summary = summarise(await records_of(evaluation(runs, ["critic"])), ["critic"])[0]
    assert (summary.accuracy.value, summary.oracle.value) == (0, pytest.approx(2 / 3))


def test_records_of_an_older_version_are_read(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text('{"model": "m"}\n{"item": "i", "strategy": "critic", "ran": "critic", "seed": 1, "correct": true, '
                    '"completion_tokens": 30}\n', encoding="utf-8")
    with RecordFile(path, {"model": "m"}) as kept:
        record, = kept.records
    summary = summarise([record], ["critic"])[0]
    assert (record.repeat, summary.oracle.value, summary.calibration) == (0, 1, None)
    assert [(point.completion_tokens, point.accuracy.value) for point in summary.curve] == [(30, 1)]
