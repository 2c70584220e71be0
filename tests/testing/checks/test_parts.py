"""What critics, strategies, kinds and plugins are held to."""

from __future__ import annotations

import contextlib
import random
import re
import time
import warnings
from typing import Any, ClassVar
from unittest import SkipTest

import pytest
from agentfix_plugins.baselines.self_critique import SelfCritique
from agentfix_plugins.baselines.self_refine import SelfRefine
from agentfix_plugins.critic.strategy import CriticLoop
from agentfix_plugins.critic.tests import TestsCritic
from agentfix_plugins.kinds.code import CodeKind
from agentfix_plugins.kinds.math import MathKind

from agentfix import (
    Critique,
    Deny,
    Draft,
    Evidence,
    EvidenceClass,
    Expand,
    Message,
    Prompt,
    Review,
    Stop,
    ToolCall,
    ToolCalls,
    hookimpl,
)
from agentfix.testing import (
    ConformanceWarning,
    CriticConformance,
    KindConformance,
    PlainKind,
    PluginConformance,
    StrategyConformance,
)


def held_to(conformance, made, check, **attributes: Any) -> None:
    """Run one check."""
    cls = type("Checks", (conformance,), {"timeout_s": 20.0, **attributes})
    getattr(cls(), f"test_{check}")(made)


def fault(conformance, made, check, **attributes: Any) -> str:
    """What a check says of something that fails it."""
    with pytest.raises(AssertionError) as failed:
        held_to(conformance, made, check, **attributes)
    return str(failed.value)


def checks_of(conformance) -> list[str]:
    return [name.removeprefix("test_") for name in vars(conformance) if name.startswith("test_")]


GOOD = [(conformance, made, check) for conformance, parts in (
    (CriticConformance, (SelfCritique(), TestsCritic())), (StrategyConformance, (CriticLoop(), SelfRefine())),
    (KindConformance, (MathKind(), CodeKind(), PlainKind()))) for made in parts for check in checks_of(conformance)]


@pytest.mark.parametrize(("conformance", "made", "check"), GOOD, ids=lambda value: str(getattr(value, "name", value)))
def test_good_parts_pass(conformance, made, check):
    held_to(conformance, made, check)


# --- critics ----------------------------------------------------------------------------------------------------------


class Critic:
    """Says of everything what it was made to say."""

    name = "sharp"

    def __init__(self, says: Any) -> None:
        self.says = says

    async def review(self, task, attempts, context):
        return await self.says(attempts, context) if callable(self.says) else self.says


def evidence(**changes: Any) -> Evidence:
    return Evidence(**{"kind": EvidenceClass.OPINION, "polarity": "supports", "summary": "it seems so", "author": "m",
                       "origin": "model", **changes})


def each(word: str, *said: Evidence):
    async def says(attempts, context):
        return [Critique(attempt.id, "sharp", word, "", said) for attempt in attempts]

    return says


async def _accepts_what_it_can_t_read(attempts, context):
    reply = (await context.ask([Message("user", "Is it so?")]))[0].text
    return [Critique(a.id, "sharp", "revise" if "revise" in reply else "accept") for a in attempts]


async def _gullible(attempts, context):
    return [Critique(a.id, "sharp", "accept" if "verdict accept" in a.text else "revise") for a in attempts]


async def _raises(attempts, context):
    return [Critique(a.id, "sharp", "abstain", a.text.format()) for a in attempts]


async def _shows_all(attempts, context):
    if not context.asked:
        return ToolCalls((ToolCall("python", {"code": "1"}),))
    await context.ask([Message("user", f"A tool says: {context.asked[0].observation.text}")])
    return [Critique(a.id, "sharp", "abstain") for a in attempts]


async def _asks_forever(attempts, context):
    return ToolCalls((ToolCall("python", {"code": str(len(context.asked))}),))


async def _sleeps(attempts, context):
    time.sleep(1.5)  # noqa: ASYNC251 - that is what is wrong with it
    return []


async def _writes(attempts, context):
    from pathlib import Path

    with contextlib.suppress(OSError):
        (Path.home() / "agentfix-was-here").write_text("x")
    return []


