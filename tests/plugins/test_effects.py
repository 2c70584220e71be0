"""Critics `effects` and `verify`: what became of an attempt's acts, as their tools and the world tell it."""

from __future__ import annotations

import json

import pytest
from agentfix_plugins.acting.acts import acts_in, looks, not_made_good, overtaken, told

from agentfix import (
    Agent,
    Attempt,
    Claim,
    Evidence,
    EvidenceClass,
    Observation,
    Settings,
    Step,
    ToolCall,
    ToolError,
    hookimpl,
    tool,
)
from agentfix.journal import SqliteJournal
from agentfix.plugins import Plugins
from agentfix.testing import ScriptedModel, ScriptedSandbox


class House:
    """Lamps, one of which says that it is on and is not; a plug mends it."""

    def __init__(self) -> None:
        self.on: set[str] = set()
        self.plugged = False

    @hookimpl
    def agentfix_register_tools(self, register):
        for each in self.tools():
            register(each)

    def tools(self):
        @tool(side_effects=True)
        def light(room: str) -> str:
            """Turn on the light in a room."""
            if room not in ("hall", "attic"):
                raise ToolError(f"There is no room {room!r}.")
            if room == "hall" or self.plugged:
                self.on.add(room)
            return "It is on."

        @light.verifier
        def shines(claim: Claim):
            if claim.call is None:
                return None
            room = claim.call.arguments["room"]
            return Evidence(EvidenceClass.CONTRACT, "supports" if room in self.on else "refutes",
                            f"the lamp in the {room} is {'on' if room in self.on else 'dark: its plug is out'}", "me",
                            "caller")

        @tool(side_effects=True)
        def plug_in() -> str:
            """Plug in the lamp in the attic."""
            self.plugged = True
            return "Plugged in."

        @tool
        def lamps() -> str:
            """Say which lamps are on."""
            return ", ".join(sorted(self.on)) or "none"

        return [light, plug_in, lamps]


HALL, ATTIC, CELLAR = (("light", {"room": room}) for room in ("hall", "attic", "cellar"))


def step(*calls):
    return json.dumps({"thought": "", "calls": [{"tool": n, "arguments": a} for n, a in calls]})


def answer(text):
    return json.dumps({"thought": "", "answer": text})


def redone(*plans):
    """What three derivations say; nothing in common unless told."""
    texts = [json.dumps({"calls": [{"tool": n, "arguments": a} for n, a in plan]}) for plan in plans]
    return texts + ['{"calls": []}'] * (3 - len(texts))


def judged(**things):
    return json.dumps({"things": [{"asked": k, "seen": "the list", "done": v} for k, v in things.items()]})


async def willing(call, reason):
    return True


class Judge:
    """Another model, which plays the same script."""

    name = "judge"

    def __init__(self, model):
        self.generate, self.aclose = model.generate, model.aclose


async def ask(*steps, seen=None, plugin=None, **chosen):
    model, house = ScriptedModel(steps), House()

    class Script:
        @hookimpl
        def agentfix_register_models(self, register):
            register("scripted", lambda build: model)
            register("judge", lambda build: Judge(model))

        @hookimpl
        def agentfix_register_sandboxes(self, register):
            register("none", lambda build: ScriptedSandbox([]))

    settings = Settings(**{"model": "scripted:", "sandbox": "none", "tools": ("light", "plug_in", "lamps"), **chosen})
    plugins = Plugins(settings, {"script": Script(), "house": house, **({"more": plugin} if plugin else {})})
    async with Agent(settings, plugins, journal=SqliteJournal(None), on_approval=willing) as agent:
        result = await agent.arun("Turn on the light in the hall and in the attic.",
                                  on_event=None if seen is None else seen.append)
    model.assert_done()
    return result, house, model


def pieces(result, attempt):
    return [(e.polarity, e.kind, e.coverage) for c in result.critiques if c.attempt == attempt for e in c.evidence]


async def test_an_act_without_its_effect_is_found_and_mended():
    result, house, model = await ask(
        step(HALL, ATTIC), answer("Both are on."),  # the first attempt
        step(("plug_in", {})), step(ATTIC), step(ATTIC), answer("Now both are on."), *redone(),
        judged(hall=True, attic=True))
    assert house.on == {"hall", "attic"}
    assert result.standings[0].state == "refuted" and "its plug is out" in model.requests[2].messages[-1].content
    # what the tools observed is a measurement of parts; that all is done is no more than the model's opinion
    assert result.best == 1 and result.supported_by is EvidenceClass.OPINION
    assert ("supports", EvidenceClass.MEASUREMENT, "part") in pieces(result, 1)


