"""`agentfix export`, over the journals of real runs; only the model is scripted."""

from __future__ import annotations

import json

import pytest

from agentfix import (
    Agent,
    Check,
    Completion,
    EvidenceClass,
    InputError,
    Settings,
    Task,
    UnknownNameError,
    hookimpl,
    tool,
)
from agentfix.cli.main import main
from agentfix.evals import Record, RecordFile
from agentfix.export import Selection
from agentfix.plugins import Plugins
from agentfix.testing import ScriptedModel, script_plugin
from tests.export.conftest import DOUBLE, OTHER, RIGHT, TWICE, WRONG, block
from tests.test_resuming import PowerCut

JARS = "A crate holds 15 jars. How many jars are in 4 crates?"
SIXTY = block("answer = 15 * 4")
DERIVED = "15 * 4 = 60.\nThe answer is 60."


def said(row, column="completion"):
    (message,) = row[column]
    assert message["role"] == "assistant"
    return message["content"]


def test_a_proved_answer_stands_with_what_was_asked_and_what_proves_it(runs, exported):
    result = runs(WRONG, RIGHT)
    rows, told = exported("sft", "--source", "mine", "--licence", "MIT", "--split", "train")
    (row,) = rows
    assert said(row) == RIGHT
    assert [message["role"] for message in row["prompt"]] == ["system", "user", "assistant", "user"]
    assert row["prompt"][2]["content"] == WRONG and "got 7" in row["prompt"][3]["content"]
    evidence = {"class": "contract", "polarity": "supports", "summary": "1 of 1 of the caller's checks pass",
                "author": "the caller's checks"}
    assert row["proof"] == [{"run": result.run_id, "attempt": 1, "model": "scripted", "right": True,
                             "evidence": [evidence]}]
    assert [row[name] for name in ("kind", "strategy", "source", "licence", "split")] == [
        "code", "critic", "mine", "MIT", "train"]
    assert "1 row in" in told and "from 2 attempts in 1 run." in told and "1  it is proved wrong" in told


def test_each_of_several_samples_of_one_call_gets_its_own_text(runs, exported):
    runs(WRONG, RIGHT, OTHER, strategy="best-of-n:3")
    rows, _ = exported("kto")
    assert [(said(row), row["label"]) for row in rows] == [(WRONG, False), (RIGHT, True), (OTHER, False)]
    assert len({str(row["prompt"]) for row in rows}) == 1


def test_what_only_agrees_is_exported_when_that_is_enough(runs, exported):
    runs(SIXTY, DERIVED, task=Task(JARS))
    rows, told = exported("sft")
    assert rows == [] and "2  no more than agreement speaks of it" in told
    rows, _ = exported("sft", "--require", "agreement")
    assert [said(row) for row in rows] == [SIXTY, DERIVED]
    assert rows[0]["proof"][0]["evidence"][0]["class"] == "agreement"


def test_opinions_can_not_be_made_proof(tmp_path, capfd):
    assert main(["export", "sft", "--require", "opinion", "--output", str(tmp_path / "rows")]) == 2
    assert "'opinion' is not one of" in capfd.readouterr().err
    with pytest.raises(InputError, match="proves nothing"):
        Selection(EvidenceClass.OPINION)


def test_a_wrong_answer_is_set_against_its_own_correction(runs, exported):
    runs(TWICE)
    runs(WRONG, RIGHT)
    rows, _ = exported("dpo")
    assert [(said(row, "chosen"), said(row, "rejected")) for row in rows] == [(RIGHT, WRONG)]
    assert [message["role"] for message in rows[0]["prompt"]] == ["system", "user"]
    assert [proof["right"] for proof in rows[0]["proof"]] == [True, False]


def test_a_wrong_answer_is_set_against_a_right_one_of_another_run(runs, exported):
    runs(OTHER, strategy="best-of-n:1")
    assert exported("dpo")[0] == []
    runs(TWICE)
    assert exported("dpo", "--strategy", "critic")[0] == []
    rows, _ = exported("dpo")
    assert [(said(row, "chosen"), said(row, "rejected")) for row in rows] == [(TWICE, OTHER)]


