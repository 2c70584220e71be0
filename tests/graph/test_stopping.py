"""What a strategy may still say when it stops: which of equals to return, and that it would rather not answer."""

from __future__ import annotations

import pytest

from agentfix import Agent, Critique, Evidence, EvidenceClass, Expand, Plugins, Review, Settings, Stop, Task, hookimpl
from agentfix.testing import ScriptedModel, script_plugin


class Ending:
    """A strategy that draws two answers, has what was asked for reviewed, and stops as it is told; and its critic."""

    name = "ending"

    def __init__(self, stop, review=False):
        self.stop, self.wants_review = stop, review

    def decide(self, tree, budget, memory, seed):
        if len(tree.attempts) < 2:
            return [Expand(temperature=0.7 * len(tree.attempts))]
        if self.wants_review and "ending" not in {c.critic for c in tree.critiques_of(0)}:
            return [Review((0, 1), ("ending",))]
        return [self.stop]

    async def review(self, task, attempts, context):
        seen = Evidence(EvidenceClass.MEASUREMENT, "supports", "it was seen", "gauge", "instrument")
        return [Critique(0, "ending", "accept", "", (seen,))]

    @hookimpl
    def agentfix_register_strategies(self, register):
        register("ending", lambda build: self, "")

    @hookimpl
    def agentfix_register_critics(self, register):
        register("ending", lambda build: self, "")


async def run(stop, replies=("Rome", "Oslo"), *, review=False, **limits):
    settings = Settings(model="scripted:", strategy="ending", journal="memory", sandbox="embedded", **limits)
    extra = {"script": script_plugin(ScriptedModel(replies)), "ending": Ending(stop, review)}
    async with Agent(settings, Plugins(settings, extra=extra)) as agent:
        return await agent.arun(Task("Which city?", "text"))


async def test_of_answers_that_evidence_holds_equal_the_proposed_one_is_returned():
    assert (await run(Stop("the second is meant", 1))).answer == "Oslo"
    assert (await run(Stop("neither is meant"))).answer == "Rome"


async def test_evidence_is_stronger_than_a_proposal():
    result = await run(Stop("the second is meant", 1), review=True)
    assert (result.answer, result.supported_by) == ("Rome", EvidenceClass.MEASUREMENT)


@pytest.mark.parametrize("proposed", [-1, 7])
async def test_what_was_never_attempted_can_t_be_returned(proposed):
    assert (await run(Stop("that one", proposed))).answer == "Rome"


async def test_an_empty_answer_is_not_preferred_to_another_that_is_refuted_too():
    assert (await run(Stop("the second is meant", 1), ("", ""))).answer is None
    assert (await run(Stop("the second is meant", 1), ("Rome", ""))).answer == "Rome"


async def test_a_strategy_may_decline_whatever_supports_the_answer():
    result = await run(Stop("too little is known", 0, abstain=True), review=True)
    assert (result.abstained, result.declined, result.stop_reason) == (True, True, "too little is known")
    assert (result.answer, result.supported_by) == ("Rome", EvidenceClass.MEASUREMENT)


async def test_at_a_limit_a_strategy_may_still_decline():
    result = await run(Stop("too little is known", abstain=True), max_model_calls=2)
    assert (result.declined, result.stop_reason) == (True, "budget: model_calls; too little is known")


async def test_at_a_limit_nothing_else_that_it_says_is_heeded():
    result = await run(Stop("the second is meant", 1), max_model_calls=2)
    assert (result.declined, result.stop_reason, result.answer) == (False, "budget: model_calls", "Rome")


async def test_declining_outlasts_the_run(tmp_path):
    settings = Settings(model="scripted:", strategy="ending", data_dir=tmp_path, sandbox="embedded")
    extra = {"script": script_plugin(ScriptedModel(["Rome", "Oslo"])), "ending": Ending(Stop("no", abstain=True))}
    async with Agent(settings, Plugins(settings, extra=extra)) as agent:
        await agent.arun(Task("Which city?", "text"), run_id="one")
        again = await agent.aresume("one")
        assert again.declined
        assert (await (await agent.open_journal()).records("one", "result"))[-1]["declined"] is True
