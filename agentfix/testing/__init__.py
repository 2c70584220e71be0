"""What a plugin author needs to test a plugin without a language model, a network or a sandbox.

    model = ScriptedModel(["answer = 41", "answer = 42"])
    agent = Agent(settings, Plugins(settings, extra={"script": script_plugin(model)}))   # settings.model: "scripted:"
    ...
    model.assert_done()

What plays a script fails when it is asked for more, and by `assert_done` when it was asked for less. `tool_context` and
`critic_context` are what a tool or a critic is given. A journal needs no stand-in: with `journal="memory"` in the
settings an agent leaves nothing behind.

A part of your own can be held to what every part must do: see `ToolConformance` and its like in
`agentfix.testing.checks`, which `agentfix plugins check` runs too, and `SandboxConformance`.

A run that was recorded is a test without a model. Record it once, with the plugin, and replay it: models and tools say
what they said, and your kind, critic and strategy work on it anew.

    agentfix run --plugin ./my_critic.py --critic my-critic --record tests/shirt.jsonl "A shirt costs ..."

    async def test_the_critic_refutes_the_first_attempt():
        settings = Settings(journal="memory")
        async with Agent(settings, Plugins(settings, {"mine": my_critic})) as agent:
            result = await agent.areplay("tests/shirt.jsonl")
        assert result.critiques[0].verdict == "revise"

A replay fails with what differs when the plugin asks for something else than it did: then record it again.
"""

from __future__ import annotations

from agentfix.testing.checks import (
    ConformanceWarning,
    CriticConformance,
    KindConformance,
    PluginConformance,
    StrategyConformance,
    ToolConformance,
)
from agentfix.testing.conformance import SandboxConformance
from agentfix.testing.context import FixedSecrets, Page, ScriptedHttp, tool_context
from agentfix.testing.kind import PlainKind
from agentfix.testing.model import ScriptedModel, Step
from agentfix.testing.parts import ScriptedSearch, ScriptedTool, critic_context
from agentfix.testing.plugin import script_plugin
from agentfix.testing.sandbox import NeverEnds, Outcome, ScriptedSandbox

__all__ = [
    "ConformanceWarning",
    "CriticConformance",
    "FixedSecrets",
    "KindConformance",
    "NeverEnds",
    "Outcome",
    "Page",
    "PlainKind",
    "PluginConformance",
    "SandboxConformance",
    "ScriptedHttp",
    "ScriptedModel",
    "ScriptedSandbox",
    "ScriptedSearch",
    "ScriptedTool",
    "Step",
    "StrategyConformance",
    "ToolConformance",
    "critic_context",
    "script_plugin",
    "tool_context",
]