def test_answers_to_different_questions_are_not_set_against_each_other(runs, exported):
    runs(OTHER, strategy="best-of-n:1")
    runs(TWICE, task=Task("Write a function `double(x)`!", kind="code", checks=DOUBLE.checks))
    assert exported("dpo")[0] == []


def test_a_critique_counts_when_its_correction_is_right(runs, exported):
    runs(OTHER, WRONG, RIGHT)
    rows, _ = exported("critique")
    (row,) = rows
    assert "got 7" in said(row)
    assert row["prompt"][-2] == {"role": "assistant", "content": WRONG}
    assert [proof["right"] for proof in row["proof"]] == [False, True]
    assert not [row for row in rows if "got 25" in said(row)]


def test_an_answer_that_was_cut_off_is_left_out(runs, exported):
    runs(Completion("```python\ndef double(x):\n    retur", "length"), RIGHT)
    rows, told = exported("kto")
    assert [said(row) for row in rows] == [RIGHT] and "1  it was cut off before its end" in told


def test_an_answer_that_was_given_is_left_out(tmp_path, runs, exported):
    settings = Settings(model="scripted:", sandbox="embedded", data_dir=tmp_path)
    with Agent(settings, Plugins(settings, {"script": script_plugin(ScriptedModel(()))})) as agent:
        assert agent.verify(DOUBLE, RIGHT).supported_by
    rows, told = exported("sft")
    assert rows == [] and "1  the answer was given, not written by a model" in told


def test_a_run_that_was_cut_off_tells_what_it_proved(runs, exported):
    with pytest.raises(PowerCut):
        runs(WRONG, PowerCut())
    assert [(said(row), row["label"]) for row in exported("kto")[0]] == [(WRONG, False)]


def test_the_same_is_exported_once_and_always_in_the_same_order(runs, exported):
    for _ in range(2):
        runs(WRONG, RIGHT)
    runs(TWICE)
    rows, told = exported("kto")
    assert [said(row) for row in rows] == [WRONG, RIGHT, TWICE]
    assert "2  it is the same as another row" in told
    assert exported("kto")[0] == rows


def test_what_one_run_proves_and_another_refutes_is_left_out(runs, exported):
    for number in (60, 61):
        runs(SIXTY, task=Task(JARS, checks=(Check(f"assert answer == {number}"),)), max_rounds=1)
    rows, told = exported("kto")
    assert rows == [] and "2  proved right in one run and wrong in another" in told


def test_runs_are_chosen_by_kind_strategy_name_and_time(runs, exported):
    runs(RIGHT, run_id="first")
    runs(SIXTY, strategy="best-of-n:1", run_id="second", task=Task(JARS, checks=(Check("assert answer == 60"),)))

    def names(*arguments):
        return [row["proof"][0]["run"] for row in exported("sft", *arguments)[0]]

    assert names() == ["first", "second"]
    assert names("--kind", "math") == names("--strategy", "best-of-n") == names("--runs", "sec") == ["second"]
    assert names("--strategy", "critic") == ["first"]
    assert names("--runs", "f", "--runs", "second", "--since", "2020-01-01") == ["first", "second"]
    assert names("--since", "2999-01-01") == []


def test_the_runs_of_an_evaluation_are_chosen_by_its_file(runs, exported, tmp_path, capfd):
    runs(RIGHT, run_id="first")
    runs(RIGHT, run_id="second")
    for name, of in (("one", ["second"]), ("empty", [])):
        with RecordFile(tmp_path / name, {"data": "jars"}) as kept:
            for run in of:
                kept.append(Record("1", "critic", "critic", 0, answer="60", correct=True, run_id=run))
    before = (tmp_path / "one").read_bytes()
    assert main(["export", "sft", "--of", str(tmp_path / "one"), "--output", str(tmp_path / "one")]) == 2
    assert "would be written over" in capfd.readouterr().err and (tmp_path / "one").read_bytes() == before
    rows, _ = exported("sft", "--of", str(tmp_path / "one"))
    assert {row["proof"][0]["run"] for row in rows} == {"second"}
    assert main(["export", "sft", "--of", str(tmp_path / "empty"), "--output", str(tmp_path / "rows")]) == 2
    assert "holds no finished run" in capfd.readouterr().err


