"""A run that is cut off goes on where it was: nothing that ended is done again, and nothing is lost."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from agentfix import (
    Agent,
    ConfigError,
    Critique,
    InputError,
    JournalError,
    Observation,
    RecordingError,
    Settings,
    ToolCall,
    ToolCalls,
    ToolSpec,
    hookimpl,
)
from agentfix.journal import SqliteJournal
from agentfix.plugins import Plugins
from agentfix.testing import ScriptedModel, script_plugin

QUESTION = "A crate holds 15 jars. How many jars are in 4 crates?"
CRASH = "```python\ndef solution():\n    crates = 4\n    return jars * crates\n```"
RIGHT = "```python\ndef solution():\n    jars, crates = 15, 4\n    return jars * crates\n```"
DERIVED = "Each crate holds 15 jars: 4 * 15 = 60 jars.\nThe answer is 60."


class PowerCut(BaseException):
    """Stands for the end of the process."""


class Stamp:
    """A tool with a side effect, and a critic that asks for it."""

    name = "stamp"
    spec = ToolSpec("stamp", "Stamps a letter.", {"type": "object"}, side_effects=True)

    def __init__(self, *, cut: bool = False) -> None:
        self.stamped = 0
        self.cut = cut

    async def run(self, arguments, context):
        self.stamped += 1
        if self.cut:
            self.cut = False
            raise PowerCut
        return Observation("stamp", "ok", "stamped")

    async def review(self, task, attempts, context):
        if not context.asked:
            return ToolCalls((ToolCall("stamp", {"letter": attempts[0].id}),))
        return [Critique(a.id, self.name, "abstain", context.asked[0].observation.status) for a in attempts]

    @hookimpl
    def agentfix_register_tools(self, register):
        register("stamp", lambda build: self)

    @hookimpl
    def agentfix_register_critics(self, register):
        register("stamp", lambda build: self)


class Picky:
    """A critic that likes nothing."""

    name = "picky"

    async def review(self, task, attempts, context):
        return [Critique(a.id, self.name, "revise", "I do not like it.") for a in attempts]

    @hookimpl
    def agentfix_register_critics(self, register):
        register("picky", lambda build: self)


def make(script, journal, *plugins, **chosen):
    settings = Settings(**{"model": "scripted:", "sandbox": "embedded", **chosen})
    extra = {f"extra{i}": plugin for i, plugin in enumerate(plugins)}
    return Agent(settings, Plugins(settings, {"script": script_plugin(script), **extra}), journal=journal)


class Kept(SqliteJournal):
    """Outlives the agents that use it."""

    def __init__(self) -> None:
        super().__init__(None)

    async def aclose(self) -> None:
        """Stays open."""


def plain(result):
    return replace(result, seconds=0.0)


async def undisturbed(*plugins, **chosen):
    journal = Kept()
    async with make(ScriptedModel([CRASH, RIGHT, DERIVED]), journal, *plugins, **chosen) as agent:
        return await agent.arun(QUESTION, run_id="r"), journal


async def test_a_run_cut_off_at_any_model_call_ends_as_if_nothing_had_happened():
    whole, _ = await undisturbed()
    script = [CRASH, RIGHT, DERIVED]
    for cut in range(3):
        journal = Kept()
        before = ScriptedModel([*script[:cut], PowerCut()])
        with pytest.raises(PowerCut):
            async with make(before, journal) as agent:
                await agent.arun(QUESTION, run_id="r")
        after = ScriptedModel(script[cut:])
        async with make(after, journal) as agent:
            assert plain(await agent.resume("r")) == plain(whole)
        after.assert_done()


async def test_a_run_that_ended_gives_its_result_again_and_asks_nobody():
    whole, journal = await undisturbed()
    async with make(ScriptedModel([]), journal) as agent:
        assert plain(await agent.resume("r")) == plain(whole)


async def test_a_run_ended_by_its_budget_goes_on_with_a_larger_one():
    journal = Kept()
    async with make(ScriptedModel([CRASH]), journal, max_rounds=1) as agent:
        assert (await agent.arun(QUESTION, run_id="r")).stop_reason == "budget: rounds"
    more = ScriptedModel([RIGHT, DERIVED])
    async with make(more, journal) as agent:
        assert (await agent.resume("r", max_rounds=8)).answer == "60"
        with pytest.raises(ConfigError, match="can't be resumed with another 'strategy'"):
            await agent.resume("r", strategy="none")
        with pytest.raises(JournalError, match="no run 'other'"):
            await agent.resume("other")
    more.assert_done()


async def test_a_call_whose_tokens_were_clamped_is_found_again_under_a_larger_budget():
    journal = Kept()
    async with make(ScriptedModel([CRASH]), journal, max_tokens=50) as agent:
        assert (await agent.arun(QUESTION, run_id="r")).stop_reason == "budget: tokens"
    more = ScriptedModel([RIGHT, DERIVED])
    async with make(more, journal) as agent:
        assert (await agent.resume("r", max_tokens=100_000)).answer == "60"
    more.assert_done()


async def test_another_question_under_the_same_name_is_refused():
    _, journal = await undisturbed()
    async with make(ScriptedModel([]), journal) as agent:
        with pytest.raises(InputError, match="another run named 'r'"):
            await agent.arun("Another question?", run_id="r")


# --- side effects -------------------------------------------------------------------------------------------------


async def cut_while_stamping():
    journal, stamp = Kept(), Stamp(cut=True)
    with pytest.raises(PowerCut):
        async with make(ScriptedModel([RIGHT]), journal, stamp, critics=("stamp",)) as agent:
            await agent.arun(QUESTION, run_id="r")
    return journal, stamp


async def test_a_call_in_doubt_is_never_made_again_unasked():
    journal, stamp = await cut_while_stamping()
    async with make(ScriptedModel([DERIVED]), journal, stamp) as agent:
        result = await agent.resume("r")
        assert "nobody knows whether it happened" in result.stop_reason and "--in-doubt" in result.stop_reason
        assert result.answer == "60" and stamp.stamped == 1


@pytest.mark.parametrize(("answer", "stamped", "status"), [("done", 1, "unknown"), ("again", 2, "ok")])
async def test_who_is_asked_about_a_call_in_doubt_decides(answer, stamped, status):
    journal, stamp = await cut_while_stamping()
    asked: list[ToolCall] = []

    async def on_doubt(call):
        asked.append(call)
        return answer

    async with make(ScriptedModel([DERIVED]), journal, stamp) as agent:
        result = await agent.resume("r", on_doubt=on_doubt)
        assert [(call.tool, call.arguments) for call in asked] == [("stamp", {"letter": 0})]
        assert next(c.feedback for c in result.critiques if (c.attempt, c.critic) == (0, "stamp")) == status
        again = await agent.resume("r")
    assert plain(again) == plain(result)
    assert stamp.stamped == stamped + 1  # the derivation's own letter


# --- fork, record, replay -----------------------------------------------------------------------------------------


async def test_a_fork_begins_as_the_other_run_did_and_goes_its_own_way():
    whole, journal = await undisturbed()
    steps = await journal.calls("r")
    second_model = [i for i, call in enumerate(steps, 1) if call.place.endswith("model")][1]
    model = ScriptedModel([DERIVED.replace("60", "61"), *[DERIVED] * 6])
    seen = []
    async with make(model, journal, Picky()) as agent:
        result = await agent.fork("r", second_model, critics=("picky",), seed=7, max_rounds=3, on_event=seen.append)
        with pytest.raises(InputError, match=f"has {len(steps)} steps, not 99"):
            await agent.fork("r", 99)
    assert result.run_id != "r" and result.attempts[:2] == whole.attempts[:2]
    assert result.attempts[2].answer == "61"
    assert {c.critic for c in result.critiques} >= {"picky"}
    assert plain(await undisturbed_again(journal)) == plain(whole)


async def undisturbed_again(journal):
    async with make(ScriptedModel([]), journal) as agent:
        return await agent.resume("r")


async def test_a_recording_needs_no_model_no_sandbox_and_no_journal(tmp_path):
    file = tmp_path / "deep" / "run.jsonl"
    whole, _ = await undisturbed(record=file)
    async with make(ScriptedModel([]), Kept(), model=f"replay:{file}", sandbox="docker", data_dir=tmp_path) as agent:
        again = await agent.arun(QUESTION, run_id="r")
        assert plain(again) == plain(whole)
        assert plain(await agent.replay(file)) == plain(whole)


async def test_a_journalled_run_is_replayed_by_its_name_alone():
    whole, journal = await undisturbed()
    events = []
    async with make(ScriptedModel([]), journal) as agent:
        assert plain(await agent.replay("r", on_event=events.append)) == plain(whole)
        with pytest.raises(JournalError, match="no run and no file 'other'"):
            await agent.replay("other")
    assert [e.kind for e in events if e.kind in ("attempt", "result")] == ["attempt"] * 3 + ["result"]


async def test_what_was_not_recorded_fails_loudly_and_shows_the_nearest(tmp_path):
    file = tmp_path / "run.jsonl"
    await undisturbed(record=file)
    async with make(ScriptedModel([]), Kept(), model=f"replay:{file}") as agent:
        with pytest.raises(RecordingError) as caught:
            await agent.arun(QUESTION.replace("4 crates", "5 crates"))
    said = str(caught.value)
    assert "does not hold this call of model 'scripted'" in said and "4 crates" in said and "5 crates" in said
    assert "\n" not in said


async def test_runs_are_added_to_a_recording_each_call_once(tmp_path):
    file = tmp_path / "run.jsonl"
    await undisturbed(record=file)
    size = file.stat().st_size
    await undisturbed(record=file)
    assert file.stat().st_size == size
    async with make(ScriptedModel([DERIVED]), Kept(), record=file, strategy="none", kind="text") as agent:
        await agent.arun("Say something.")
    assert file.stat().st_size > size
    whole, _ = await undisturbed()
    async with make(ScriptedModel([]), Kept()) as agent:
        assert plain(await agent.replay(file)) == plain(whole)


@pytest.mark.parametrize(
    "text", ["", "junk\n", '{"agentfix_recording": 99}\n', '{"agentfix_recording": 1}\n{"request"'])
async def test_a_file_that_is_no_recording_is_one_line(tmp_path, text):
    file = tmp_path / "run.jsonl"
    file.write_text(text)
    async with make(ScriptedModel([]), Kept(), model=f"replay:{file}") as agent:
        with pytest.raises(RecordingError) as caught:
            await agent.arun(QUESTION)
    assert "is no recording" in str(caught.value) and "\n" not in str(caught.value)


async def test_a_recording_is_never_written_over_another_file(tmp_path):
    file = tmp_path / "thesis.txt"
    file.write_text("My thesis.\n")
    events = []
    async with make(ScriptedModel([DERIVED]), Kept(), record=file, strategy="none", kind="text") as agent:
        assert (await agent.arun("Say something.", on_event=events.append)).answer
    assert file.read_text() == "My thesis.\n"
    assert any("is no recording" in str(e.data.get("message")) for e in events)


# --- a journal that can't be written ------------------------------------------------------------------------------


async def full_disk(**chosen):
    kept = Kept()
    kept.db.execute("PRAGMA max_page_count = 14")
    events = []
    question = f"{QUESTION} (Not these: {[i * i for i in range(1000, 3000)]}.)"
    settings = Settings(model="scripted:", sandbox="embedded", kind="math", **chosen)
    plugins = Plugins(settings, {"script": script_plugin(ScriptedModel([CRASH, RIGHT, DERIVED]))})
    async with Agent(settings, plugins, journal=kept) as agent:
        result = await agent.arun(question, on_event=events.append)
    return result, [e.data["message"] for e in events if e.kind == "notice"]


async def test_a_journal_that_fails_ends_the_run_with_what_there_is():
    result, said = await full_disk()
    assert "full" in result.stop_reason and len(result.attempts) >= 1
    assert len(said) == 1 and "--journal memory" in said[0]


async def test_a_run_goes_on_in_memory_if_the_user_says_so():
    result, said = await full_disk(journal="file-or-memory")
    assert result.answer == "60" and result.supported_by
    assert len(said) == 1 and "goes on in memory" in said[0]


async def test_two_runs_at_once_keep_apart():
    journal = Kept()
    models = ScriptedModel([CRASH, CRASH, RIGHT, RIGHT, DERIVED, DERIVED])
    async with make(models, journal) as agent:
        one, two = await asyncio.gather(agent.arun(QUESTION, run_id="a"), agent.arun(QUESTION, run_id="b"))
    assert [a.text for a in one.attempts] == [a.text for a in two.attempts] == [CRASH, RIGHT, DERIVED]
