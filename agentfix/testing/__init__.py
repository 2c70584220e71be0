"""What a plugin author needs to test a plugin without a language model or a sandbox.

    model = ScriptedModel(["answer = 41", "answer = 42"])
    agent = Agent(settings, Plugins(settings, extra={"script": script_plugin(model)}))   # settings.model: "scripted:"
    ...
    model.assert_done()

A sandbox of your own can be held to what every sandbox must do: see `SandboxConformance`.
"""

from __future__ import annotations

from agentfix.testing.conformance import SandboxConformance
from agentfix.testing.model import ScriptedModel, Step
from agentfix.testing.plugin import script_plugin
from agentfix.testing.sandbox import NeverEnds, Outcome, ScriptedSandbox

__all__ = ["NeverEnds", "Outcome", "SandboxConformance", "ScriptedModel", "ScriptedSandbox", "Step", "script_plugin"]