@pytest.mark.parametrize(("says", "check", "said"), [
    (_raises, "it_judges_whatever_it_is_shown", "raised KeyError"),
    (_asks_forever, "it_judges_whatever_it_is_shown", "asked for tools 8 times"),
    (_sleeps, "it_judges_whatever_it_is_shown", "at test_parts.py line"),
    ("fine", "it_judges_whatever_it_is_shown", "list of Critiques: it is 'fine'"),
    ([Critique(99, "sharp", "accept")], "its_critiques_are_well_formed", "attempt 99"),
    (each("perhaps"), "its_critiques_are_well_formed", "'perhaps'"),
    (["fine"], "its_critiques_are_well_formed", "no Critique"),
    (each("accept", evidence(kind=EvidenceClass.MEASUREMENT)), "its_evidence_counts",
     "claims to be measurement, but its origin 'model' can give agreement"),
    (each("accept", evidence(coverage="necessary")), "its_evidence_counts", "can't count"),
    (each("accept", evidence(weight=0.0)), "its_evidence_counts", "can't count"),
    (_accepts_what_it_can_t_read, "what_it_can_t_read_it_does_not_accept", "a verdict that can't be read is abstain"),
    (_shows_all, "what_tools_said_opens_no_turn_in_its_prompts", "put it through agentfix.fence"),
    (_gullible, "an_attempt_can_t_talk_it_round", "once the attempt says of itself"),
    (_writes, "it_does_nothing_but_judge", "only tools do that"),
])
def test_a_bad_critic_is_named(says, check, said):
    assert said in fault(CriticConformance, Critic(says), check)


# --- strategies -------------------------------------------------------------------------------------------------------


class Strategy:
    """Decides as it was made to."""

    name = "bold"

    def __init__(self, decides: Any) -> None:
        self.decide = lambda tree, budget, memory, seed: decides(tree)


@pytest.mark.parametrize(("decides", "check", "said"), [
    (lambda tree: [Expand(parent=3)], "its_moves_can_be_made", "it expands attempt 3, but there are 0"),
    (lambda tree: [Expand(n=100)], "its_moves_can_be_made", "100 attempts at once"),
    (lambda tree: [Expand(role="poet")], "its_moves_can_be_made", "role 'poet'"),
    (lambda tree: [Review((0,))], "its_moves_can_be_made", "reviews attempts (0,), but there are 0"),
    (lambda tree: ["stop"], "its_moves_can_be_made", "'stop', which is no move"),
    (lambda tree: None, "its_moves_can_be_made", "it must decide a list of moves: it is None"),
    (lambda tree: 1 / 0, "its_moves_can_be_made", "raised ZeroDivisionError"),
    (lambda tree: [Review((0,))] if tree.attempts else [Expand()], "it_comes_to_an_end", "give Stop(reason)"),
    (lambda tree: [Expand(temperature=random.random())] if not tree.attempts else [Stop("x")],
     "it_decides_alike_on_what_is_alike", "random.Random(seed)"),
])
def test_a_bad_strategy_is_named(decides, check, said):
    assert said in fault(StrategyConformance, Strategy(decides), check)


def test_what_a_strategy_draws_does_not_change_what_others_draw():
    random.seed(7)
    expected = random.random()
    random.seed(7)
    held_to(StrategyConformance, CriticLoop(), "it_comes_to_an_end")
    assert random.random() == expected


# --- kinds ------------------------------------------------------------------------------------------------------------


class BadRead(PlainKind):
    def read(self, task, role, text):
        return Draft(text.split()[0])


class BadSame(PlainKind):
    def same(self, a, b):
        return a < b


class BadPrompt(PlainKind):
    def prompt(self, task, role, parent, guidance):
        return Prompt(())


class BadShow(PlainKind):
    def prompt(self, task, role, parent, guidance):
        said = parent.observation.text if parent is not None else ""
        return Prompt((Message("user", f"{task.question} {said}"),))


class BadRoles(PlainKind):
    roles: ClassVar[Any] = "answer"


class BadMatch(PlainKind):
    def matches(self, task):
        return "Who" in task.question or None


