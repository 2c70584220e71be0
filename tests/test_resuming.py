"""A run that is cut off goes on where it was: nothing that ended is done again, and nothing is lost."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from agentfix import (
    Agent,
    ConfigError,
    Critique,
    InputError,
    JournalError,
    Observation,
    RecordingError,
    RunUnderWayError,
    Settings,
    ToolCall,
    ToolCalls,
    ToolSpec,
    hookimpl,
)
from agentfix.journal import Claims, SqliteJournal
from agentfix.plugins import Plugins
from agentfix.recording import read_recording
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
    return Agent(settings, Plugins(settings, {"script": script_plugin(script), **extra}), journal=journal,
                 on_approval=approved)


async def approved(pending, reason):
    return True


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
            assert plain(await agent.aresume("r")) == plain(whole)
        after.assert_done()


async def test_a_run_that_ended_gives_its_result_again_and_asks_nobody():
    whole, journal = await undisturbed()
    async with make(ScriptedModel([]), journal) as agent:
        assert plain(await agent.aresume("r")) == plain(whole)


async def test_a_run_ended_by_its_budget_goes_on_with_a_larger_one():
    journal = Kept()
    async with make(ScriptedModel([CRASH]), journal, max_rounds=1) as agent:
        assert (await agent.arun(QUESTION, run_id="r")).stop_reason == "budget: rounds"
    more = ScriptedModel([RIGHT, DERIVED])
    async with make(more, journal) as agent:
        assert (await agent.aresume("r", max_rounds=8)).answer == "60"
        with pytest.raises(ConfigError, match="can't be resumed with another 'strategy'"):
            await agent.aresume("r", strategy="none")
        with pytest.raises(JournalError, match="no run 'other'"):
            await agent.aresume("other")
    more.assert_done()


async def test_a_call_whose_tokens_were_clamped_is_found_again_under_a_larger_budget():
    journal = Kept()
    async with make(ScriptedModel([CRASH]), journal, max_tokens=50) as agent:
        assert (await agent.arun(QUESTION, run_id="r")).stop_reason == "budget: tokens"
    more = ScriptedModel([RIGHT, DERIVED])
    async with make(more, journal) as agent:
        assert (await agent.aresume("r", max_tokens=100_000)).answer == "60"
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
        result = await agent.aresume("r")
        assert "nobody knows whether it happened" in result.stop_reason and "--in-doubt" in result.stop_reason
        assert result.answer == "60" and stamp.stamped == 1


class Overtaken(Kept):
    """Another process begins each call a moment before."""

    async def begin(self, key, request):
        await super().begin(key, request)
        return await super().begin(key, request)


async def test_a_call_that_another_process_began_meanwhile_is_not_made():
    stamp = Stamp()
    async with make(ScriptedModel([RIGHT, DERIVED]), Overtaken(), stamp, critics=("stamp",)) as agent:
        result = await agent.arun(QUESTION, run_id="r")
    assert "nobody knows whether it happened" in result.stop_reason and stamp.stamped == 0


@pytest.mark.parametrize(("answer", "stamped", "status"), [("done", 1, "unknown"), ("again", 2, "ok")])
async def test_who_is_asked_about_a_call_in_doubt_decides(answer, stamped, status):
    journal, stamp = await cut_while_stamping()
    asked: list[ToolCall] = []

    async def on_doubt(call):
        asked.append(call)
        return answer

    async with make(ScriptedModel([DERIVED]), journal, stamp) as agent:
        result = await agent.aresume("r", on_doubt=on_doubt)
        assert [(call.tool, call.arguments) for call in asked] == [("stamp", {"letter": 0})]
        assert next(c.feedback for c in result.critiques if (c.attempt, c.critic) == (0, "stamp")) == status
        again = await agent.aresume("r")
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
        result = await agent.afork("r", second_model, critics=("picky",), seed=7, max_rounds=3, on_event=seen.append)
        with pytest.raises(InputError, match=f"has {len(steps)} steps, not 99"):
            await agent.afork("r", 99)
    assert result.run_id != "r" and result.attempts[:2] == whole.attempts[:2]
    assert result.attempts[2].answer == "61"
    assert {c.critic for c in result.critiques} >= {"picky"}
    assert plain(await undisturbed_again(journal)) == plain(whole)


async def undisturbed_again(journal):
    async with make(ScriptedModel([]), journal) as agent:
        return await agent.aresume("r")


async def test_a_recording_needs_no_model_no_sandbox_and_no_journal(tmp_path):
    file = tmp_path / "deep" / "run.jsonl"
    whole, _ = await undisturbed(record=file)
    async with make(ScriptedModel([]), Kept(), model=f"replay:{file}", sandbox="docker", data_dir=tmp_path) as agent:
        again = await agent.arun(QUESTION, run_id="r")
        assert plain(again) == plain(whole)
        assert plain(await agent.areplay(file)) == plain(whole)


async def test_a_journalled_run_is_replayed_by_its_name_alone():
    whole, journal = await undisturbed()
    events = []
    async with make(ScriptedModel([]), journal) as agent:
        assert plain(await agent.areplay("r", on_event=events.append)) == plain(whole)
        with pytest.raises(JournalError, match="no run and no file 'other'"):
            await agent.areplay("other")
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
        assert plain(await agent.areplay(file)) == plain(whole)


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
    async with make(ScriptedModel([]), Kept(), record=file) as agent:
        with pytest.raises(RecordingError, match="is no recording"):
            await agent.arun(QUESTION)
    assert file.read_text() == "My thesis.\n"


@pytest.mark.parametrize("place", ["/dev/null", ".", "file/in/the/way", "n" * 300])
def test_a_recording_that_can_not_be_made_is_said_before_anything_is_asked(tmp_path, place):
    (tmp_path / "file").write_text("")
    with (make(ScriptedModel([]), Kept(), record=tmp_path / place) as agent,
          pytest.raises(RecordingError, match="Choose another")):
        agent.run(QUESTION)
    assert Path("/dev/null").is_char_device()


async def test_a_recording_that_is_lost_on_the_way_leaves_what_it_held(tmp_path):
    file, events = tmp_path / "r.jsonl", []
    async with make(ScriptedModel([CRASH, RIGHT, DERIVED]), Kept(), record=file) as agent:
        await agent.arun(QUESTION)
    held = file.read_text()
    (tmp_path / ".r.jsonl.part").mkdir()  # in the way of the longer copy
    async with make(ScriptedModel([CRASH, RIGHT, DERIVED]), Kept(), record=file, seed=5) as agent:
        assert (await agent.arun(QUESTION, on_event=events.append)).answer == "60"
    assert file.read_text() == held
    assert any("resume" in str(e.data.get("message")) for e in events)


@pytest.mark.parametrize("spoilt", [
    '{"request": {}, "reply": {}}', '{"request": {"model": "m", "messages": [{}]}, "reply": {}}', "[" * 3000,
    '{"request": {"tool": "t", "arguments": 1}, "reply": {}}',
    '{"request": {"tool": "t", "arguments": {}}, "reply": 1}',
    '{"request": {"tool": "t", "arguments": {}}, "reply": {"observation": "x", "seconds": 1}}', "7", "\ufeff", '"run"',
])
def test_a_line_of_another_form_is_named(tmp_path, spoilt):
    file = tmp_path / "r.jsonl"
    file.write_text(f'{{"agentfix_recording": 1}}\n{spoilt}\n', encoding="utf-8")
    with pytest.raises(RecordingError, match="line 2 is wrong"):
        read_recording(file)


async def test_the_limits_a_run_was_resumed_with_hold_from_then_on():
    journal = Kept()
    async with make(ScriptedModel([CRASH]), journal, max_rounds=1) as agent:
        await agent.arun(QUESTION, run_id="r")
    async with make(ScriptedModel([RIGHT, DERIVED]), journal) as agent:
        await agent.aresume("r", max_rounds=8)
    async with make(ScriptedModel([]), journal) as agent:
        assert (await agent.areplay("r")).answer == "60"
        assert (await agent.aresume("r")).answer == "60"


async def test_a_lower_limit_would_make_it_another_run():
    journal = Kept()
    async with make(ScriptedModel([CRASH]), journal, max_rounds=1) as agent:
        await agent.arun(QUESTION, run_id="r")
        for lower in ({"max_rounds": 0}, {"max_tokens": 10_000}):
            with pytest.raises(ConfigError, match="it would be another run"):
                await agent.aresume("r", **lower)


def test_a_run_that_another_process_is_at_is_left_to_it(tmp_path):
    journal = tmp_path / "journal.sqlite"
    held = subprocess.Popen([sys.executable, "-c", f"""
