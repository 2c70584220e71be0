"""What a plugin author needs to test a plugin without a language model or a sandbox.

    model = ScriptedModel(["answer = 41", "answer = 42"])
    agent = Agent(settings, Plugins(settings, extra={"script": script_plugin(model)}))   # settings.model: "scripted:"
    ...
    model.assert_done()
"""

from __future__ import annotations

from agentfix.testing.model import ScriptedModel, Step
from agentfix.testing.plugin import script_plugin
from agentfix.testing.sandbox import Outcome, ScriptedSandbox

__all__ = ["Outcome", "ScriptedModel", "ScriptedSandbox", "Step", "script_plugin"]
