"""What may be said of a program from its checks: only what they can show."""

from __future__ import annotations

import pytest
from agentfix_plugins.critic.harness import assertions_in, build
from agentfix_plugins.critic.program import OURS

from agentfix import Agent, Check, EvidenceClass, InputError, Observation, Settings, Task
from agentfix.journal import SqliteJournal
from agentfix.plugins import Plugins
from agentfix.testing import ScriptedModel, script_plugin

WRONG = "def f(x):\n    return 'wrong'"
RIGHT = "def f(x):\n    return 2 * x"


async def best_of_one(reply, check, kind="code"):
    settings = Settings(model="scripted:", sandbox="embedded", strategy="best-of-n:1")
    plugins = Plugins(settings, {"script": script_plugin(ScriptedModel([reply]))})
    async with Agent(settings, plugins, journal=SqliteJournal(None)) as agent:
        return await agent.arun(Task("Double a number.", kind, (Check(check),)))


def block(program):
    return f"```python\n{program}\n```"


@pytest.mark.parametrize("check", [
    "", "# assert f(2) == 4", '"""f(2) is 4"""', "import math", "def check(candidate):\n    assert candidate(2) == 4",
    "class TestF:\n    def test_a(self):\n        assert f(2) == 4",
])
async def test_checks_that_can_not_fail_are_refused(check):
    assert build(WRONG, [check]).count == 0
    with pytest.raises(InputError, match="check nothing"):
        await best_of_one(block(WRONG), check)


@pytest.mark.parametrize("check", ["if f(2) == 4:\n    pass", "if True:\n    def check():\n        assert False"])
async def test_checks_that_check_nothing_support_nothing(check):
    assert build(WRONG, [check]).count == 0
    result = await best_of_one(block(WRONG), check)
    assert result.supported_by is None
    said = [critique for critique in result.critiques if critique.critic == "tests"]
    assert [(each.verdict, each.feedback) for each in said] == [("abstain", "the caller's checks check nothing")]


@pytest.mark.parametrize("check", [
    "assert f(2) == 4", "if f(2) != 4:\n    raise ValueError", "for x in (1, 2):\n    assert f(x) == 2 * x",
    "try:\n    f()\nexcept TypeError:\n    pass\nelse:\n    raise ValueError",
    "def test_a():\n    assert f(2) == 4\ntest_a()",
    "from __future__ import annotations\nassert f(2) == 4", "assert f(2) == 4" + " + 0" * 3000,
])
async def test_checks_that_can_fail_support_a_program_that_passes(check):
    assert build(RIGHT, [check]).count == 1
    if len(check) < 1000:
        assert (await best_of_one(block(RIGHT), check)).supported_by is EvidenceClass.CONTRACT


@pytest.mark.parametrize("end", ["@lambda g: (lambda: None)", "x = 1 \\", "if True:", "x = (", '"""', "x = 1\0"])
async def test_a_program_that_is_no_whole_program_is_at_fault_itself(end):
    harness = build(f"{RIGHT}\n{end}", ["def test_a():\n    assert f(2) == 5\ntest_a()"])
    assert harness.broken is not None and harness.broken.in_program and not harness.runnable
    result = await best_of_one(block(f"{WRONG}\n{end}"), "def test_a():\n    assert f(2) == 4\ntest_a()")
    assert (result.standings[0].state, result.standings[0].kind) == ("refuted", EvidenceClass.MEASUREMENT)


async def test_a_program_that_reads_the_token_of_its_checks_is_refused():
    cheat = ("import linecache, re\nsource = ''.join(linecache.getlines('<program>'))\n"
             "_checks_passed = re.findall(r\"'([0-9a-f]{24})'\", source)[-1]\nraise SystemExit")
    result = await best_of_one(block(f"{WRONG}\n{cheat}"), "assert f(2) == 4")
    assert result.standings[0].state == "refuted" and "_checks_passed" in result.standings[0].reason


def test_only_examples_are_kept_of_a_models_tests():
    kept = ["assert f(1) == 2", "assert f(2, key=[-1]) == {'a': 1}", "assert 4 == f(2)", "assert f(0) is None"]
    dropped = ["assert f(1) == f(1)", "assert f(1) or True", "assert (lambda: f(2))", "assert f(3) is not None",
               "assert f(1)", "assert not f(1)", "assert f(y) == 2", "assert g(f(1)) == 2", "assert f(1) == 2",
               "assert f(*[1]) == 2", "print(f(1) == 2)"]
    assert assertions_in(block("\n".join(kept + dropped)), "f") == kept


def test_a_models_test_that_is_too_deep_is_no_error():
    assert assertions_in(block("assert f(1) == " + "+".join(["1"] * 4000)), "f") == []


@pytest.mark.parametrize(("kind", "check"), [("text", "assert '42' in answer"), ("math", "assert answer + 1 == 43")])
async def test_checks_get_a_number_only_where_one_was_asked_for(kind, check):
    reply = "42" if kind == "text" else block("answer = 42")
    assert (await best_of_one(reply, check, kind)).supported_by is EvidenceClass.CONTRACT


async def test_an_answer_is_not_blamed_for_a_tool_that_is_not_there():
    settings = Settings(model="scripted:", sandbox="embedded", strategy="best-of-n:1", disabled_plugins=("python",))
    plugins = Plugins(settings, {"script": script_plugin(ScriptedModel([block("answer = 17")]))})
    async with Agent(settings, plugins, journal=SqliteJournal(None)) as agent:
        result = await agent.arun(Task("How much is 5 + 12?", "math", (Check("assert answer == 17"),)))
    observation = result.attempts[0].observation
    assert isinstance(observation, Observation) and observation.status == "missing"
    assert result.standings[0].state != "refuted"
    assert {"fault", "missing"} <= OURS


@pytest.mark.parametrize(("body", "held"), [("x + 1", 0), ("x", 1 / 3), ("x * x", 2 / 3)])
async def test_a_program_that_fails_later_than_another_came_nearer(body, held):
    checks = "assert f(0) == 0\nassert f(2) == 4\nassert f(3) == 6"
    result = await best_of_one(block(f"def f(x):\n    return {body}"), checks)
    [refuted] = [evidence for critique in result.critiques for evidence in critique.evidence]
    assert refuted.weight == pytest.approx(1 - held)
