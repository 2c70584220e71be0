"""What moves do besides drawing attempts: going on from steps, reflecting, being made together; and what is learnt."""

from __future__ import annotations

import json

import pytest

from agentfix import (
    Agent,
    Critique,
    Expand,
    Plugins,
    Reflect,
    Review,
    Settings,
    Stop,
    Task,
    first_steps,
    hookimpl,
    steps_of,
)
from agentfix.testing import PlainKind, ScriptedModel, script_plugin

REASONED = "Known: 3 boxes of 4.\n\n3 times 4 is 13.\n\nThe answer is 13"


class Fixed:
    """A strategy that decides what it was told, and learns how many attempts there were."""

    name = "fixed"

    def __init__(self, decisions):
        self.decisions, self.seen, self.remembered = decisions, [], []

    def decide(self, tree, budget, memory, seed):
        self.seen.append(tree)
        self.remembered.append(dict(memory))
        known = len(tree.attempts) + len(tree.reflections)
        return self.decisions.get(known, [Stop("that is all", tree.best)])

    def learn(self, tree, memory):
        return {"runs": memory.get("runs", 0) + 1, "attempts": len(tree.attempts)}

    @hookimpl
    def agentfix_register_strategies(self, register):
        register("fixed", lambda build: self, "")


async def run(decisions, replies, folder=None, task=None, **changes):
    strategy, model = Fixed(decisions), ScriptedModel(replies)
    stored = {"data_dir": folder, "journal": "file"} if folder else {"journal": "memory"}
    settings = Settings(model="scripted:", sandbox="embedded", strategy="fixed", **stored, **changes)
    plugins = Plugins(settings, extra={"script": script_plugin(model), "fixed": strategy}, installed=True)
    async with Agent(settings, plugins) as agent:
        result = await agent.arun(task or Task("How many are 3 boxes of 4?", "math"))
    return result, strategy, model


async def test_an_attempt_goes_on_from_the_steps_that_are_kept():
    moves = {0: [Expand(role="derivation")], 1: [Expand(parent=0, keep_steps=1, guidance="3 times 4 is not 13.")]}
    result, _, model = await run(moves, [REASONED, "3 times 4 is 12.\n\nThe answer is 12"])
    assert result.attempts[1].text == "Known: 3 boxes of 4.\n\n3 times 4 is 12.\n\nThe answer is 12"
    assert (result.attempts[1].answer, result.attempts[1].role) == ("12", "derivation")
    kept, told = model.requests[1].messages[-2:]
    assert (kept.role, kept.content) == ("assistant", "Known: 3 boxes of 4.")
    assert told.content.startswith("3 times 4 is not 13. Go on from exactly there.")


async def test_a_model_that_begins_anew_is_not_quoted_twice():
    moves = {0: [Expand(role="derivation")], 1: [Expand(parent=0, keep_steps=1)]}
    again = "Known: 3 boxes of 4.\n\nSo 12.\n\nThe answer is 12"
    result, _, _ = await run(moves, [REASONED, again])
    assert result.attempts[1].text == again


async def test_a_program_goes_on_inside_its_block():
    begun = "```python\ndef solution():\n    boxes = 3\n    return boxes * 5\n```"
    moves = {0: [Expand()], 1: [Expand(parent=0, keep_steps=3)]}
    result, _, _ = await run(moves, [begun, "```python\n    each = 4\n    return boxes * each\n```"])
    assert result.attempts[1].answer == "12"
    assert result.attempts[1].text.count("```python") == 1


async def test_one_step_is_the_beginning_of_an_attempt_and_no_refuted_answer():
    moves = {0: [Expand(role="derivation", one_step=True)],
             1: [Expand(parent=0, keep_steps=1, one_step=True)],
             2: [Expand(parent=1, keep_steps=2)]}
    steps = ["Known: 3 boxes of 4.", "3 times 4 is 12.", "The answer is 12"]
    result, strategy, model = await run(moves, steps)
    assert [a.unfinished for a in result.attempts] == [True, True, False]
    assert [a.text.count("\n\n") for a in result.attempts] == [0, 1, 2]
    assert "\n\n" in model.requests[0].sampling.stop
    assert strategy.seen[1].standings[0].state == "unsupported", "an unfinished attempt is not refuted"
    assert (result.best, result.answer) == (2, "12")


async def test_a_run_of_unfinished_attempts_has_no_answer():
    result, _, _ = await run({0: [Expand(role="derivation", one_step=True)]}, ["Known: 3 boxes of 4."])
    assert (result.answer, result.abstained) == (None, True)


