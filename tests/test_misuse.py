"""What an application may get wrong, and the sentence it gets back."""

from __future__ import annotations

from inspect import isclass, isfunction, signature

import pytest

import agentfix
from agentfix import Agent, Check, ConfigError, InputError, Output, Pool, Settings, Task, UsageError
from agentfix.journal import SqliteJournal
from agentfix.plugins import Plugins
from agentfix.testing import ScriptedModel, script_plugin


@pytest.fixture
def agent():
    settings = Settings(model="scripted:", sandbox="embedded", kind="text", strategy="none")
    with Agent(settings, Plugins(settings, {"script": script_plugin(ScriptedModel(["84"]))}),
               journal=SqliteJournal(None)) as made:
        made.run("How many?", run_id="one")
        yield made


@pytest.mark.parametrize(("use", "said"), [
    (lambda a: a.run(5), "must be a text or a Task, not of type int"),
    (lambda a: a.run(None), "not None"),
    (lambda a: a.run({"question": "How many?"}), "not a mapping"),
    (lambda a: a.run(""), "The question is empty"),
    (lambda a: a.run(Task("")), "The question is empty"),
    (lambda a: a.run(Task(5)), "The task's question is wrong"),
    (lambda a: a.run(Task("How many?", checks=("assert True",))), "The task's checks.0 is wrong"),
    (lambda a: a.run("How many?", output=5), "No answer can be parsed into 5"),
    (lambda a: a.run("How many?", output="x y"), "No answer can be parsed into 'x y'"),
    (lambda a: a.run("How many?", output=Output(int, sufficient=5)), "`sufficient` must be a function"),
    (lambda a: a.run("How many?", max_round=3), "Did you mean 'max_rounds'"),
    (lambda a: a.run("How many?", max_rounds="many"), "'max_rounds' is wrong"),
    (lambda a: a.run("How many?", seed="x"), "'seed' is wrong"),
    (lambda a: a.run("How many?", data_dir="/tmp/other"), "One run can't have another 'data_dir'"),
    (lambda a: a.fork("one", 1, journal="memory"), "A run can have its own: critic_model, critics"),
    (lambda a: a.run("How many?", strategy="critik"), "Did you mean 'critic'"),
    (lambda a: a.run("How many?", strategy=5), "'strategy' is wrong"),
    (lambda a: a.run("How many?", run_id=5), "The name of a run must be a text, not 5"),
    (lambda a: a.run("How many?", run_id=""), "The name of a run must be a text, not ''"),
    (lambda a: a.run("How many?", on_event="print"), "on_event must be a function"),
    (lambda a: list(a.stream(5)), "must be a text or a Task"),
    (lambda a: a.verify("How many?", None), "The answer must be a text, not None"),
    (lambda a: a.verify("How many?", " "), "The answer is empty"),
    (lambda a: a.verify("How many?", "84", critics=("schemas",)), "Did you mean 'schema'"),
    (lambda a: a.verify("How many?", "84", critics="schema"), "critics must be a list"),
    (lambda a: a.run(Task("How many?", checks="assert True")), "checks=(Check("),
    (lambda a: a.run(Task("How many?", checks=(Check("assert (answer"),))), "check is not valid Python"),
    (lambda a: a.run(Task("How many?", checks=(Check("answer == 84"), Check("")))), "checks check nothing"),
    (lambda a: a.run(Task("How many?", checks=(Check("def test_it(fixture): ..."),))), "can't be called as test_it()"),
    (lambda a: a.challenge("one", 5), "must be a Remark, not of type int"),
    (lambda a: a.challenge("one", " "), "The objection is empty"),
    (lambda a: a.challenge("one", "No.", max_round=3), "Did you mean 'max_rounds'"),
    (lambda a: a.remark("one", None), "must be a Remark, not None"),
    (lambda a: a.remark("one", "I counted them."), 'Remark("why", "supports")'),
    (lambda a: a.resume("one", max_round=3), "Did you mean 'max_rounds'"),
    (lambda a: a.resume("one", model="x"), "can't be resumed with another 'model'"),
    (lambda a: a.fork("one", "2"), "not '2'"),
    (lambda a: a.replay(5), "must be named, not 5"),
    (lambda a: a.export("sftt"), "Did you mean 'sft'"),
])
def test_misuse_is_told_in_a_sentence(agent, use, said):
    with pytest.raises(UsageError) as error:
        use(agent)
    assert said in str(error.value)


@pytest.mark.parametrize(("make", "said"), [
    (lambda: Agent({"model": "openai:x"}), "load_settings"),
    (lambda: Agent(plugins=[]), "Plugins(settings"),
    (lambda: Agent(journal="file"), "agentfix.Journal"),
    (lambda: Agent(pool=100_000), "Pool(max_tokens"),
    (lambda: Pool(max_tokens="x"), "must be a number"),
    (lambda: Pool(max_cost=float("nan")), "must be a number"),
    (lambda: Pool(max_tokens=True), "must be a number"),
    (lambda: Pool(), "Say max_tokens"),
])
def test_what_an_agent_can_not_be_made_of_is_told(make, said):
    with pytest.raises(ConfigError) as error:
        make()
    assert said in str(error.value)


@pytest.mark.parametrize(("wanted", "supported"), [(4, "contract"), (5, "None")])
def test_a_test_that_a_check_only_defines_is_called(agent, wanted, supported):
    check = Check(f"def test_it():\n    assert double(2) == {wanted}")
    task = Task("Write a function `double(x)`.", "code", checks=(check,))
    result = agent.verify(task, "def double(x):\n    return 2 * x")
    assert str(result.supported_by) == supported
    assert str(result).startswith("def double(x):\n    return 2 * x (" + ("by contract" if wanted == 4 else "not supp"))


def test_lists_are_as_good_as_tuples(agent):
    with pytest.raises(InputError, match="images"):
        agent.run(Task("How many?", images=[5]))
    assert agent.resume("one").answer == "84"


def test_the_methods_that_wait_take_what_their_twins_take():
    for name in ("run", "stream", "verify", "challenge", "remark", "resume", "fork", "replay", "export"):
        assert signature(getattr(Agent, name)).parameters == signature(getattr(Agent, f"a{name}")).parameters


def test_what_is_public_says_what_it_is():
    mute = [f"{name}.{part}" for name in agentfix.__all__ if isclass(of := getattr(agentfix, name))
            for part, value in vars(of).items() if not part.startswith("_")
            and (isfunction(value) or isinstance(value, property)) and not value.__doc__]
    assert mute == []
