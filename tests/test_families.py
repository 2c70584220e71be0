"""Families of models, and the notice when a judge may favour what it judges."""

from __future__ import annotations

import pytest

from agentfix import Agent, Plugins, Settings, Task, hookimpl
from agentfix.families import same_family
from agentfix.testing import ScriptedModel, script_plugin

CODER = "llamacpp:qwen2.5-coder-1.5b"
ACCEPTS = '{"feedback": "", "verdict": "accept"}'


@pytest.mark.parametrize(("a", "b", "same"), [
    (CODER, "llamacpp:qwen2.5-coder-0.5b", True),
    (CODER, "openai:Qwen/Qwen3-8B", True),
    (CODER, "llamacpp:bartowski/Qwen2.5-7B-GGUF:Qwen2.5-7B-Q4_K_M.gguf", True),
    (CODER, "llamacpp:/models/qwen2.5-7b.gguf", True),
    (CODER, "llamacpp:smollm2-135m", False),
    ("openai:gpt-4.1-mini", "openai:gpt-4o", True),
    ("openai:gpt-4.1-mini", "openai:o3-mini", True),
    ("openai:mixtral-8x7b", "openai:mistralai/Mistral-7B", True),
    ("openai:ft:gpt-4o-mini:us:one:x1", "openai:gpt-4o", True),
    ("openai:llama3:latest", "openai:qwen3:latest", False),
    ("llama3:8b", "openai:llama3.2:3b", True),
    ("openai:meta-llama/Llama-3.1-8B", "openai:mistralai/Mistral-7B", False),
    ("7", "8", False),
    ("7", "7", True),
])
def test_models_are_of_one_family_by_their_names(a, b, same):
    assert same_family(a, b) is same
    assert same_family(b, a) is same


class Judge:
    """A plugin with a second model, for the critics."""

    def __init__(self, model):
        self.model = model

    @hookimpl
    def agentfix_register_models(self, register):
        register("judging", lambda build: self.model, "")


async def notices(replies, judgements, *, judge="qwen3-8b", **chosen):
    """What a run says besides its result."""
    actor, other = ScriptedModel(replies, name=CODER), ScriptedModel(judgements, name=judge)
    settings = Settings(**{"model": "scripted:", "critic_model": "judging:", "kind": "text", "sandbox": "embedded",
                           "strategy": "self-refine", "journal": "memory", **chosen})
    plugins = Plugins(settings, extra={"script": script_plugin(actor), "judge": Judge(other)})
    async with Agent(settings, plugins) as agent:
        return [e.data["message"] async for e in agent.astream(Task("How many are 6 times 7?")) if e.kind == "notice"]


async def test_an_opinion_within_the_family_is_said_to_be_partial():
    [notice] = await notices(["42"], [ACCEPTS])
    assert notice.startswith("Only a model's opinion supports this answer, and qwen3-8b and llamacpp:qwen2.5-coder-1.5b"
                             " are of one family")


async def test_who_judges_its_own_answer_is_said_to_be_partial():
    [notice] = await notices(["42", ACCEPTS], [], critic_model=None)
    assert "llamacpp:qwen2.5-coder-1.5b judges what it wrote itself" in notice


async def test_nothing_is_said_of_a_judge_of_another_family():
    assert await notices(["42"], [ACCEPTS], judge="openai:gpt-4.1-mini") == []


async def test_nothing_is_said_where_more_than_an_opinion_supports_the_answer():
    assert await notices(["42", "42", "42"], [], strategy="self-consistency:3") == []


async def test_nothing_is_said_where_nothing_supports_the_answer():
    assert await notices(["42"], [], strategy="none") == []
