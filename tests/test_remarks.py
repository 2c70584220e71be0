"""What people say of answers is kept beside their runs, counts as evidence, and becomes training data."""

from __future__ import annotations

import asyncio
import json

import pytest

from agentfix import Agent, Check, EvidenceClass, InputError, Remark, Settings, Task
from agentfix.cli.main import main
from agentfix.plugins import Plugins
from agentfix.testing import ScriptedModel, script_plugin
from tests.test_resuming import PowerCut

POEM = Task("Write a line about rain.", "text")
DULL, FINE = "Rain is wet water.", "Rain writes on the roof."


@pytest.fixture
def agent(tmp_path, monkeypatch):
    """Makes agents over one data folder, each with a model that says these things."""
    monkeypatch.setenv("AGENTFIX_DATA_DIR", str(tmp_path))

    def make(*script, **chosen):
        settings = Settings(**{"model": "scripted:", "sandbox": "embedded", "strategy": "none", "data_dir": tmp_path,
                               **chosen})
        return Agent(settings, Plugins(settings, {"script": script_plugin(ScriptedModel(script))}))

    return make


def rows_of(tmp_path, name):
    file = tmp_path / "rows.jsonl"
    main(["export", name, "--output", str(file)])
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_approval_supports_the_answer_from_then_on(agent, capfd):
    with agent(FINE) as made:
        first = made.run(POEM)
        assert first.abstained
        approved = made.remark(first.run_id, Remark("lovely", "supports"))
    assert (approved.answer, approved.supported_by, approved.abstained) == (FINE, EvidenceClass.PERSON, False)
    assert approved.reason == "a person says that it is right: lovely"
    assert main(["runs", "show", first.run_id]) == 0
    told = capfd.readouterr().out
    assert "supported by person" in told and "a person says that it is right: lovely" in told


def test_a_later_remark_takes_the_place_of_an_earlier_one(agent):
    with agent(FINE) as made:
        first = made.run(POEM)
        made.remark(first.run_id, Remark("", "supports"))
        refuted = made.remark(first.run_id, Remark("It does not rhyme."))
    assert refuted.abstained and refuted.reason == "a person says that it is wrong: It does not rhyme."
    assert len([c for c in refuted.critiques if c.critic == "person"]) == 1


def test_the_callers_checks_outrank_what_a_person_says(agent):
    task = Task("Write a function double(x).", "code", (Check("assert double(4) == 8"),))
    with agent("```python\ndef double(x):\n    return 2 * x\n```", strategy="critic") as made:
        first = made.run(task)
        assert made.remark(first.run_id, Remark("wrong")).supported_by is EvidenceClass.CONTRACT


@pytest.mark.parametrize(("remark", "said"), [
    (Remark("fine", "supported"), "polarity"),  # pyright: ignore[reportArgumentType] - a slip that callers make
    (Remark(None), "text"),  # pyright: ignore[reportArgumentType] - the same
    (Remark("", "supports", 0.5), "attempt"),  # pyright: ignore[reportArgumentType] - the same
    (Remark("", "supports", 7), "no attempt 7"),
])
def test_a_remark_that_can_not_be_read_back_is_refused_and_leaves_the_run_as_it_was(agent, remark, said):
    with agent(FINE) as made:
        first = made.run(POEM)
        with pytest.raises(InputError, match=said):
            made.remark(first.run_id, remark)
        assert made.remark(first.run_id, Remark("", "supports")).supported_by is EvidenceClass.PERSON
    assert main(["runs", "list"]) == 0


def test_what_gives_no_answer_can_not_be_approved(agent):
    with agent("No idea.", kind="math") as made:
        first = made.run("How many pens are in 7 boxes of 12?")
        assert first.answer is None
        with pytest.raises(InputError, match="gives no answer"):
            made.remark(first.run_id, Remark("", "supports"))


def test_what_people_say_is_exported_as_proof(agent, tmp_path):
    with agent(DULL, FINE) as made:
        bad, good = made.run(POEM).run_id, made.run(POEM).run_id
        made.remark(bad, Remark("dull"))
        made.remark(good, Remark("", "supports"))
    rows = rows_of(tmp_path, "kto")
    assert [(row["completion"][0]["content"], row["label"]) for row in rows] == [(DULL, False), (FINE, True)]
    (evidence,) = rows[0]["proof"][0]["evidence"]
    assert (evidence["class"], evidence["summary"]) == ("person", "a person says that it is wrong: dull")


def test_an_objection_and_the_approved_correction_teach_the_correction_and_the_critique(agent, tmp_path):
    with agent(DULL, FINE) as made:
        first = made.run(POEM)
        second = made.challenge(first.run_id, "Say it with an image.")
        made.remark(second.run_id, Remark("", "supports", attempt=1))
    (pair,) = rows_of(tmp_path, "dpo")
    assert (pair["chosen"][0]["content"], pair["rejected"][0]["content"]) == (FINE, DULL)
    (taught,) = rows_of(tmp_path, "critique")
    assert taught["completion"][0]["content"] == "Say it with an image."


def test_who_changes_their_mind_is_understood_in_the_first_run_too(agent, tmp_path):
    with agent(FINE, DULL) as made:
        first = made.run(POEM)
        second = made.challenge(first.run_id, "I do not like it.")
        assert rows_of(tmp_path, "sft") == []
        made.remark(second.run_id, Remark("I was wrong.", "supports", attempt=0))
    (row,) = rows_of(tmp_path, "sft")
    assert row["completion"][0]["content"] == FINE
    assert [e["summary"] for e in row["proof"][0]["evidence"]] == ["a person says that it is right: I was wrong."]


def test_a_run_that_goes_on_from_another_says_so(agent, capfd):
    with agent(DULL, FINE) as made:
        first = made.run(POEM)
        second = made.challenge(first.run_id, "Say it with an image.")
    assert main(["runs", "show", second.run_id]) == 0
    told = capfd.readouterr().out
    assert f"goes on from run {first.run_id}\n" in told
    assert "a person says that it is wrong: Say it with an image." in told


def test_a_run_that_has_not_ended_can_not_be_approved(agent):
    with agent(FINE, PowerCut(), strategy="critic") as made:
        with pytest.raises(PowerCut):
            asyncio.run(made.arun(POEM, run_id="first"))
        with pytest.raises(InputError, match="has not ended"):
            made.remark("first", Remark("", "supports"))