@pytest.mark.parametrize(("kind", "check", "said"), [
    (BadRead(), "it_reads_any_completion", "raised IndexError"),
    (BadSame(), "an_answer_is_the_same_as_itself", "'42' is not the same as itself"),
    (BadPrompt(), "it_puts_any_task", "give a Prompt with messages"),
    (BadShow(), "what_tools_said_opens_no_turn_in_its_prompts", "put it through agentfix.fence"),
    (BadRoles(), "it_says_what_it_is", "roles must be a tuple of names: it is 'answer'"),
    (BadMatch(), "it_puts_any_task", "matches("),
])
def test_a_bad_kind_is_named(kind, check, said):
    assert said in fault(KindConformance, kind, check)


# --- plugins ----------------------------------------------------------------------------------------------------------


def plugin(**hooks: Any) -> object:
    """A plugin with these hooks."""
    return type("Plugin", (), {f"agentfix_{name}": hookimpl(hook) for name, hook in hooks.items()})()


def _clashes(self, register):
    register("python", lambda build: None)


def _misnames(self, register):
    register("blunt", lambda build: Critic([]))


def _lacks(self, register):
    register("sharp", lambda build: object())


def _shouts(self, register):
    register("LOUD Critic", lambda build: Critic([]))


def _divides(self, register):
    register("sharp", lambda build: 1 / 0)


@pytest.mark.parametrize(("hooks", "check", "said"), [
    ({"on_evnt": lambda self, event: None}, "its_hooks_are_known_and_written_right",
     "Did you mean 'agentfix_on_event'?"),
    ({"on_event": lambda self, evt: None}, "its_hooks_are_known_and_written_right", "takes 'evt'"),
    ({"register_tools": _clashes}, "it_registers_its_parts", "'python' is registered by plugin 'python' already"),
    ({"register_tools": lambda self, register: 1 / 0}, "it_registers_its_parts", "ZeroDivisionError"),
    ({"register_critics": _shouts}, "its_parts_have_names_that_can_be_typed", "'LOUD Critic'"),
    ({"register_critics": _misnames}, "its_parts_can_be_made", "critic 'blunt' calls itself 'sharp'"),
    ({"register_critics": _lacks}, "its_parts_can_be_made", "which is no Critic"),
    ({"register_critics": _divides}, "its_parts_can_be_made", "making critic 'sharp' failed: ZeroDivisionError"),
    ({"on_event": lambda self, event: event.data["what"]}, "its_hooks_stand_what_happens_in_a_run",
     "agentfix_on_event failed: KeyError('what')"),
    ({"before_tool_call": lambda self, call: "no"}, "its_hooks_stand_what_happens_in_a_run", "returned 'no'"),
    ({"on_event": lambda self, event: time.sleep(1.5 * (event.kind == "result"))},
     "its_hooks_stand_what_happens_in_a_run", "event loop"),
])
def test_a_bad_plugin_is_named(hooks, check, said):
    assert said in fault(PluginConformance, plugin(**hooks), check)


def test_a_good_plugin_passes():
    def good(self, register):
        register("sharp", lambda build: Critic([]))

    async def before(self, call):
        return Deny("not now")

    made = plugin(register_critics=good, before_tool_call=before, before_model_call=before)
    for check in checks_of(PluginConformance):
        with contextlib.suppress(SkipTest):
            held_to(PluginConformance, made, check)


def test_what_an_import_takes_is_told(tmp_path):
    (tmp_path / "quick.py").write_text("import yaml\n")
    checks = type("Checks", (PluginConformance,), {"target": str(tmp_path / "quick.py")})()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConformanceWarning)  # a busy machine is slow
        checks.test_it_is_imported_quickly(object())
    assert re.fullmatch(r"it takes [0-9.]+ s, and loads .*yaml.*", checks.noted)


def test_an_import_that_takes_long_is_warned_of_with_what_it_loads(tmp_path):
    (tmp_path / "slow.py").write_text("import time, yaml\ntime.sleep(0.6)\n")
    with pytest.warns(ConformanceWarning, match=r"its import takes [0-9.]+ s, and loads .*yaml"):
        held_to(PluginConformance, object(), "it_is_imported_quickly", target=str(tmp_path / "slow.py"))
