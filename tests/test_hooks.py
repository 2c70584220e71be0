"""The lifecycle hooks keep their contracts: when they are called, in what order, and what a failure does."""

from __future__ import annotations

import asyncio
import re
import sys

import pytest

from agentfix import (
    Agent,
    AskPerson,
    Critique,
    Deny,
    Event,
    Observation,
    Plugins,
    Replace,
    Settings,
    ToolCall,
    ToolCalls,
    ToolSpec,
    hookimpl,
)
from agentfix.hookspecs import Hooks
from agentfix.journal import SqliteJournal
from agentfix.lifecycle import Lifecycle
from agentfix.testing import ScriptedModel, script_plugin

QUESTION = "How many jars are in 4 crates of 15?"
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


class Bell:
    """A tool, and a critic that has it called once for each attempt."""

    name = "bell"

    def __init__(self, *, side_effects=False, n=1):
        self.spec = ToolSpec("bell", "Rings n times.", SCHEMA, side_effects=side_effects)
        self.rung = []
        self.n = n

    async def run(self, arguments, context):
        self.rung.append(arguments["n"])
        return Observation("bell", "ok", f"rang {arguments['n']} times, door 4711")

    async def review(self, task, attempts, context):
        if not context.asked:
            return ToolCalls((ToolCall("bell", {"n": self.n}),))
        return [Critique(a.id, self.name, "abstain", context.asked[0].observation.text) for a in attempts]

    @hookimpl
    def agentfix_register_tools(self, register):
        register("bell", lambda build: self)

    @hookimpl
    def agentfix_register_critics(self, register):
        register("bell", lambda build: self)


class Kept(SqliteJournal):
    """Outlives the agents that use it."""

    def __init__(self):
        super().__init__(None)

    async def aclose(self):
        """Stays open."""


def hook(name, answer):
    """A plugin with one hook, which answers as told of what concerns the bell."""

    def of_bell(call, *observation):
        return answer(call, *observation) if not hasattr(call, "spec") or call.spec.name == "bell" else None

    scope = {"answer": of_bell}
    parameters = ", ".join(["call", *(["observation"] if name.endswith("after_tool_call") else [])])
    exec(f"def {name}(self, {parameters}):\n    return answer({parameters})", scope)
    return type("Plugin", (), {name: hookimpl(scope[name])})()


async def run(*plugins, bell, script=("```python\nanswer = 60\n```",), journal=None, run_id=None, approve=None,
              again=False, **chosen):
    """A run of one attempt whose critic rings the bell. Returns the result and the notices."""
    settings = Settings(**{"model": "scripted:", "sandbox": "embedded", "kind": "math", "strategy": "critic",
                           "critics": ("bell",), "max_rounds": 1, "journal": "memory", **chosen})
    model = ScriptedModel([] if again else script)
    extra = {"script": script_plugin(model), "bell": bell, **{f"p{i}": p for i, p in enumerate(plugins)}}
    said = []
    async with Agent(settings, Plugins(settings, extra), journal=journal, on_approval=approve) as agent:
        def show(event):
            if event.kind == "notice":
                said.append(event.data["message"])

        if again:
            result = await agent.aresume(run_id, on_event=show)
        else:
            result = await agent.arun(QUESTION, run_id=run_id, on_event=show)
    return result, said, model


def told(result):
    return next(c.feedback for c in result.critiques if c.critic == "bell")


def test_every_lifecycle_hook_has_a_contract_and_a_test_of_its_name():
    names = [name for name in vars(Hooks) if re.fullmatch(r"agentfix_(before|after|on)_\w+", name)]
    assert len(names) == 4
    for name in names:
        contract = getattr(Hooks, name).__doc__
        assert "exception" in contract and f"test_hook_{name}" in globals()


# --- one test for each hook: its contract -----------------------------------------------------------------------------