async def test_an_attempt_that_acts_is_revised_as_a_whole():
    moves = {0: [Expand()], 1: [Expand(parent=0, keep_steps=1, one_step=True)]}
    said = ['{"thought": "", "answer": "12"}'] * 8
    result, _, _ = await run(moves, said, task=Task("How many are 3 boxes of 4?", "tools"), max_rounds=2)
    assert not result.stop_reason.startswith("failed"), result.stop_reason
    assert [a.unfinished for a in result.attempts] == [False, False]


async def test_a_reflection_is_kept_for_later_moves_and_is_no_evidence():
    told = Reflect("lesson", "Say in one sentence what to do better.", (0,))
    moves = {0: [Expand()], 1: [told], 2: [Expand(guidance="Multiply.")]}
    result, strategy, model = await run(moves, ["nothing", " Multiply the boxes. ", "```python\nanswer = 12\n```"])
    [reflection] = strategy.seen[-1].reflections
    assert (reflection.name, reflection.attempts, reflection.text) == ("lesson", (0,), "Multiply the boxes.")
    asked = model.requests[1].messages[-1].content
    assert "How many are 3 boxes of 4?" in asked
    assert "it gives no answer" in asked, "what checks said of the attempt is shown"
    assert model.requests[2].messages[-1].content.endswith("Keep in mind:\nMultiply.")
    assert not [c for c in result.critiques if c.critic not in ("engine", "agreement")]


async def test_attempts_of_one_decision_are_made_together_in_their_order():
    moves = {0: [Expand(), Expand(role="derivation"), Review((0, 1))]}
    moves[0].pop()
    result, _, model = await run(moves, ["```python\nanswer = 12\n```", "The answer is 12"])
    assert [(a.id, a.role, a.answer) for a in result.attempts] == [(0, "program", "12"), (1, "derivation", "12")]
    assert len(model.requests) == 2


async def test_attempts_made_together_stay_within_the_rounds():
    result, _, _ = await run({0: [Expand(), Expand(), Expand()]}, ["The answer is 1"] * 2, max_rounds=2)
    assert len(result.attempts) == 2
    assert result.stop_reason == "budget: rounds"


async def test_what_a_strategy_learns_outlasts_the_run(tmp_path):
    one = {0: [Expand()]}
    await run(one, ["```python\nanswer = 12\n```"], tmp_path)
    _, strategy, _ = await run(one, ["```python\nanswer = 12\n```"], tmp_path)
    assert strategy.remembered[0] == {"runs": 1, "attempts": 1}
    _, strategy, _ = await run(one, ["The answer is 2"], tmp_path, task=Task("What is 1 and 1?", "text"))
    assert strategy.remembered[0] == {}, "each kind of task has a memory of its own"


async def test_nothing_is_remembered_where_it_is_not_wanted(tmp_path):
    one = {0: [Expand()]}
    await run(one, ["```python\nanswer = 12\n```"], tmp_path, memory=False)
    _, strategy, _ = await run(one, ["```python\nanswer = 12\n```"], tmp_path)
    assert strategy.remembered[0] == {}


async def test_a_run_that_is_resumed_remembers_what_it_began_with_and_learns_once(tmp_path):
    strategy = Fixed({0: [Expand()]})
    model = ScriptedModel(["```python\nanswer = 12\n```"])
    settings = Settings(model="scripted:", sandbox="embedded", strategy="fixed", data_dir=tmp_path)
    plugins = Plugins(settings, extra={"script": script_plugin(model), "fixed": strategy})
    async with Agent(settings, plugins) as agent:
        await agent.memory.learn("fixed", "math", lambda held: {"runs": 7})
        await agent.arun(Task("How many are 3 boxes of 4?", "math"), run_id="one")
        await agent.memory.learn("fixed", "math", lambda held: {**held, "runs": 100})
        await agent.aresume("one")
        assert {each["runs"] for each in strategy.remembered} == {7}
        assert (await agent.memory.recall("fixed", "math"))["runs"] == 100


async def test_a_recorded_run_is_replayed_with_what_it_remembered(tmp_path):
    file, fixed = tmp_path / "two.jsonl", {0: [Expand()]}
    for question in ("3 times 4?", "3 times 5?"):
        await run(fixed, ["12"], tmp_path, Task(question, "text"), record=file)

    async def replayed(question):
        strategy = Fixed(fixed)
        settings = Settings(model=f"replay:{file}", strategy="fixed", journal="memory", sandbox="embedded")
        async with Agent(settings, Plugins(settings, extra={"fixed": strategy}, installed=True)) as agent:
            await agent.arun(Task(question, "text"))
        return strategy.remembered[0]

    assert await replayed("3 times 4?") == {}
    assert await replayed("3 times 5?") == {"runs": 1, "attempts": 1}
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    for odd in (5, [], None, {"strategy": "fixed"}, {"strategy": "fixed", "held": [1]}):
        for line in lines:
            if "memory" in line.get("header", {}):
                line["header"]["memory"] = odd
        file.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
        assert await replayed("3 times 5?") == {}, odd


