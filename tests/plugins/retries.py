"""Trees made by hand, and runs of one scripted model, for strategies that try again."""

from __future__ import annotations

from agentfix import (
    Agent,
    Attempt,
    Critique,
    Evidence,
    EvidenceClass,
    Plugins,
    Remaining,
    Settings,
    Task,
    Tree,
    evidence,
)
from agentfix.testing import ScriptedModel, script_plugin

PROSE = "Four crates.\n\nEach holds fifteen.\n\nSo nineteen in all.\n\nThe answer is 19"
ROLES = ("program", "derivation")
BOX = Task("A crate holds 15 jars. How many jars are in 4 crates?", "math")


def attempt(number, answer="19", text=PROSE, *, parent=None, role="program", **more):
    return Attempt(number, parent, role, "actor", text, answer, **more)


def said(number, verdict, kind=EvidenceClass.MEASUREMENT, *, critic="check", feedback="", **more):
    """What a critic says, with evidence of a class; without one, where the verdict is to abstain."""
    origin = "caller" if kind is EvidenceClass.CONTRACT else "instrument"
    polarity = "supports" if verdict == "accept" else "refutes"
    found = () if verdict == "abstain" else (Evidence(kind, polarity, "as checked", critic, origin),)
    return Critique(number, critic, verdict, feedback, found, **more)


def tree(attempts, critiques, *, task=BOX, roles=ROLES, acts=(), reflections=()):
    """What a strategy sees of these."""
    held = [[e for c in critiques if c.attempt == a.id for e in c.evidence] for a in attempts]
    standings = [evidence.standing(each) for each in held]
    return Tree(task, tuple(attempts), tuple(critiques), tuple(standings),
                evidence.best(attempts, critiques, standings),
                evidence.groups(attempts, lambda a, b: a == b), roles, tuple(acts) or (0,) * len(attempts),
                tuple(reflections))


def next_of(strategy, *given, memory=None, **more):
    return strategy.decide(tree(*given, **more), Remaining(), memory or {}, 0)


async def run(strategy, replies, task=BOX, **chosen):
    """The result of a run, with the requests that its models had."""
    model = ScriptedModel(replies)
    settings = Settings(model="scripted:", sandbox="embedded", strategy=strategy, **{"journal": "memory", **chosen})
    async with Agent(settings, Plugins(settings, {"script": script_plugin(model)})) as agent:
        result = await agent.arun(task)
    model.assert_done()
    return result, model.requests


def block(program):
    return f"```python\n{program}\n```"