async def test_hook_agentfix_before_model_call():
    seen, journal = [], Kept()

    def note(call):
        seen.append((call.run_id, call.place, call.request.messages[-1].content))

    async def shout(call):
        await asyncio.sleep(0)
        message = call.request.messages[-1]
        louder = type(message)(message.role, message.content.upper())
        return type(call.request)((*call.request.messages[:-1], louder))

    _, said, model = await run(hook("agentfix_before_model_call", note), hook("agentfix_before_model_call", shout),
                               bell=Bell(), journal=journal, run_id="r")
    assert [(r, place) for r, place, _ in seen] == [("r", "a0.model")] and said == []
    assert seen[0][2].isupper()  # the latest registered is asked first
    assert model.requests[0].messages[-1].content.isupper()
    await run(hook("agentfix_before_model_call", note), bell=Bell(), journal=journal, run_id="r", again=True)
    assert len(seen) == 1  # what the journal has is not asked for


async def test_a_model_call_that_is_forbidden_ends_the_run_and_says_who_forbade_it():
    from agentfix import ModelDeniedError

    forbid = hook("agentfix_before_model_call", lambda call: Deny("not on Sundays."))
    with pytest.raises(ModelDeniedError, match=r"Plugin 'p0' forbids asking the model: not on Sundays\."):
        await run(forbid, bell=Bell())


@pytest.mark.parametrize("answer", [lambda call: 1 / 0, lambda call: "yes"])
async def test_a_failing_guard_of_model_calls_is_named_and_the_call_is_made(answer):
    _, said, model = await run(hook("agentfix_before_model_call", answer), bell=Bell())
    assert len(model.requests) == 1
    assert len(said) == 1 and said[0].startswith("Plugin 'p0': agentfix_before_model_call ")


async def test_hook_agentfix_before_tool_call():
    seen, bell = [], Bell()

    async def more(call):
        seen.append((call.call.tool, dict(call.call.arguments), call.spec.name, call.place.split(".")[2]))
        return Replace({"n": 3})

    result, said, _ = await run(hook("agentfix_before_tool_call", more), bell=bell)
    assert seen == [("bell", {"n": 1}, "bell", "bell")] and said == []
    assert bell.rung == [3] and told(result).startswith("rang 3 times")


async def test_a_tool_call_that_is_forbidden_is_not_made_and_who_asked_is_told_why():
    bell = Bell()
    later = hook("agentfix_before_tool_call", lambda call: pytest.fail("the first Deny ends it"))
    result, _, _ = await run(later, hook("agentfix_before_tool_call", lambda call: Deny("it is night.")), bell=bell)
    assert bell.rung == [] and told(result) == "'bell' was not run: plugin 'p1' forbids it: it is night."


@pytest.mark.parametrize(("says", "rung"), [(True, [1]), (False, []), (None, [])])
async def test_a_person_is_asked_when_a_plugin_says_so(says, rung):
    asked, bell = [], Bell()

    async def approve(pending, reason):
        asked.append((pending.call.tool, dict(pending.call.arguments), reason))
        return says

    result, _, _ = await run(hook("agentfix_before_tool_call", lambda call: AskPerson("it is late")), bell=bell,
                             approve=None if says is None else approve)
    assert bell.rung == rung
    if says is None:
        assert "nobody to ask: plugin 'p0': it is late" in told(result)
    else:
        assert asked == [("bell", {"n": 1}, "plugin 'p0': it is late")]


async def test_arguments_that_a_plugin_spoils_never_reach_the_tool():
    bell = Bell()
    result, _, _ = await run(hook("agentfix_before_tool_call", lambda call: Replace({"n": "many"})), bell=bell)
    assert bell.rung == [] and "A plugin changed its arguments, and they are wrong" in told(result)


@pytest.mark.parametrize(("side_effects", "rung"), [(False, [1]), (True, [])])
@pytest.mark.parametrize("answer", [lambda call: 1 / 0, lambda call: "yes"])
async def test_a_guard_of_tool_calls_that_fails_opens_no_gate(answer, side_effects, rung):
    bell = Bell(side_effects=side_effects)
    result, said, _ = await run(hook("agentfix_before_tool_call", answer), bell=bell, policy=("allow bell",))
    assert bell.rung == rung and len(said) == 1 and said[0].startswith("Plugin 'p0': agentfix_before_tool_call ")
    if side_effects:
        assert "plugin 'p0', which guards it, failed" in told(result)