async def test_no_tool_can_speak_as_the_caller():
    result, _, _ = await ask(step(HALL), answer("done"), *redone(), judged(hall=True), strategy="critic")
    assert {kind for _, kind, _ in pieces(result, 0)} == {EvidenceClass.MEASUREMENT, EvidenceClass.OPINION}


async def test_an_act_that_failed_and_was_left_so_is_a_fault():
    result, _, model = await ask(
        step(CELLAR), answer("All lights are on."), step(HALL), answer("The hall is lit."), *redone(),
        judged(hall=True))
    assert result.standings[0].state == "refuted"
    assert "There is no room 'cellar'" in model.requests[2].messages[-1].content


async def test_who_owns_up_to_a_failure_is_not_refuted_for_it():
    result, _, _ = await ask(step(CELLAR), answer("There is no such room."), *redone(), judged(cellar=True),
                             max_rounds=1)
    assert result.standings[0].state == "supported"


async def test_what_another_model_misses_is_an_opinion_and_is_mended():
    result, house, model = await ask(
        step(HALL), answer("Done."), *redone(), judged(hall=True, attic=False), step(("plug_in", {})), step(ATTIC),
        answer("Both."), *redone(), judged(hall=True, attic=True), critic_model="judge:")
    assert (result.standings[0].state, result.standings[0].kind) == ("refuted", EvidenceClass.OPINION)
    assert "attic" in model.requests[4].messages[-1].content
    assert house.on == {"hall", "attic"} and result.best == 1


async def test_what_a_model_thinks_of_its_own_acts_is_no_reason_to_act_again():
    result, house, _ = await ask(step(HALL), answer("Done."), *redone(), judged(hall=True, attic=False))
    assert house.on == {"hall"} and len(result.attempts) == 1
    assert result.stop_reason.startswith("only its own opinion speaks against what was done")


async def test_the_world_is_looked_at_again_and_shown_to_the_judge():
    events = []
    await ask(step(HALL), answer("Done."), *redone(), judged(hall=True), seen=events)
    called = [(e.data["caller"], e.data["call"].tool) for e in events if e.kind == "tool_call"]
    assert called[:3] == [("actor", "light"), ("critic", "lamps"), ("critic", "light.verify")]


async def test_the_judge_is_shown_what_a_tool_said_that_always_says_the_same():
    @tool(deterministic=True)
    def count(text: str) -> int:
        """Count words."""
        return len(text.split())

    class Counter:
        @hookimpl
        def agentfix_register_tools(self, register):
            register(count)

    _, _, model = await ask(step(("count", {"text": "in the hall"})), answer("3 words"), judged(words=True),
                            tools=("count",), plugin=Counter(), strategy="best-of-n:1")
    assert "count" in model.requests[2].messages[-1].content
    assert "\n3\n" in model.requests[2].messages[-1].content


async def test_a_judge_that_cannot_be_read_says_nothing():
    result, _, _ = await ask(step(HALL), answer("Done."), *redone(), "It looks fine to me.")
    assert result.standings[0].state == "unsupported" and result.stop_reason.startswith("nothing speaks against")


async def test_derivations_that_make_the_same_acts_agree_with_the_attempt():
    result, _, model = await ask(
        step(HALL), answer("Done."), *redone([HALL], [HALL, ATTIC], [("light", {"room": "Hall"})]))
    assert result.supported_by is EvidenceClass.AGREEMENT and "2 of 3 derivations" in result.reason
    shown = model.requests[2].messages[-1].content
    assert "light(room: string)" in shown and "It is on." not in shown


@pytest.mark.parametrize("plans", [([HALL],), ([HALL, ATTIC], [HALL, ATTIC]), ([], [])])
async def test_derivations_that_do_not_agree_say_nothing(plans):
    result, _, _ = await ask(step(HALL), answer("Done."), *redone(*plans), "no verdict")
    assert result.standings[0].state == "unsupported" and result.standings[0].kind is EvidenceClass.MEASUREMENT


async def test_who_planned_to_act_and_did_not_is_sent_back():
    planning = json.dumps({"plan": [{"do": "the hall", "tool": "light"}],
                           "calls": [{"tool": "lamps", "arguments": {}}]})
    result, house, model = await ask(
        planning, answer("All is lit."), step(HALL), answer("Now."), *redone([HALL], [HALL]))
    assert "you planned to use light" in model.requests[2].messages[-1].content
    assert (result.standings[0].state, result.standings[0].kind) == ("refuted", EvidenceClass.MEASUREMENT)
    assert house.on == {"hall"} and result.best == 1