import pathlib
from agentfix.journal import Claims
with Claims(pathlib.Path({str(journal)!r})).of("r"):
    print("held", flush=True)
    input()
"""], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with held, Claims(journal).of("another"):
        assert held.stdout.readline() == "held\n"
        with pytest.raises(InputError, match="under way in another process"), Claims(journal).of("r"):
            pass
        held.kill()
        held.wait()
        with Claims(journal).of("r"):
            pass


async def test_a_run_under_way_is_not_begun_again_beside_itself():
    async with make(ScriptedModel([CRASH, RIGHT, DERIVED]), Kept()) as agent:
        first, second = await asyncio.gather(agent.arun(QUESTION, run_id="r"), agent.arun(QUESTION, run_id="r"),
                                             return_exceptions=True)
    assert [first.answer, type(second)] == ["60", RunUnderWayError] and "under way" in str(second)


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


class Breaking(Kept):
    """Can't be written any more, once it is told so."""

    broken = False

    @contextmanager
    def transaction(self):
        if self.broken:
            raise OSError("the disk is gone")
        with super().transaction():
            yield


def in_memory_when_it_breaks(script, journal, *plugins, **chosen):
    settings = Settings(model="scripted:", sandbox="embedded", journal="file-or-memory", **chosen)
    extra = {f"extra{i}": plugin for i, plugin in enumerate(plugins)}
    return Agent(settings, Plugins(settings, {"script": script_plugin(script), **extra}), journal=journal)


