"""A first answer is contradicted in real runs, with the embedded sandbox and a scripted model."""

from __future__ import annotations

import pytest

from agentfix import Agent, EvidenceClass, Result, Settings, Task
from agentfix.journal import SqliteJournal
from agentfix.plugins import Plugins
from agentfix.testing import ScriptedModel, script_plugin

JARS = Task("A crate holds 15 jars. How many jars are in 4 crates?", "math")


def program(number: int) -> str:
    return f"```python\nanswer = {number}\n```"


def derived(number: int) -> str:
    return f"4 crates of 15 jars each. The answer is {number}."


async def contradicted(strategy: str, *steps: str, task: Task = JARS) -> tuple[Result, ScriptedModel]:
    model = ScriptedModel(steps)
    settings = Settings(model="scripted:", sandbox="embedded", strategy=strategy)
    plugins = Plugins(settings, {"script": script_plugin(model)})
    async with Agent(settings, plugins, journal=SqliteJournal(None)) as agent:
        result = await agent.arun(task)
    model.assert_done()
    return result, model


async def test_a_right_answer_is_not_given_up_because_somebody_says_so() -> None:
    result, model = await contradicted("objection:No: it is 61.", program(60), program(61), derived(60))
    assert [a.answer for a in result.attempts] == ["60", "61", "60"]
    assert (result.answer, result.supported_by) == ("60", EvidenceClass.AGREEMENT)
    assert model.requests[1].messages[-1].content.startswith("No: it is 61.")


async def test_a_wrong_answer_is_given_up_when_fresh_attempts_bear_the_objection_out() -> None:
    result, _ = await contradicted("objection:No: it is 60.", program(19), program(60), derived(60),
                                   *[program(60)] * 3, *[derived(60)] * 3)
    assert (result.attempts[0].answer, result.answer, result.supported_by) == ("19", "60", EvidenceClass.AGREEMENT)


@pytest.mark.parametrize("strategy", ["objection", "objection:"])
async def test_without_words_of_its_own_it_only_doubts(strategy: str) -> None:
    _, model = await contradicted(strategy, program(60), program(60), derived(60))
    assert "Please check it." in model.requests[1].messages[-1].content
