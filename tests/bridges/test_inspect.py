"""The bridge to Inspect: whole evaluations; only the agent's model is scripted."""

from __future__ import annotations

import gc

import pytest

pytest.importorskip("inspect_ai", reason="inspect-ai is not installed: pip install 'agentfix[inspect]'")

from inspect_ai import Task as Evaluation
from inspect_ai import eval as evaluate
from inspect_ai.dataset import Sample
from inspect_ai.model import ChatMessageAssistant, ChatMessageSystem, ChatMessageUser, ContentImage
from inspect_ai.scorer import match
from inspect_ai.solver import prompt_template

from agentfix import Agent, ModelError, Settings
from agentfix.bridges.inspect import agentfix_solver
from agentfix.plugins import Plugins
from agentfix.testing import ScriptedModel, script_plugin

pytestmark = pytest.mark.filterwarnings("default")  # Inspect's own
JARS = "A crate holds 15 jars. How many jars are in 4 crates?"
PROGRAM = "```python\nanswer = 15 * 4\n```"
DERIVED = "15 * 4 = 60.\nThe answer is 60."


@pytest.fixture
def evaluated(tmp_path):
    """Evaluates samples with an agent whose model says these things; gives the log and what the model was asked."""

    def run(script, *samples, before=(), **options):
        settings = Settings(model="scripted:", sandbox="embedded", journal="memory", data_dir=tmp_path)
        model = ScriptedModel(script)
        with Agent(settings, Plugins(settings, {"script": script_plugin(model)})) as agent:
            solvers = [*before, agentfix_solver(agent, **options)]
            task = Evaluation(dataset=list(samples), solver=solvers, scorer=match(numeric=True))
            (log,) = evaluate(task, model="mockllm/model", log_dir=str(tmp_path / "logs"), display="none")
        return log, model

    yield run
    gc.collect()  # what Inspect leaves unclosed warns here, and not within another test


def test_an_answer_is_scored_and_comes_with_what_supports_it(evaluated):
    log, model = evaluated([PROGRAM, DERIVED], Sample(JARS, target="60"))
    assert log.status == "success" and log.results.scores[0].metrics["accuracy"].value == 1
    (sample,) = log.samples
    assert sample.output.completion == sample.messages[-1].text == "60"
    assert sample.output.metadata["supported_by"] == "agreement" and sample.output.metadata["abstained"] is False
    assert sample.output.usage.output_tokens > 0
    attempts = sample.store["agentfix"]["attempts"]
    assert [(a["role"], a["answer"], a["standing"]) for a in attempts] == [
        ("program", "60", "supported by agreement"), ("derivation", "60", "supported by agreement")]
    assert attempts[0]["evidence"][0]["summary"] == "2 of 2 independent attempts give 60"
    assert "60" not in model.requests[0].messages[-1].content, "the target is not shown"


def test_what_other_solvers_and_the_conversation_say_reaches_the_agent(evaluated):
    conversation = [ChatMessageSystem(content="Count with care."), ChatMessageUser(content="A crate holds 15 jars."),
                    ChatMessageAssistant(content="I see."), ChatMessageUser(content="How many are in 4 crates?")]
    log, model = evaluated([PROGRAM, DERIVED], Sample(conversation, target="60"),
                           before=[prompt_template("{prompt} Be brief.")], kind="math")
    assert log.samples[0].output.completion == "60"
    asked = model.requests[0].messages[-1].content
    for said in ("Count with care.", "user: A crate holds 15 jars.", "assistant: I see.",
                 "How many are in 4 crates? Be brief."):
        assert said in asked


@pytest.mark.parametrize("sample", [
    pytest.param(Sample(JARS, choices=["50", "60"], target="B"), id="choices"),
    pytest.param(Sample([ChatMessageUser(content=[ContentImage(image="data:image/png;base64,AA==")])], target="1"),
                 id="picture"),
])
def test_what_an_agent_would_not_see_is_an_error_of_the_sample(evaluated, sample):
    log, model = evaluated([], sample)
    assert log.status == "error" and ("choices" in log.error.message or "more than text" in log.error.message)
    assert model.requests == []


def test_a_run_that_fails_is_an_error_of_the_sample(evaluated):
    log, _ = evaluated([ModelError("The model went away.")], Sample(JARS, target="60"))
    assert log.status == "error" and "The model went away." in log.error.message