async def test_a_resumed_run_too_goes_on_in_memory():
    journal = Breaking()
    with pytest.raises(PowerCut):
        async with make(ScriptedModel([CRASH, PowerCut()]), journal) as agent:
            await agent.arun(QUESTION, run_id="r")
    journal.broken = True
    async with in_memory_when_it_breaks(ScriptedModel([RIGHT, DERIVED]), journal) as agent:
        assert (await agent.aresume("r")).answer == "60"


async def test_a_call_in_doubt_stays_in_doubt_when_the_run_goes_on_in_memory():
    journal, stamp = Breaking(), Stamp(cut=True)
    with pytest.raises(PowerCut):
        async with make(ScriptedModel([RIGHT]), journal, stamp, critics=("stamp",)) as agent:
            await agent.arun(QUESTION, run_id="r")
    journal.broken = True
    async with in_memory_when_it_breaks(ScriptedModel([]), journal, stamp, critics=("stamp",)) as agent:
        result = await agent.aresume("r")
    assert stamp.stamped == 1 and "nobody knows whether it happened" in result.stop_reason


@pytest.mark.parametrize(("column", "value"), [
    ("request", "{}"), ("request", "1"), ("reply", '"x"'), ("reply", '{"completions": []}'), ("reply", "[" * 9000)])
async def test_a_call_that_is_damaged_in_the_journal_is_one_error(column, value):
    _, journal = await undisturbed()
    journal.db.execute(f"UPDATE calls SET {column} = ? WHERE number = 1", (value,))
    async with make(ScriptedModel([]), journal) as agent:
        for going_on in (agent.aresume("r"), agent.areplay("r"), agent.afork("r", 2)):
            with pytest.raises(JournalError, match="damaged"):
                await going_on


async def test_a_replay_of_a_run_that_was_cut_off_says_where():
    journal = Kept()
    with pytest.raises(PowerCut):
        async with make(ScriptedModel([CRASH, PowerCut()]), journal) as agent:
            await agent.arun(QUESTION, run_id="r")
    async with make(ScriptedModel([]), journal) as agent:
        replayed = await agent.areplay("r")
    assert [a.text for a in replayed.attempts] == [CRASH] and "was cut off here" in replayed.stop_reason


async def test_two_runs_at_once_keep_apart():
    journal = Kept()

    def reply(request):  # by what is asked: which run asks first is nobody's business
        if "step by step, showing" in request.messages[-1].content:
            return DERIVED
        return RIGHT if len(request.messages) > 2 else CRASH

    async with make(ScriptedModel([reply] * 6), journal) as agent:
        one, two = await asyncio.gather(agent.arun(QUESTION, run_id="a"), agent.arun(QUESTION, run_id="b"))
    assert [a.text for a in one.attempts] == [a.text for a in two.attempts] == [CRASH, RIGHT, DERIVED]