async def test_what_was_not_planned_and_nobody_would_do_is_to_be_taken_back():
    planning = json.dumps({"plan": [{"do": "the hall", "tool": "light"}],
                           "calls": [{"tool": "lamps", "arguments": {}}]})
    result, _, model = await ask(
        planning, step(HALL), step(("plug_in", {})), answer("Lit."), *redone([HALL], [HALL]), answer("Not possible."))
    assert "Take it back." in model.requests[5].messages[-1].content
    assert (result.standings[0].state, result.standings[0].kind) == ("refuted", EvidenceClass.AGREEMENT)
    assert "plug_in" in next(c.feedback for c in result.critiques if c.attempt == 0 and c.critic == "effects")


async def test_who_got_lost_begins_anew_and_does_not_read_how_it_went_in_circles():
    look = step(("lamps", {}))
    result, house, model = await ask(look, look, look, look, step(HALL), answer("Lit."), *redone([HALL], [HALL]))
    assert [(a.parent, a.answer) for a in result.attempts] == [(None, None), (None, "Lit.")]
    assert house.on == {"hall"} and len(model.requests[4].messages) == 2


# --- without asking anybody ---------------------------------------------------------------------------------------


OK, BAD = Observation("t", "ok", ""), Observation("t", "error", "no")
SPECS = {each.spec.name: each.spec for each in House().tools()}


def steps(*made):
    """Steps of one call of `light` each: (room, went well)."""
    return [Step("", tuple(ToolCall("light", {"room": room}) for room, _ in step),
                 tuple(OK if well else BAD for _, well in step)) for step in made]


@pytest.mark.parametrize(("made", "left"), [
    ([[("a", True)]], []),
    ([[("a", False)]], ["a"]),
    ([[("a", False)], [("b", True)]], []),
    ([[("a", False)], [("b", False)], [("c", True)]], []),
    ([[("a", False), ("b", False)], [("c", True)]], ["a", "b"]),
    ([[("a", True), ("b", False)]], ["b"]),
    ([[("a", True)], [("b", False)]], ["b"]),
])
def test_an_act_is_made_good_by_a_later_one_of_its_tool(made, left):
    assert [act.call.arguments["room"] for act in not_made_good(acts_in(steps(*made), SPECS))] == left


def test_an_act_is_overtaken_by_one_on_the_same_thing():
    first, second, other = acts_in(steps([("a", True)], [("a", True)], [("b", True)]), SPECS)
    assert overtaken(first, [second]) and not overtaken(second, [other])


def test_looks_are_those_of_the_actor_and_those_that_an_act_names():
    @tool
    def lamp(room: str) -> str:
        """Say whether a lamp is on."""
        return ""

    @tool
    def bill(month: int) -> str:
        """Say what it costs."""
        return ""

    specs = {**SPECS, "lamp": lamp.spec, "bill": bill.spec}
    made = [*steps([("a", True), ("b", False)]), Step("", (ToolCall("bill", {"month": 3}),), (OK,))]
    assert sorted(map(told, looks(made, specs, 9))) == ["bill(month=3)", "lamp(room=\"a\")", "lamps()"]


# --- verify -------------------------------------------------------------------------------------------------------


async def test_adding_a_tool_adds_a_check_for_any_kind():
    @tool
    def almanac(year: int) -> str:
        """Look a year up."""
        return ""

    @almanac.verifier
    def right(claim: Claim):
        assert claim.question.startswith("In what year")
        polarity = "supports" if "1969" in claim.text else "refutes"
        return Evidence(EvidenceClass.MEASUREMENT, polarity, "the almanac says 1969", "", "instrument")

    class Parts:
        @hookimpl
        def agentfix_register_models(self, register):
            register("scripted", lambda build: model)

        @hookimpl
        def agentfix_register_tools(self, register):
            register(almanac)

    model = ScriptedModel(["In 1968.", '{"feedback": "", "verdict": "accept"}', "In 1969.",
                           '{"feedback": "", "verdict": "accept"}'])
    settings = Settings(model="scripted:", sandbox="embedded", kind="text", critics=("verify",), tools=("almanac",))
    async with Agent(settings, Plugins(settings, {"parts": Parts()}), journal=SqliteJournal(None)) as agent:
        result = await agent.arun("In what year did people first walk on the moon?")
    assert result.answer == "In 1969." and result.supported_by is EvidenceClass.MEASUREMENT
    assert "the almanac says 1969" in model.requests[2].messages[-1].content


def test_an_attempt_without_acts_has_none():
    assert acts_in(Attempt(0, None, "act", "m", "", "").steps, SPECS) == []