class Silent:
    """A critic that says nothing, and a kind with no critic at all."""

    name = "silent"

    def __init__(self):
        self.asked = []

    async def review(self, task, attempts, context):
        self.asked += [attempt.id for attempt in attempts]
        return []

    @hookimpl
    def agentfix_register_critics(self, register):
        register("silent", lambda build: self, "")

    @hookimpl
    def agentfix_register_kinds(self, register):
        register("plain", lambda build: PlainKind(), "")


@pytest.mark.parametrize("strategy", ["critic", "best-of-n:2", "selective:2", "rewind", "debate:1:silent"])
@pytest.mark.parametrize("critics", [("silent",), ()], ids=["a silent critic", "no critic"])
async def test_who_says_nothing_is_not_asked_again(strategy, critics):
    silent, model = Silent(), ScriptedModel([lambda request: f"answer {len(model.requests)}"] * 40)
    settings = Settings(model="scripted:", strategy=strategy, kind="plain", critics=critics, journal="memory",
                        sandbox="embedded", max_rounds=4)
    async with Agent(settings, Plugins(settings, {"script": script_plugin(model), "silent": silent})) as agent:
        result = await agent.arun("Which?")
    assert result.stop_reason != "no progress"
    assert sorted(set(silent.asked)) == sorted(silent.asked), "once for each attempt"


async def test_a_score_outside_0_to_1_names_its_critic():
    class Keen:
        name = "keen"

        async def review(self, task, attempts, context):
            return [Critique(a.id, self.name, "accept", score=1.5) for a in attempts]

        @hookimpl
        def agentfix_register_critics(self, register):
            register("keen", lambda build: self, "")

    keen = Keen()
    settings = Settings(model="scripted:", sandbox="embedded", strategy="best-of-n:1", critics=("keen",),
                        journal="memory")
    extra = {"script": script_plugin(ScriptedModel(["12", "fine"])), "keen": keen}
    async with Agent(settings, Plugins(settings, extra=extra)) as agent:
        result = await agent.arun(Task("3 times 4?", "text"))
    assert "'keen'" in result.stop_reason
    assert "score 1.5" in result.stop_reason


@pytest.mark.parametrize(("text", "steps"), [
    ("", ()),
    ("one line", ("one line",)),
    ("one\ntwo\n", ("one", "two")),
    ("a\nb\n\nc", ("a\nb", "c")),
    ("```python\nx = 1\n\ny = 2\n```", ("```python", "x = 1", "y = 2", "```")),
])
def test_steps_are_paragraphs_or_else_lines(text, steps):
    assert steps_of(text) == steps
    assert first_steps(text, len(steps)).split() == text.split()
    assert first_steps(text, 0) == ""


@pytest.mark.parametrize(("lesson", "voices"), [("Multiply.", 2), ("It is 12, not 13.", 1), ("Count to 120.", 2)])
async def test_an_attempt_that_was_told_an_earlier_answer_is_no_independent_voice(lesson, voices):
    moves = {0: [Expand()], 1: [Expand(guidance=lesson, temperature=0.7)]}
    result, _, _ = await run(moves, ["```python\nanswer = 12\n```"] * 2)
    assert [a.told for a in result.attempts] == [False, voices == 1]
    assert (result.supported_by is not None) == (voices == 2)


@pytest.mark.parametrize(("strategy", "told"), [("none", True), ("best-of-n:1", False)])
async def test_a_critic_that_was_named_and_never_asked_is_told_of(strategy, told):
    settings = Settings(model="scripted:", strategy=strategy, critics=("if-or-else",), kind="math", journal="memory",
                        sandbox="embedded")
    model = ScriptedModel(["```python\nanswer = 12\n```", *([] if told else ["Confident"])])
    seen = []
    async with Agent(settings, Plugins(settings, {"script": script_plugin(model)})) as agent:
        await agent.arun("How many are 3 boxes of 4?", on_event=seen.append)
    said = [event.data["message"] for event in seen if event.kind == "notice"]
    assert any("Never asked about an attempt: if-or-else" in message for message in said) == told
