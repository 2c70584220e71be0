"""What is told of a run, before any page draws it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from agentfix import Agent, JournalError, Plugins, Settings
from agentfix.journal import Archive, SqliteJournal
from agentfix.protocols import JournalledCall
from agentfix.testing import ScriptedModel, script_plugin
from agentfix.view.difference import lines_changed
from agentfix.view.plain import LONGEST, dumped, plain
from agentfix.view.run import attempt_data, run_data, trace_of
from agentfix.view.source import Source
from agentfix.view.steps import owner, steps_of
from tests.view.hostile import STRINGS
from tests.view.traces import search, write


@pytest.mark.parametrize(
    ("place", "whose"),
    [
        ("a3.model", ("actor", 3)),
        ("a3.run", ("actor", 3)),
        ("a2.s1.0", ("actor", 2)),
        ("a0.look.1", ("actor", 0)),
        ("c1.0.program.0", ("program", None)),
        ("c1-2.0.facts.m0", ("facts", None)),
        ("c4.1.judge:pairwise.3.m0", ("judge:pairwise", 3)),
        ("c4.1.abstain:0.8.m1", ("abstain:0.8", None)),
        ("c1.0.program.0.m0", ("program", None)),
        ("r1-0-2.lesson.m0", ("lesson", None)),
    ],
)
def test_a_step_belongs_to_who_asked_and_to_the_attempt_it_is_about(place, whose):
    assert owner(place, {"program", "facts", "judge", "judge:pairwise", "abstain:0.8"}, {"c1.0.program.0"}) == whose


def call(place: str, ended: float, seconds: float) -> JournalledCall:
    return JournalledCall(
        place, "", {"model": "m", "messages": []}, {"completions": [{"text": "x"}], "seconds": seconds}, ended
    )


def test_time_in_which_nobody_worked_is_left_out():
    first, second = steps_of([call("a0.model", 102, 2), call("a1.model", 10_103, 3)], (), 100)
    assert (first.at, first.seconds, second.at, second.seconds) == (0, 2, 3, 3)


def test_what_was_taken_from_another_run_took_no_time():
    (step,) = steps_of([call("a0.model", 100.5, 60)], (), 100)
    assert (step.taken, step.seconds) == (True, 0)


async def test_the_tokens_of_all_attempts_are_those_of_the_steps_that_wrote_them(tmp_path):
    await write(tmp_path, [search(9)])
    journal = SqliteJournal(tmp_path / "journal.sqlite")
    trace = trace_of(await Archive(journal).story("20260101-000000-search"))
    await journal.aclose()
    told = run_data(trace)
    written = sum(step["prompt"] - step["cached"] + step["written"] for step in told["steps"])
    assert sum(attempt["tokens"] for attempt in told["attempts"]) == pytest.approx(written)
    assert {attempt["id"] for attempt in told["attempts"]} == set(range(9))
    parent = next(attempt for attempt in told["attempts"] if attempt["parent"] is not None)
    whole = attempt_data(trace, parent["id"])
    assert {sign for sign, _ in whole["diff"]} >= {"@"}
    assert whole["steps"] == [1 + 2 * parent["id"]]


def test_data_in_a_document_can_t_end_its_element():
    told = dumped(plain({"x": STRINGS}))
    assert not {"<", ">", "&", "\u2028"} & set(told)
    assert json.loads(told)["x"][0] == STRINGS[0]


def test_text_is_bounded_and_holds_no_mark_that_hides_or_reorders_it():
    assert plain("\u202eabc\x1b[0m\ud800") == "\\u202eabc␛[0m\\ud800"
    assert len(plain("x" * 10 * LONGEST)) < LONGEST + 40
    assert dumped(plain({"a": float("nan")})) == '{"a":"nan"}'


def test_a_difference_is_told_line_by_line():
    assert lines_changed("a\nb\nc", "a\nx\nc") == [
        ["@", "@@ -1,3 +1,3 @@"],
        [" ", "a"],
        ["-", "b"],
        ["+", "x"],
        [" ", "c"],
    ]
    assert lines_changed("a", "a") == []


async def test_an_objection_is_what_an_answer_gave_way_to(tmp_path):
    settings = Settings(model="scripted:", kind="text", strategy="none", sandbox="embedded", data_dir=tmp_path)
    model = ScriptedModel(["Sydney", "Canberra"])
    async with Agent(settings, Plugins(settings, extra={"script": script_plugin(model)})) as agent:
        first = await agent.arun("What is the capital of Australia?")
        second = await agent.achallenge(first.run_id, "That is its largest city.")
        archive = Archive(await agent.open_journal())
        told = run_data(trace_of(await archive.story(second.run_id)))
    assert told["continues"] == first.run_id
    gave_way = told["changes"][-1]
    assert (gave_way["before"], gave_way["after"]) == (0, 1)
    assert [(cause["attempt"], cause["class"], cause["polarity"]) for cause in gave_way["causes"]] == [
        (0, "person", "refutes")]


@pytest.mark.parametrize("change", [("$.best", "99"), ("$.standings", "[]"), ("$.rounds[0].best", "-1")])
async def test_a_result_that_names_what_is_not_there_is_damage_and_said(tmp_path, change):
    await write(tmp_path, [search(12)])
    journal = SqliteJournal(tmp_path / "journal.sqlite")
    journal.db.execute("UPDATE records SET data = json_set(data, ?, json(?)) WHERE kind = 'result'", change)
    with pytest.raises(JournalError, match="attempts that it does not have"):
        await Archive(journal).story("20260101-000000-search")
    await journal.aclose()


async def test_a_page_tells_what_was_said_of_a_run_since_it_was_first_looked_at(tmp_path):
    await write(tmp_path, [replace(search(12), run="ended"), replace(search(12), run="open", ended=False)])
    journal, other = (SqliteJournal(tmp_path / "journal.sqlite") for _ in range(2))
    source = Source(Archive(journal))
    asked = {"run": "ended", "number": "0"}
    assert (await source.answer("attempt", asked))["critiques"][0]["critic"] != "person"
    assert await source.trace("open") is await source.trace("open"), "what has not changed is read once"
    for polarity in ("refutes", "supports"):
        await other.record("ended", "remark", "0", {"text": "x" * 7, "polarity": polarity, "attempt": 0})
        told = await source.answer("attempt", asked)
        assert told["critiques"][0]["evidence"][0]["polarity"] == polarity
    await other.record("open", "failure", "", {"message": "no power"})
    assert (await source.trace("open")).story.summary.failure == "no power"
    Archive(other).remove(["ended"])
    with pytest.raises(JournalError, match="no run 'ended'"):
        await source.trace("ended")
    await journal.aclose()
    await other.aclose()