async def test_what_a_plugin_does_to_what_it_is_shown_changes_nothing():
    kept, bell = [], Bell()

    def meddle(call, *observation):
        call.call.arguments["n"] = 99
        kept.append(call.call.arguments)
        for each in observation:
            each.data["door"] = "open"

    result, said, _ = await run(hook("agentfix_before_tool_call", meddle), hook("agentfix_after_tool_call", meddle),
                                bell=bell)
    assert bell.rung == [1] and len(kept) == 2 and told(result).startswith("rang 1 times") and said == []


@pytest.mark.parametrize("name", ["agentfix_before_tool_call", "agentfix_after_tool_call"])
@pytest.mark.parametrize("answer", [
    lambda call, *_: sys.exit(3),
    lambda call, *_: Replace({"n": {1}}),
    lambda call, *_: Observation("bell", "ok", None),
])
async def test_no_hook_ends_the_run(name, answer):
    bell = Bell()
    result, said, _ = await run(hook(name, answer), bell=bell)
    assert bell.rung == [1] and told(result).startswith("rang 1 times")
    assert len(said) == 1 and said[0].startswith(f"Plugin 'p0': {name} ")


async def test_hook_agentfix_after_tool_call():
    journal, bell = Kept(), Bell()

    def strike(call, observation):
        assert call.call.arguments == {"n": 1}
        return Observation(observation.tool, "ok", observation.text.replace("4711", "****"))

    result, said, _ = await run(hook("agentfix_after_tool_call", strike), bell=bell, journal=journal, run_id="r")
    assert told(result) == "rang 1 times, door ****" and said == []
    assert not any("4711" in str(call.reply) for call in await journal.calls("r"))
    again, _, _ = await run(hook("agentfix_after_tool_call", lambda call, observation: pytest.fail("called again")),
                            bell=bell, journal=journal, run_id="r", again=True)
    assert told(again) == told(result)


async def test_a_plugin_that_fails_after_a_tool_call_is_named_and_loses_nothing():
    result, said, _ = await run(hook("agentfix_after_tool_call", lambda call, observation: 1 / 0), bell=Bell())
    assert told(result) == "rang 1 times, door 4711"
    assert said == ["Plugin 'p0': agentfix_after_tool_call failed: ZeroDivisionError('division by zero')."]


async def test_hook_agentfix_on_event():
    seen, later = [], []

    class Plain:
        @hookimpl
        def agentfix_on_event(self, event):
            seen.append(event.kind)

    class Slow:
        @hookimpl
        async def agentfix_on_event(self, event):
            await asyncio.sleep(0)
            later.append(event.kind)

    class Broken:
        @hookimpl
        def agentfix_on_event(self, event):
            raise ValueError("no")

    class Forgetful:
        @hookimpl
        def agentfix_on_event(self, event):
            return asyncio.sleep(0)

    _, said, _ = await run(Plain(), Slow(), Broken(), Forgetful(), bell=Bell())
    assert seen[0] == "run_started" and seen[-1] == "result" and "tool_call" in seen
    assert later == seen
    assert len(said) == 2  # once, and it sees no more
    assert "Plugin 'p2': agentfix_on_event failed: ValueError('no')." in said
    assert any("'p3'" in line and "declare it with `async def`" in line for line in said)


async def test_a_hook_that_ends_the_program_is_named_and_ends_nothing():
    class Plugin:
        @hookimpl
        def agentfix_on_event(self, event):
            raise SystemExit(3)

    said = []
    lifecycle = Lifecycle(Plugins(Settings(), {"p": Plugin()}, installed=False).implementations, said.append)
    lifecycle.on_event(Event("notice", "r", 0.0, {"message": "fine"}))
    assert said == ["Plugin 'p': agentfix_on_event failed: SystemExit(3)."]


async def test_a_hook_that_hangs_is_given_up():
    said = []

    async def hang(call):
        await asyncio.Event().wait()

    plugin = hook("agentfix_before_tool_call", hang)
    settings = Settings()
    lifecycle = Lifecycle(Plugins(settings, {"p": plugin}, installed=False).implementations, said.append, 0.05)
    from agentfix import PendingToolCall

    pending = PendingToolCall("r", "c1", ToolCall("bell", {"n": 1}), Bell(side_effects=True).spec)
    _, objection = await lifecycle.before_tool_call(pending)
    assert objection == Deny("plugin 'p', which guards it, failed.")
    assert said == ["Plugin 'p': agentfix_before_tool_call took longer than 0.05 s."]
