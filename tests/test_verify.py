"""A given answer is reviewed with real critics and the embedded sandbox, and nobody is asked for another."""

from __future__ import annotations

import pytest

from agentfix import (
    Agent,
    Check,
    Critique,
    Evidence,
    EvidenceClass,
    InputError,
    ModelUnavailableError,
    Settings,
    Task,
    UnknownNameError,
    hookimpl,
)
from agentfix.journal import SqliteJournal
from agentfix.plugins import Plugins
from agentfix.testing import ScriptedModel, script_plugin

JARS = "A crate holds 15 jars. How many jars are in 4 crates?"
COUNTED = Task(JARS, "math", (Check("assert answer == 60"),))
DOUBLE = Task("Write a function double(x).", "code", (Check("assert double(4) == 8"), Check("assert double(-1) == -2")))


def make(*steps, journal=None, extra=None, **chosen) -> tuple[Agent, ScriptedModel]:
    model = ScriptedModel(steps)
    settings = Settings(**{"model": "scripted:", "sandbox": "embedded", **chosen})
    plugins = Plugins(settings, {"script": script_plugin(model), **(extra or {})})
    return Agent(settings, plugins, journal=journal or SqliteJournal(None)), model


async def check(task, answer, *steps, **chosen):
    agent, model = make(*steps, **chosen)
    async with agent:
        result = await agent.averify(task, answer)
    model.assert_done()
    return result


@pytest.mark.parametrize("program", [
    "def double(x):\n    return x + x",
    "double = lambda x: 2 * x\n\nclass Unused:\n    pass",
    "Here it is:\n```python\ndef double(x):\n    return 2 * x\n```",
])
async def test_a_right_program_is_supported_by_the_callers_checks_and_no_model_is_asked(program):
    result = await check(DOUBLE, program)
    assert (result.supported_by, result.abstained, result.stop_reason) == (
        EvidenceClass.CONTRACT, False, "the answer was reviewed")
    (attempt,) = result.attempts
    assert (attempt.author, attempt.role, attempt.text) == ("the caller", "given", program)
    assert (result.usage.model_calls, result.usage.tool_calls) == (0, 1)


async def test_a_wrong_program_is_refuted_with_the_values_and_not_mended():
    result = await check(DOUBLE, "def double(x):\n    return x * x")
    assert result.abstained and result.supported_by is None and len(result.attempts) == 1
    assert (result.standings[0].state, result.standings[0].kind) == ("refuted", EvidenceClass.CONTRACT)
    assert "got 16" in result.critiques[0].feedback


@pytest.mark.parametrize(("answer", "kind", "state"), [
    ("60", "60", "supported"),
    ("4 crates of 15 jars each. The answer is 60.", "60", "supported"),
    ("answer = 4 * 15", "60", "supported"),
    ("61", "61", "refuted"),
    ("plenty", "plenty", "refuted"),
])
async def test_an_answer_may_be_bare_reasoned_or_a_program(answer, kind, state):
    result = await check(COUNTED, answer)
    assert (result.answer, result.standings[0].state) == (kind, state)


async def test_without_a_check_that_could_fail_nothing_supports_it():
    result = await check(Task(JARS, "math"), "60")
    assert (result.answer, result.supported_by, result.abstained) == ("60", None, True)


async def test_the_models_opinion_of_it_is_an_opinion():
    result = await check("Who wrote Faust?", "Goethe", '{"feedback": "", "verdict": "accept"}', require="opinion")
    assert (result.kind, result.supported_by, result.abstained) == ("text", EvidenceClass.OPINION, False)
    assert result.usage.model_calls == 1


async def test_it_can_be_reviewed_by_one_critic_alone_and_so_it_is_replayed():
    journal = SqliteJournal(None)
    agent, model = make('{"feedback": "no", "verdict": "revise"}', journal=journal)
    async with agent:
        result = await agent.averify(COUNTED, "60", critics=("self-critique",), run_id="one")
        again = await agent.areplay("one")
        with pytest.raises(UnknownNameError, match="self-kritik"):
            await agent.averify(COUNTED, "60", critics=("self-kritik",))
    model.assert_done()
    assert [c.critic for c in result.critiques] == ["self-critique"]
    assert (result.standings[0].state, result.standings[0].kind) == ("refuted", EvidenceClass.OPINION)
    assert again.critiques == result.critiques


async def test_a_model_that_can_not_be_had_is_missed_only_by_critics_that_ask_it():
    class Away:
        @hookimpl
        def agentfix_register_models(self, register):
            register("away", lambda build: self.missing())

        def missing(self):
            raise ModelUnavailableError("The model is away.")

    program = "def double(x):\n    return 2 * x"
    assert (await check(DOUBLE, program, extra={"away": Away()}, model="away:")).supported_by is EvidenceClass.CONTRACT
    result = await check("Who wrote Faust?", "Goethe", extra={"away": Away()}, model="away:")
    assert (result.answer, result.abstained, result.stop_reason) == ("Goethe", True, "failed: The model is away.")


async def test_an_empty_answer_is_the_callers_mistake():
    agent, _ = make()
    async with agent:
        with pytest.raises(InputError, match="answer is empty"):
            await agent.averify(JARS, " \n")


async def test_a_check_can_be_replayed_and_forked_and_taken_up_again():
    journal = SqliteJournal(None)
    agent, _ = make(journal=journal)
    async with agent:
        first = await agent.averify(DOUBLE, "def double(x):\n    return x * x", run_id="one")
        again = await agent.areplay("one")
        assert again.standings == first.standings and again.attempts == first.attempts
        forked = await agent.afork("one", 0, seed=3)
        assert forked.standings == first.standings and forked.run_id != "one"
        resumed = await agent.aresume("one")
        assert resumed.standings == first.standings


async def test_a_check_that_was_cut_off_goes_on_with_the_same_answer():
    class Interrupted(BaseException):
        pass

    asked = []

    class Strict:
        name = "strict"

        async def review(self, task, attempts, context):
            asked.append(attempts[0].answer)
            if len(asked) == 1:
                raise Interrupted
            said = Evidence(EvidenceClass.PERSON, "supports", "a person says so", "Ann", "person")
            return [Critique(attempts[0].id, "strict", "accept", "", (said,))]

    class Brings:
        @hookimpl
        def agentfix_register_critics(self, register):
            register("strict", lambda build: Strict())

    journal = SqliteJournal(None)
    agent, _ = make(journal=journal, extra={"brings": Brings()}, critics=("strict",))
    async with agent:
        with pytest.raises(Interrupted):
            await agent.averify(COUNTED, "60", run_id="one")
        result = await agent.aresume("one")
    assert asked == ["60", "60"] and result.answer == "60"


def test_it_can_be_called_without_an_event_loop():
    agent, _ = make()
    with agent:
        assert agent.verify(COUNTED, "60").supported_by is EvidenceClass.CONTRACT