def test_what_an_evaluation_graded_is_proved(runs, exported, tmp_path):
    result = runs(SIXTY, DERIVED, task=Task(JARS))
    file = tmp_path / "records.jsonl"
    record = Record("1", "critic", "critic", 0, first_answer="60", first_correct=True, answer="60", correct=True,
                    run_id=result.run_id)
    with RecordFile(file, {"data": "jars"}) as kept:
        kept.append(record)
    with file.open("a", encoding="utf-8") as torn:
        torn.write('{"item": "2", "strat')  # the evaluation was killed here
    rows, _ = exported("sft", "--graded", str(file))
    assert [said(row) for row in rows] == [SIXTY, DERIVED]
    assert rows[0]["source"] == "jars"
    assert rows[0]["proof"][0]["evidence"][0]["summary"] == "the reference says that it is right"


def test_evaluations_that_contradict_each_other_prove_nothing(runs, tmp_path, capfd):
    result = runs(SIXTY, DERIVED, task=Task(JARS))
    files = []
    for right in (True, False):
        files += ["--graded", str(tmp_path / f"{right}.jsonl")]
        with RecordFile(tmp_path / f"{right}.jsonl", {"data": "jars"}) as kept:
            kept.append(Record("1", "critic", "critic", 0, answer="60", correct=right, run_id=result.run_id))
    assert main(["export", "sft", *files, "--output", str(tmp_path / "rows")]) == 2
    assert "otherwise than was said before" in capfd.readouterr().err


def test_a_file_that_is_no_evaluation_is_refused(tmp_path, capfd, runs):
    (tmp_path / "records.jsonl").write_text("[]\n", encoding="utf-8")
    assert main(["export", "sft", "--graded", str(tmp_path / "records.jsonl"), "--output", str(tmp_path / "r")]) == 2
    assert "line 1: not a record of an evaluation. Name a file that --output made." in capfd.readouterr().err


def test_without_a_run_there_is_nothing_to_export(tmp_path, capfd, runs):
    assert main(["export", "sft", "--output", str(tmp_path / "rows.jsonl")]) == 2
    assert "There are no runs yet." in capfd.readouterr().err


async def test_an_agent_exports_its_own_journal():
    settings = Settings(model="scripted:", sandbox="embedded", journal="memory")
    model = ScriptedModel([WRONG, RIGHT])
    async with Agent(settings, Plugins(settings, {"script": script_plugin(model)})) as agent:
        await agent.arun(DOUBLE)
        made = await agent.aexport("kto")
        with pytest.raises(UnknownNameError, match="format"):
            await agent.aexport("kt0")
    assert [row["label"] for row in made.rows] == [False, True]
    asked = [[{"role": m.role, "content": m.content} for m in request.messages] for request in model.requests]
    assert [row["prompt"] for row in made.rows] == asked


@tool
def word_count(text: str) -> str:
    """Count the words of a text.

    Args:
        text: any text.
    """
    return str(len(text.split()))


def test_each_step_that_went_well_is_learnt_of_an_attempt_that_acted(runs, exported):
    class Plugin:
        @hookimpl
        def agentfix_register_tools(self, register):
            register("word_count", lambda build: word_count)

    counting, lost, answered = (json.dumps(step) for step in (
        {"plan": [{"do": "count the words", "tool": "word_count"}],
         "calls": [{"tool": "word_count", "arguments": {"text": "at dawn"}}]},
        {"calls": [{"tool": "word_count", "arguments": {"words": "at dawn"}}]},
        {"thought": "", "answer": "2"}))
    task = Task("How many words has 'at dawn'?", "tools", (Check("assert answer == '2'"),))
    runs(counting, lost, *[answered] * 9, task=task, plugin=Plugin(), tools=("word_count",))
    assert [said(row) for row in exported("sft")[0]] == [counting, answered]
    assert exported("kto")[0] == exported("dpo")[0] == []
