"""`--critic NAME`: a plugin's critic is asked besides the kind's own."""

from __future__ import annotations

import json

from agentfix import Agent, Critique, Evidence, EvidenceClass, Plugins, hookimpl
from agentfix.cli.main import main
from agentfix.testing import ScriptedModel, script_plugin


class Whole:
    name = "whole-numbers"

    async def review(self, task, attempts, context):
        return [
            Critique(a.id, self.name, "revise", "People can't be divided.", (Evidence(
                EvidenceClass.MEASUREMENT, "refutes", f"{a.answer} is not whole", self.name, "instrument"),))
            for a in attempts if "." in (a.answer or "")
        ]


class Plugin:
    @hookimpl
    def agentfix_register_critics(self, register):
        register("whole-numbers", lambda build: Whole())


def run(model, *arguments):
    return main(
        ["run", "13 people share 2 boats equally. How many people are in the fuller one?", "--model", "scripted:",
         "--sandbox", "embedded", "--json", *arguments],
        make_agent=lambda settings: Agent(
            settings, Plugins(settings, {"script": script_plugin(model), "whole": Plugin()})))


def test_its_evidence_leads_to_a_revision(capfd):
    model = ScriptedModel(["```python\nanswer = 13 / 2\n```", "```python\nanswer = 7\n```", "The answer is 7."])
    assert run(model, "--critic", "whole-numbers") == 0
    told = json.loads(capfd.readouterr().out)
    assert told["answer"] == "7" and told["attempts"][0]["standing"]["state"] == "refuted"
    assert "People can't be divided." in model.requests[1].messages[-1].content


def test_an_unknown_one_is_misuse_and_named(capfd):
    model = ScriptedModel([])
    assert run(model, "--critic", "whole-number") == 2
    assert "whole-numbers" in capfd.readouterr().err
    assert model.requests == []
